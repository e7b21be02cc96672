/** The API as the console asks it. */

/** Whole, because the page's own address may carry credentials, and relative ones then would too: fetch refuses those. */
export const address = (path) => new URL(path, location.origin).href;

/** The body of an answer; /readyz tells its state with 503 too. @throws Error with the API's own sentence. */
export async function get(path) {
  const answer = await fetch(address(path), { headers: { Accept: 'application/json' }, cache: 'no-store' });
  if (!answer.ok && path !== '/readyz') throw await problemOf(answer);
  return await answer.json();
}

/** @throws Error with the API's own sentence. */
export async function post(path, body) {
  const answer = await fetch(address(path), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw await problemOf(answer);
  return await answer.json();
}

async function problemOf(answer) {
  const { detail, title } = await answer.json().catch(() => ({}));
  return new Error(detail ?? title ?? `The API answered ${answer.status}.`);
}
