/** The Via header (RFC 3261 §20.42) with `received` and `rport` (RFC 3581). */
import { isToken } from './names.ts';
import { elementEnd, type Parameters, parseParameters } from './text.ts';
import { formatHost, parseHostPort } from './uri.ts';

export interface Via {
  /** UDP, TCP, TLS…, upper case. */
  readonly transport: string;
  readonly host: string;
  readonly port: number | null;
  /** '' when absent. */
  readonly branch: string;
  readonly parameters: Parameters;
}

export const MAGIC_COOKIE = 'z9hG4bK';

/** Parses the first element of a Via field. Its version is not judged: a wrong one is answered by it. */
export function parseVia(field: string): Via | null {
  const text = field.slice(0, elementEnd(field, 0)).trim();
  const protocolEnd = endOfProtocol(text);
  if (protocolEnd < 0) return null;
  const slashes = text.slice(0, protocolEnd).split('/');
  const [name, version, transport] = slashes.map((part) => part.trim());
  if (slashes.length !== 3 || name?.toUpperCase() !== 'SIP' || !version) return null;
  if (transport === undefined || !isToken(transport)) return null;
  const semicolon = text.indexOf(';', protocolEnd);
  const sentBy = parseHostPort(text.slice(protocolEnd, semicolon < 0 ? text.length : semicolon));
  const parameters = parseParameters(text, semicolon < 0 ? text.length : semicolon);
  if (!sentBy || !parameters) return null;
  return {
    transport: transport.toUpperCase(),
    host: sentBy.host,
    port: sentBy.port,
    branch: parameters.get('branch') ?? '',
    parameters,
  };
}

/** Index of the blank between `SIP/2.0/UDP` and sent-by; blanks around the slashes are allowed. */
function endOfProtocol(text: string): number {
  const second = text.indexOf('/', text.indexOf('/') + 1);
  if (second < 0) return -1;
  let at = second + 1;
  while (at < text.length && isBlank(text.charCodeAt(at))) at++;
  while (at < text.length && !isBlank(text.charCodeAt(at))) at++;
  return at < text.length ? at : -1;
}

const isBlank = (code: number): boolean => code === 32 || code === 9;

/** The Via field as the receiver completes it: where the message really came from (RFC 3581 §4). */
export function stampVia(field: string, via: Via, address: string, port: number): string {
  const end = elementEnd(field, 0);
  const askedForPort = via.parameters.get('rport') === '';
  if (!askedForPort && via.host === address) return field;
  let stamped = `SIP/2.0/${via.transport} ${formatHost(via.host)}${via.port === null ? '' : `:${via.port}`}`;
  for (const [name, value] of via.parameters) {
    if (name === 'received' || (name === 'rport' && askedForPort)) continue;
    stamped += value === '' ? `;${name}` : `;${name}=${value}`;
  }
  stamped += `;received=${address}`;
  if (askedForPort) stamped += `;rport=${port}`;
  return stamped + field.slice(end);
}
