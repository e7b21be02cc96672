/** A message to bytes. Content-Length is always counted here; line ends inside values cannot get out. */
import type { SipRequest, SipResponse } from './message.ts';
import { wireName } from './names.ts';

export function serialise(message: SipRequest | SipResponse): Buffer {
  let text =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${oneLine(message.reason)}\r\n`;
  message.headers.forEach((name, value) => {
    if (name !== 'content-length') text += `${wireName(name)}: ${oneLine(value)}\r\n`;
  });
  const length = message.body === '' ? 0 : Buffer.byteLength(message.body);
  return Buffer.from(`${text}Content-Length: ${length}\r\n\r\n${message.body}`);
}

/** A header value given by a caller must not be able to add a header. */
function oneLine(value: string): string {
  return value.includes('\n') || value.includes('\r') ? value.replace(/[\r\n]+/g, ' ') : value;
}
