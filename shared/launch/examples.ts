/** The example apps of `examples/`, run beside the system so that a first call has somewhere to go. */
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../kernel/clock.ts';

export interface ExampleApp {
  readonly name: string;
  readonly url: string;
  stop(): Promise<void>;
}

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../examples');
const START_DEADLINE_MS = 10_000;

/** Starts `examples/<name>.mjs` on a free port; resolves when it has said where it is. */
export function startExample(
  name: string,
  outDir: string,
  clock: Clock,
  onLine: (service: string, line: string) => void,
): Promise<ExampleApp> {
  const child = spawn(process.execPath, [path.join(folder, `${name}.mjs`)], {
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', OUT_DIR: outDir },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  // Whatever way this process ends, its example apps end with it.
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return new Promise((resolve, reject) => {
    const deadline = clock.after(START_DEADLINE_MS, () => {
      child.kill('SIGKILL');
      reject(new Error(`The example app ${name} did not start.`));
    });
    child.once('exit', () => reject(new Error(`The example app ${name} ended while starting.`)));
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        onLine(name, line);
        const url = /http:\/\/\S+/.exec(line)?.[0];
        if (url === undefined) continue;
        deadline.cancel();
        resolve({ name, url, stop: () => stop(child) });
      }
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  await gone;
}
