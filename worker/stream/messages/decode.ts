/**
 * Messages from the app: PROTOCOL §2.6, §4.3, §14.4. Pure, and safe whatever it is given: the answer is one of
 * a few shapes, or a problem in a sentence. The dialects differ in what they demand: Twilio wants a `streamSid`,
 * Pivot accepts its absence. Formats are read here and understood in the playback.
 */
import type { Dialect } from '../../../shared/domain/dialect.ts';
import { MAX_PARTS, partsOf } from './parts.ts';

/** How the payload's bytes are to be read; absent fields are null. */
export interface GivenFormat {
  readonly encoding: string;
  readonly sampleRate: number | null;
  readonly endianness: 'little' | 'big' | null;
}

export type AppMessage =
  | { readonly event: 'media'; readonly payload: Buffer; readonly format: GivenFormat | null }
  | { readonly event: 'mark'; readonly name: string }
  | { readonly event: 'clear' }
  | { readonly event: 'dtmf'; readonly digits: string }
  | { readonly event: 'hangup' }
  | { readonly event: 'status' }
  | { readonly event: 'problem'; readonly detail: string };

/** What a mark without a name comes back as. */
export const UNNAMED_MARK = 'unknown';
export const MAX_MARK_NAME = 1024;
const MAX_DIGITS = 64;
/** Characters of an unknown event's name that are told. */
const MAX_SHOWN_EVENT = 40;
const digitsShape = /^[0-9A-Da-d*#wW]+$/;
/** Line breaks inside are forgiven. */
const base64Shape = /^[A-Za-z0-9+/_\r\n-]*(?:=[\r\n]*){0,2}$/;

const problem = (detail: string): AppMessage => ({ event: 'problem', detail });

/** Reads one text message. Never throws. `parts` is known when the caller has counted them. */
export function decodeMessage(text: string, streamSid: string, dialect: Dialect, parts = partsOf(text)): AppMessage {
  if (parts > MAX_PARTS) return problem('more values than any message has');
  const message = parse(text);
  if (message === null) return problem('not a JSON object');
  const sid = message['streamSid'];
  if (sid === undefined && dialect === 'twilio') return problem('streamSid is missing');
  if (sid !== undefined && sid !== streamSid) return problem('streamSid is not that of this stream');
  switch (message['event']) {
    case 'media':
      return media(message['media']);
    case 'mark':
      return mark(message['mark'], dialect);
    case 'clear':
      return { event: 'clear' };
    case 'dtmf':
      return dtmf(message['dtmf']);
    case 'hangup':
      return { event: 'hangup' };
    case 'status':
      return { event: 'status' };
    default:
      return problem(unknownEvent(message['event']));
  }
}

/** With the app's own word for it, as much as is needed to find it. */
function unknownEvent(event: unknown): string {
  if (event === undefined) return 'event is missing';
  if (typeof event !== 'string') return 'event is not a string';
  const name = event.length > MAX_SHOWN_EVENT ? `${event.slice(0, MAX_SHOWN_EVENT)}…` : event;
  return `unknown event ${JSON.stringify(name)}`;
}

function media(body: unknown): AppMessage {
  if (!isRecord(body)) return problem('media is missing');
  const payload = body['payload'];
  if (typeof payload !== 'string') return problem('media.payload is not a string');
  if (payload === '') return problem('media.payload is empty');
  const bytes = Buffer.from(payload, 'base64');
  const isWhole = bytes.length === decodedLength(payload);
  if (!isWhole && (bytes.length === 0 || !base64Shape.test(payload))) return problem('media.payload is not base64');
  const given = body['format'];
  if (given === undefined || given === null) return { event: 'media', payload: bytes, format: null };
  const format = readFormat(given);
  return format === null ? problem('media.format is not understood') : { event: 'media', payload: bytes, format };
}

function readFormat(given: unknown): GivenFormat | null {
  if (!isRecord(given)) return null;
  const { encoding, sampleRate = null, endianness = null } = given;
  if (typeof encoding !== 'string') return null;
  if (endianness !== null && endianness !== 'little' && endianness !== 'big') return null;
  const rate = typeof sampleRate === 'string' ? Number(sampleRate) : sampleRate;
  if (rate !== null && (typeof rate !== 'number' || !Number.isInteger(rate))) return null;
  return { encoding: encoding.toLowerCase(), sampleRate: rate, endianness };
}

function mark(body: unknown, dialect: Dialect): AppMessage {
  const name = isRecord(body) ? body['name'] : undefined;
  if (typeof name === 'string' && name !== '') {
    return name.length > MAX_MARK_NAME ? problem('mark.name is too long') : { event: 'mark', name };
  }
  if (dialect === 'twilio' && !isRecord(body)) return problem('mark is missing');
  return { event: 'mark', name: UNNAMED_MARK };
}

function dtmf(body: unknown): AppMessage {
  const digits = isRecord(body) ? body['digits'] : undefined;
  if (typeof digits !== 'string' || digits.length > MAX_DIGITS || !digitsShape.test(digits)) {
    return problem('dtmf.digits is not a row of digits');
  }
  return { event: 'dtmf', digits };
}

/** Node skips what is not base64; when the length comes out as the text promises, nothing was skipped. */
function decodedLength(payload: string): number {
  const padding = payload.endsWith('==') ? 2 : payload.endsWith('=') ? 1 : 0;
  return Math.floor(((payload.length - padding) * 3) / 4);
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
