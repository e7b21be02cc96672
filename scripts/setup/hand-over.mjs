/** Runs a compiled program of ours in place of this one: terminal, signals and exit code pass through. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { root } from './index.mjs';

/** @param {string} file below `dist/` */
export function handOver(file, args = process.argv.slice(2)) {
  const child = spawn(process.execPath, ['--enable-source-maps', path.join(root, 'dist', file), ...args], {
    stdio: 'inherit',
  });
  // Ctrl-C reaches the whole foreground group by itself; this process only waits.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.once('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 0)));
}
