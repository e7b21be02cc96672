/** The characters of a document: by its byte order mark, by its XML declaration, else UTF-8. */

export function decodeText(body: Uint8Array): string {
  const label = markOf(body) ?? declared(body) ?? 'utf-8';
  try {
    return new TextDecoder(label).decode(body);
  } catch {
    return new TextDecoder('utf-8').decode(body);
  }
}

function markOf(body: Uint8Array): string | null {
  if (body[0] === 0xfe && body[1] === 0xff) return 'utf-16be';
  if (body[0] === 0xff && body[1] === 0xfe) return 'utf-16le';
  return null;
}

/** Only encodings that share ASCII can be declared in it. */
function declared(body: Uint8Array): string | null {
  const head = Buffer.from(body.subarray(0, 200)).toString('latin1');
  const label = /^\s*<\?xml[^>]*\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/.exec(head)?.[1] ?? null;
  return label === null || /^utf-?16|^ucs/i.test(label) ? null : label;
}
