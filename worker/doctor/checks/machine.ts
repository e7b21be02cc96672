/** The machine: Node, limits of the kernel, cores, and how evenly time passes on it. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../../../shared/kernel/clock.ts';
import { pause } from '../../../shared/kernel/deadline.ts';
import type { Settings } from '../../../shared/settings.ts';
import { type Finding, fault, ok, warning } from '../finding.ts';

/** RTP, RTCP, a stream or two, and their share of everything else. */
const FILES_PER_CALL = 5;
const OTHER_FILES = 500;
/** What the SIP socket asks for. */
const WANTED_BUFFER = 2 * 1024 * 1024;
const LISTEN_MS = 1500;
/** Delay of timers that callers do not notice, and that they do. */
const FINE_MS = 10;
const BAD_MS = 50;

/** What a test gives in place of the machine's own. */
export interface Machine {
  readonly nodeVersion: string;
  readonly cores: number;
  /** Null where the system has no such thing. */
  readonly openFiles: number | null;
  readonly receiveBuffer: number | null;
}

export function thisMachine(): Machine {
  return {
    nodeVersion: process.versions.node,
    cores: os.availableParallelism(),
    openFiles: numberIn('/proc/self/limits', /^Max open files\s+(\d+)/m),
    receiveBuffer: numberIn('/proc/sys/net/core/rmem_max', /(\d+)/),
  };
}

function numberIn(file: string, shape: RegExp): number | null {
  try {
    const found = shape.exec(readFileSync(file, 'utf8'))?.[1];
    return found === undefined ? null : Number(found);
  } catch {
    return null;
  }
}

export function checkMachine(machine: Machine, settings: Settings): readonly Finding[] {
  return [node(machine), cores(machine, settings), files(machine, settings), buffer(machine)];
}

function node({ nodeVersion }: Machine): Finding {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return ok('node', nodeVersion);
  return fault('node', `${nodeVersion} is too old`, 'Install Node 20.19 or newer.');
}

function cores({ cores: there }: Machine, { WORKER_THREADS: threads }: Settings): Finding {
  const found = `${there} cores, ${threads} worker threads`;
  if (threads <= there) return ok('cores', found);
  return warning(
    'cores',
    found,
    'Set WORKER_THREADS to the cores at most: threads that share one are late with sound.',
  );
}

function files({ openFiles }: Machine, { WORKER_THREADS, CALLS_PER_THREAD }: Settings): Finding {
  if (openFiles === null) return ok('open files', 'no limit known');
  const calls = WORKER_THREADS * CALLS_PER_THREAD;
  const needed = calls * FILES_PER_CALL + OTHER_FILES;
  if (openFiles >= needed) return ok('open files', `up to ${openFiles}`);
  const found = `at most ${openFiles}; ${calls} calls need about ${needed}`;
  return warning(
    'open files',
    found,
    `Raise the limit (ulimit -n ${needed}; LimitNOFILE= of a service), or lower CALLS_PER_THREAD.`,
  );
}

function buffer({ receiveBuffer }: Machine): Finding {
  if (receiveBuffer === null) return ok('udp buffer', 'no limit known');
  if (receiveBuffer >= WANTED_BUFFER) return ok('udp buffer', `up to ${receiveBuffer} bytes`);
  const found = `net.core.rmem_max is ${receiveBuffer}: bursts of SIP and RTP may be lost`;
  return warning('udp buffer', found, `sysctl -w net.core.rmem_max=${WANTED_BUFFER}`);
}

/** Listens for a while how late timers are on this machine as it is now. */
export async function checkTimers(clock: Clock): Promise<Finding> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const alive = setInterval(() => {}, LISTEN_MS);
  await pause(clock, LISTEN_MS);
  clearInterval(alive);
  delay.disable();
  const [p99, max] = [delay.percentile(99) / 1e6 - 5, delay.max / 1e6 - 5].map((ms) => Math.max(0, ms)) as [
    number,
    number,
  ];
  const found = `late by ${p99.toFixed(1)} ms at p99, ${max.toFixed(1)} ms at worst, in ${LISTEN_MS / 1000} s`;
  if (p99 <= FINE_MS) return ok('timers', found);
  const remedy = 'Something else uses this machine: sound will come in bursts. Give the workers cores of their own.';
  return p99 <= BAD_MS ? warning('timers', found, remedy) : fault('timers', found, remedy);
}
