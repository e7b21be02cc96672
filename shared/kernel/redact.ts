/** What may be written down of a URL or of pressed digits (STYLE: no credential, no digit in a log). */

/** The URL without user, password, query and fragment; `invalid url` when it cannot be parsed. */
export function redactUrl(text: string): string {
  try {
    const url = new URL(text);
    const query = url.search === '' ? '' : '?…';
    return `${url.protocol}//${url.host}${url.pathname}${query}`;
  } catch {
    return 'invalid url';
  }
}

/** Digits as a count of dots, which no key has on it: enough to see that one was pressed, not which. */
export function redactDigits(digits: string): string {
  return '•'.repeat(digits.length);
}
