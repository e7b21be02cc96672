/**
 * Bugs and deaths that cannot be had from outside, put into worker threads by `NODE_OPTIONS=--import`: the product
 * has no hook for them. On SIGUSR2 a worker process reads `<CHAOS_ORDERS>/<pid>.json` and one of its threads dies as
 * that says, or all of them lose Redis for a while. An RTP packet, or a media message of an app, with a word of `words` in it is a bug in the call it belongs to.
 */
import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads';
import { type CutOff, type ThreadDeath, words } from './inject-orders.ts';

const HEADER_BYTES = 12;
const channel = new BroadcastChannel('chaos');
channel.unref();

if (isMainThread) {
  const folder = process.env['CHAOS_ORDERS'];
  if (folder !== undefined && process.argv[1]?.includes('worker')) {
    process.on('SIGUSR2', () => {
      channel.postMessage(JSON.parse(readFileSync(`${folder}/${process.pid}.json`, 'utf8')));
    });
  }
} else if (isCallThread(workerData)) {
  const { index } = workerData;
  channel.onmessage = (message): void => {
    const harm = (message as unknown as { readonly data: ThreadDeath | CutOff }).data;
    if ('cutOffMs' in harm) cutOff(harm.cutOffMs);
    else if (harm.thread === index) die(harm.how);
  };
  channel.unref();
  plantBugs();
  plantBugInStreams();
  watchRedis();
}

function isCallThread(data: unknown): data is { readonly index: number } {
  return data !== null && typeof data === 'object' && 'index' in data && 'parser' in data;
}

function die(how: ThreadDeath['how']): void {
  if (how === 'exit') process.exit(7);
  if (how === 'reject') void Promise.reject(new Error('a rejection nobody handles, put in by the chaos run'));
  setImmediate(() => {
    if (how === 'throw') throw new Error('a bug outside all calls, put in by the chaos run');
    if (how === 'memory') eatMemory();
  });
}

const toRedis = new Set<net.Socket>();
let cutOffUntil = 0;

/** Connections to Redis are known, and while it is cut off none comes about. */
function watchRedis(): void {
  // The Redis of the run has a Unix socket, whose path is its address.
  const redis = process.env['REDIS_URL'];
  const { connect } = net.Socket.prototype as unknown as { connect: (...args: unknown[]) => net.Socket };
  Object.assign(net.Socket.prototype, {
    connect(this: net.Socket, ...args: unknown[]): net.Socket {
      const [first] = args;
      const options = (Array.isArray(first) ? first[0] : first) as { readonly path?: string } | undefined;
      if (options?.path !== redis) return connect.apply(this, args);
      if (performance.now() < cutOffUntil) {
        setImmediate(() =>
          this.destroy(Object.assign(new Error('cut off by the chaos run'), { code: 'EHOSTUNREACH' })),
        );
        return this;
      }
      toRedis.add(this);
      this.once('close', () => toRedis.delete(this));
      return connect.apply(this, args);
    },
  });
}

function cutOff(ms: number): void {
  cutOffUntil = performance.now() + ms;
  for (const socket of toRedis) socket.destroy();
}

function eatMemory(): void {
  const eaten: string[][] = [];
  for (;;) eaten.push(Array.from({ length: 100_000 }, (_, index) => `${index} ${Math.random()}`));
}

/** A packet that makes whoever reads it throw, or whoever sends next on the same socket. */
function plantBugs(): void {
  const { emit, send } = dgram.Socket.prototype as unknown as Record<'emit' | 'send', (...args: unknown[]) => unknown>;
  const poisoned = new WeakSet<object>();
  Object.assign(dgram.Socket.prototype, {
    emit(this: object, event: string, ...rest: unknown[]): unknown {
      const [data] = rest;
      const word = event === 'message' && Buffer.isBuffer(data) ? wordIn(data) : null;
      if (word === words.beat) poisoned.add(this);
      if (word === words.socket) Object.defineProperty(data, 'length', { get: bug });
      return emit.call(this, event, ...rest);
    },
    send(this: object, ...rest: unknown[]): unknown {
      if (poisoned.delete(this)) bug();
      return send.call(this, ...rest);
    },
  });
}

/** Sound of an app that makes whoever decodes it throw. */
function plantBugInStreams(): void {
  const { from } = Buffer as unknown as { from: (...args: unknown[]) => Buffer };
  Object.assign(Buffer, {
    from: (...args: unknown[]): Buffer => (args[0] === words.stream ? bug() : from.apply(Buffer, args)),
  });
}

function wordIn(data: Buffer): string | null {
  const text = data.subarray(HEADER_BYTES, HEADER_BYTES + words.beat.length).toString('latin1');
  return text === words.beat || text === words.socket ? text : null;
}

function bug(): never {
  throw new Error('a bug in one call, put in by the chaos run');
}
