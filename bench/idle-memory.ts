/**
 * `node dist/bench/idle-memory.js`: what the whole system keeps in memory before its first call, process by process:
 * what each has for itself, and its share of the pages that several have.
 */
import { readFileSync } from 'node:fs';
import { systemClock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { UnderTest } from './under-test.ts';

/** The start is over, and timers that come soon after it too. */
const SETTLE_MS = 3_000;

const closers = new Closers();
try {
  const system = await UnderTest.start({ trunkPort: 9, threads: 1 }, closers);
  await pause(systemClock, SETTLE_MS);
  const rows = system.pids.map((pid) => ({ process: nameOf(pid), ...memoryMb(pid) }));
  console.table(rows);
  console.log(`all: ${(rows.reduce((sum, { pssMb }) => sum + pssMb, 0)).toFixed(1)} MB`);
} finally {
  await closers.close();
}

function nameOf(pid: number): string {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const script = words.find((word) => word.endsWith('.js'));
  return script?.replace(/^.*\/dist\//, '') ?? words[0] ?? '';
}

function memoryMb(pid: number): { readonly pssMb: number; readonly ownMb: number; readonly threads: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mb = (field: string): number =>
    Math.round(Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0) / 102.4) / 10;
  const threads = Number(/^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return { pssMb: mb('Pss'), ownMb: mb('Private_Dirty'), threads };
}
