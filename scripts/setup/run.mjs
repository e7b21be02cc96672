/** Runs a command with a sign of life: its output is shown, and every 15 s how long it has been going. */
import { spawn } from 'node:child_process';

/** Resolves with the exit code; a command that cannot be started counts as 127. */
export function run(title, command, args, options = {}) {
  console.log(`• ${title}`);
  const began = Date.now();
  const seconds = () => Math.round((Date.now() - began) / 1000);
  const ticker = setInterval(() => console.log(`  … still at it (${seconds()} s)`), 15_000);
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
    const done = (code) => {
      clearInterval(ticker);
      if (code === 0) console.log(`  done in ${seconds()} s`);
      resolve(code);
    };
    child.once('error', () => done(127));
    child.once('exit', (code) => done(code ?? 1));
  });
}
