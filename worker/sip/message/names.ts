/**
 * Header names: inside the stack they are lower case and long; on the wire they are spelt as the
 * RFCs spell them. Compact forms are those of the IANA registry (RFC 3261 §7.3.3).
 */

const SPELLINGS = [
  'Accept',
  'Accept-Encoding',
  'Accept-Language',
  'Allow',
  'Authorization',
  'Call-ID',
  'Contact',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Length',
  'Content-Type',
  'CSeq',
  'Date',
  'Diversion',
  'Expires',
  'From',
  'History-Info',
  'Info-Package',
  'Max-Forwards',
  'MIME-Version',
  'Min-SE',
  'P-Asserted-Identity',
  'P-Preferred-Identity',
  'Privacy',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'Proxy-Require',
  'Reason',
  'Record-Route',
  'Recv-Info',
  'Remote-Party-ID',
  'Require',
  'Retry-After',
  'Route',
  'Server',
  'Session-Expires',
  'Subject',
  'Supported',
  'Timestamp',
  'To',
  'Unsupported',
  'User-Agent',
  'Via',
  'Warning',
  'WWW-Authenticate',
] as const;

const COMPACT: Readonly<Record<string, string>> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  n: 'identity-info',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
};

/** Names as received, already seen to be right, to their inner form. Never grows after loading. */
const known = new Map<string, string>();
const spelt = new Map<string, string>();
for (const name of SPELLINGS) {
  known.set(name, name.toLowerCase());
  known.set(name.toLowerCase(), name.toLowerCase());
  spelt.set(name.toLowerCase(), name);
}
for (const [short, long] of Object.entries(COMPACT)) {
  known.set(short, long);
  known.set(short.toUpperCase(), long);
}

/** The inner name of a header as received, or null when it is no token (RFC 3261 §25.1). */
export function innerName(received: string): string | null {
  const found = known.get(received);
  if (found !== undefined) return found;
  if (!isToken(received)) return null;
  const lower = received.toLowerCase();
  return known.get(lower) ?? lower;
}

/** The spelling for the wire: the RFC's where known, else each word capitalised. */
export function wireName(inner: string): string {
  return spelt.get(inner) ?? capitalised(inner);
}

function capitalised(name: string): string {
  return name
    .split('-')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('-');
}

const TOKEN_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~";
const tokenTable = new Uint8Array(128);
for (const character of TOKEN_CHARACTERS) tokenTable[character.charCodeAt(0)] = 1;

/** Whether the text is a non-empty `token` of RFC 3261 §25.1. */
export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let at = 0; at < text.length; at++) {
    if (tokenTable[text.charCodeAt(at)] !== 1) return false;
  }
  return true;
}
