/**
 * `npm test`: makes the clone ready, checks the import rules, and runs every test file of `dist/test`
 * with Node's test runner. `npm test -- unit/media` runs only the files whose path contains that.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { root, setUp } from './setup/index.mjs';

const wanted = process.argv.slice(2);
await setUp({ interop: wanted.length === 0 || wanted.some((part) => part.includes('interop')) });

const rules = spawnSync(process.execPath, [path.join(root, 'scripts/import-rules.mjs')], { stdio: 'inherit' });
if (rules.status !== 0) process.exit(1);

const files = [];
collect(path.join(root, 'dist/test'));
if (files.length === 0) {
  console.error(`No test file matches ${wanted.join(', ')}.`);
  process.exit(1);
}
/** Waits for a minute and does little else: it runs beside the first round, as a third. */
const idle = /\/system\/deaf-app\.test\.js$/;
/**
 * Other files that start whole systems. Those that mostly wait go two at a time; those that measure sound, or how long
 * something was silent, have the machine to themselves.
 */
const heavy = (file) => /dist\/test\/(system|interop)\//.test(file) && !idle.test(file);
const waiting =
  /\/(leak-ledger|live-control|dialects|examples|console|bad-phones|bad-applications|launcher|many-machines|redis-topologies|separate-hosts|redis-away|probes|simulate|recovery|two-workers|sipp|gateway-alone)\.test\.js$/;
const rounds = [
  { files: files.filter((file) => !heavy(file)), concurrency: files.some((file) => idle.test(file)) ? 3 : 2 },
  { files: files.filter((file) => heavy(file) && waiting.test(file)), concurrency: 2 },
  { files: files.filter((file) => heavy(file) && !waiting.test(file)), concurrency: 1 },
];
let failed = false;
for (const round of rounds) {
  if (round.files.length > 0) failed = !runRound(round) || failed;
}
process.exit(failed ? 1 : 0);

function runRound({ files: chosen, concurrency }) {
  const { status } = spawnSync(
    process.execPath,
    ['--enable-source-maps', '--test', `--test-concurrency=${concurrency}`, '--test-timeout=180000', ...chosen],
    { stdio: 'inherit', cwd: root, env: { ...process.env, NODE_ENV: 'test' } },
  );
  return status === 0;
}

function collect(folder) {
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    if (statSync(file).isDirectory()) collect(file);
    else if (/\.test\.js$/.test(name) && (wanted.length === 0 || wanted.some((part) => file.includes(part))))
      files.push(file);
  }
}
