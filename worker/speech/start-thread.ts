/**
 * Starts the thread file beside this one, compiled or not: `new URL` strings keep their ending when the
 * sources are compiled, and a thread does not inherit the loader that runs TypeScript in development.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/** `name` without its ending, in this folder. */
export function startThread(name: string): Worker {
  const extension = path.extname(fileURLToPath(import.meta.url));
  const file = new URL(`./${name}${extension}`, import.meta.url);
  if (extension === '.js') return new Worker(file);
  const loader = import.meta.resolve('tsx/esm/api');
  const code = `import(${JSON.stringify(loader)})
    .then(({ register }) => (register(), import(${JSON.stringify(file.href)})))
    .catch((error) => setImmediate(() => { throw error; }));`;
  return new Worker(code, { eval: true });
}
