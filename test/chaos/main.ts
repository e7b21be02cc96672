/**
 * `npm run chaos`: a hundred calls, one fault after the other, a table with figures, and an exit code
 * that says whether everything held. `--calls 100 --faults kill-worker,freeze-worker --json out.json`.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Closers } from '../../shared/kernel/closers.ts';
import { faults } from './faults/all.ts';
import { injected } from './inject-orders.ts';
import type { Check } from './judge.ts';
import { type Outcome, runFault } from './run-fault.ts';
import { Scene } from './scene.ts';

const { values: options } = parseArgs({
  options: {
    calls: { type: 'string', default: '100' },
    faults: { type: 'string' },
    workers: { type: 'string', default: '3' },
    json: { type: 'string' },
    /** Print what the services write. */
    verbose: { type: 'boolean', default: false },
  },
});

const closers = new Closers();
const owner = { after: (close: () => void | Promise<void>) => closers.push(close) };
const chosen = options.faults === undefined ? faults : options.faults.split(',').map(named);
const outcomes: Outcome[] = [];
try {
  const scene = await Scene.open(owner, {
    workers: Number(options.workers),
    environment: { DRAIN_TIMEOUT: '3s', ...injected() },
  });
  const calls = Number(options.calls);
  const settingUp = Math.max(2, Math.round(calls / 10));
  for (const fault of chosen) {
    console.log(`• ${fault.title}`);
    const outcome = await runFault(scene, fault, { steady: calls - settingUp, settingUp });
    outcomes.push(outcome);
    for (const check of outcome.checks) console.log(line(check));
    console.table([outcome.figures]);
    if (options.verbose) for (const said of scene.system.lines.splice(0)) console.log(said);
  }
} finally {
  for (const error of await closers.close()) {
    console.error(error);
    process.exitCode = 1;
  }
}
console.table(
  Object.fromEntries(
    outcomes.map(({ fault, figures, checks }) => [
      fault,
      { ...figures, held: checks.every(({ held }) => held) ? 'yes' : 'NO' },
    ]),
  ),
);
if (options.json) writeFileSync(options.json, `${JSON.stringify(outcomes, null, 2)}\n`);
if (outcomes.some(({ checks }) => checks.some(({ held }) => !held))) process.exitCode = 1;
process.exit();

function named(name: string): (typeof faults)[number] {
  const found = faults.find((fault) => fault.name === name);
  if (!found) throw new Error(`--faults ${name}: one of ${faults.map((fault) => fault.name).join(', ')}`);
  return found;
}

function line({ what, held, detail }: Check): string {
  return held ? `  ✓ ${what}` : `  ✗ ${what}: ${detail}`;
}
