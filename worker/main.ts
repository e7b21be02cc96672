/**
 * One worker process: as many threads as `WORKER_THREADS`, each running its own calls, and the one XML
 * parser they share. SIGTERM drains: no new calls, those that run have `DRAIN_TIMEOUT` to end.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { yieldBackgroundThreads } from '../shared/kernel/background-threads.ts';
import { systemClock as clock } from '../shared/kernel/clock.ts';
import type { Closers } from '../shared/kernel/closers.ts';
import type { OwnerId } from '../shared/kernel/ids.ts';
import { createLogger, type Logger } from '../shared/kernel/log.ts';
import { openProbe, type Probe } from '../shared/launch/probe.ts';
import { runService, type ServiceInfo } from '../shared/launch/service.ts';
import { readSettings, type Settings, SettingsError } from '../shared/settings.ts';
import { serveParser } from '../shared/twiml/parser-bridge.ts';
import { openXmlChild } from '../shared/twiml/xml-child.ts';
import { HostMetrics } from './metrics/host-metrics.ts';
import { newOwnerId } from './pool/owner-id.ts';
import { ThreadHost } from './thread-host.ts';

runService('worker', start);

async function start(closers: Closers): Promise<ServiceInfo> {
  const settings = readSettings(process.env);
  if (settings.REDIS_URL === undefined) throw new SettingsError('REDIS_URL is needed: calls come from there.');
  const redisUrl = settings.REDIS_URL;
  const log = createLogger('worker', settings.LOG_LEVEL);
  const xml = openXmlChild();
  closers.push(() => xml.close());
  xml.start();
  putSoundFirst();
  collectSeldom();
  const { WORKER_THREADS: threads, CALLS_PER_THREAD: callsPerThread } = settings;
  const metrics = new HostMetrics(threads, () => host.figures());
  const probe = await openOwnProbe(settings, metrics);
  closers.push(() => probe?.close());
  const host = new ThreadHost({
    // Compiled or not, the thread lies beside this file with the same ending.
    script: new URL(`./thread${path.extname(new URL(import.meta.url).pathname)}`, import.meta.url),
    count: threads,
    probe: probe?.address ?? null,
    serveParser: (port) => serveParser(port, xml),
    newOwner: newOwnerId,
    onDeath: (owner) => void handOver(owner, redisUrl, log),
    clock,
    log,
  });
  closers.push(() => host.drain(settings.DRAIN_TIMEOUT));
  await host.open();
  return { threads, capacity: threads * callsPerThread, ...(probe === null ? {} : { probe: probe.address }) };
}

/**
 * Threads die seldom: the queue is loaded and a connection made for it only then, as this thread needs neither while all
 * is well (they are 15 MB). Without Redis its lease runs out by itself.
 */
async function handOver(owner: OwnerId, redisUrl: string, log: Logger): Promise<void> {
  try {
    const { openQueue } = await import('../shared/queue/queue.ts');
    const queue = await openQueue(redisUrl, clock, log);
    const calls = await queue.handOver(owner).finally(() => queue.close());
    log.warn({ calls, owner }, 'the calls of a thread that died are handed over');
  } catch (error) {
    log.error({ err: error, owner }, 'the calls of a thread that died wait for its lease to run out');
  }
}

async function openOwnProbe({ PROBE_HOST, PROBE_PORT }: Settings, metrics: HostMetrics): Promise<Probe | null> {
  return PROBE_PORT === undefined ? null : await openProbe(PROBE_HOST, PROBE_PORT, () => metrics.text());
}

/**
 * Sound cannot wait: threads that start from here on come before the API, the gateway and Redis on the
 * same core. Where that is not permitted (it takes CAP_SYS_NICE) all are equal, as they would be anyway.
 */
function putSoundFirst(): void {
  const { PRIORITY_HIGH } = os.constants.priority;
  try {
    os.setPriority(PRIORITY_HIGH);
    yieldBackgroundThreads();
    // Linux may share a core among sessions before it looks at that (sched(7), autogroup), and each service is a session of its own.
    if (isSessionOfItsOwn()) writeFileSync('/proc/self/autogroup', String(PRIORITY_HIGH));
  } catch {
    // Not ours to ask for, or no such thing here.
  }
}

/** Not so when it was started by hand: the session is the terminal's, and other programs are in it. */
function isSessionOfItsOwn(): boolean {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // After the name in brackets: state, parent, process group, session (proc(5)).
  const session = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3];
  return Number(session) === process.pid;
}

/**
 * By itself V8 looks through all objects whenever they have grown by a tenth: every 20 s with hundreds of calls, for a quarter
 * of a second in which the thread with the sound has hardly time for anything else. When they may double it is minutes.
 */
function collectSeldom(): void {
  setFlagsFromString('--heap-growing-percent=100');
}
