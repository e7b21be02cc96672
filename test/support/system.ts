/**
 * The whole system as real processes on free ports, for system and interop tests: started from
 * `dist/`, asked over HTTP, stopped with its test. Before the stop nothing may be left of its calls
 * (`leaks.ts`), after it nothing of itself.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { type Stack, startStack } from '../../shared/launch/stack.ts';
import { type Baseline, baselineOf, LEAK_DEADLINE_MS, leaksOf, type RedisLook } from './leaks.ts';
import type { Owner } from './suite.ts';

export interface SystemOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly workers?: number;
  readonly apis?: number;
  readonly redis?: RedisLook;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads into JSON answers freely.
  readonly body: any;
}

export type Event = { readonly type: string; readonly seq: number; readonly at: string } & Readonly<
  Record<string, unknown>
>;

/** What the services wrote, printed when a test fails. */
const MAX_LINES = 5000;

export class System {
  readonly stack: Stack;
  readonly lines: string[];

  readonly #baseline: Baseline;
  readonly #redis: RedisLook | undefined;

  constructor(stack: Stack, lines: string[], redis?: RedisLook) {
    this.stack = stack;
    this.#redis = redis;
    this.lines = lines;
    this.#baseline = baselineOf(stack);
  }

  /** What calls have left behind, one sentence each; waits up to the deadline for nothing. */
  leaks(withinMs = LEAK_DEADLINE_MS): Promise<readonly string[]> {
    return leaksOf(this.stack, this.#baseline, withinMs, this.#redis);
  }

  /** One HTTP request to an API process, with the account's credentials. */
  async api(
    method: string,
    route: string,
    body?: unknown,
    headers: Record<string, string> = {},
    api = 0,
  ): Promise<Answer> {
    const { ACCOUNT_SID, AUTH_TOKEN } = this.stack.account;
    const response = await fetch(`${this.stack.apiUrls[api]}${route}`, {
      method,
      headers: {
        Authorization: `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64')}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
  }

  /** Places a call and answers with its sid. */
  async call(fields: Record<string, unknown>): Promise<string> {
    const answer = await this.api('POST', '/calls', { from: '+15550009999', ...fields });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body.sid;
  }

  async events(sid: string): Promise<readonly Event[]> {
    const all: Event[] = [];
    for (let cursor = ''; ; ) {
      const { body } = await this.api('GET', `/calls/${sid}/events?limit=200${cursor}`);
      all.push(...body.items);
      if (body.nextCursor === null) return all;
      cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`;
    }
  }

  /** Waits until the timeline has an entry that fits; fails with the timeline when it does not come. */
  async event(sid: string, what: string | ((event: Event) => boolean), withinMs = 20_000): Promise<Event> {
    const fits = typeof what === 'string' ? (event: Event) => event.type === what : what;
    const until = systemClock.monotonic() + withinMs;
    for (;;) {
      const events = await this.events(sid);
      const found = events.find(fits);
      if (found) return found;
      if (systemClock.monotonic() > until) {
        const seen = events.map((event) => JSON.stringify(event)).join('\n');
        assert.fail(
          `no ${typeof what === 'string' ? what : 'fitting'} entry within ${withinMs} ms; the timeline:\n${seen}\n${this.lines.join('\n')}`,
        );
      }
      await pause(systemClock, 25);
    }
  }

  /** Waits for the end and answers with the call as it is shown. */
  async ended(sid: string, withinMs = 30_000): Promise<Answer['body']> {
    await this.event(sid, 'call.ended', withinMs);
    return (await this.api('GET', `/calls/${sid}`)).body;
  }
}

/** Starts a system that its owner stops. */
export async function startSystem(owner: Owner, options: SystemOptions = {}): Promise<System> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'pivot-'));
  const lines: string[] = [];
  const note = (line: string): void => {
    lines.push(line);
    if (lines.length > MAX_LINES) lines.shift();
  };
  const stack = await startStack({
    dataDir,
    environment: {
      PORT: '0',
      SIP_PORT: '0',
      PHONES_PORT: 'free',
      WORKER_THREADS: '1',
      ALLOW_PRIVATE_ADDRESSES: 'on',
      ALLOW_INSECURE_WS: 'on',
      LOG_LEVEL: 'warn',
      DRAIN_TIMEOUT: '2s',
      // What else runs on the machine would decide whether a call is taken; tests of that set a limit.
      BUSY_LIMIT: '0',
      ...options.environment,
    },
    workers: options.workers ?? 1,
    apis: options.apis ?? 1,
    clock: systemClock,
    drainMs: 8_000,
    onProgress: note,
    onLine: (service, line) => note(`[${service}] ${line}`),
  });
  const pids = [...stack.children.values()].map((child) => child.pid);
  const system = new System(stack, lines, options.redis);
  owner.after(async () => {
    const leaks = await system.leaks().catch((error: unknown) => [`Redis cannot be asked: ${error}`]);
    await stack.stop();
    rmSync(dataDir, { recursive: true, force: true });
    assert.deepEqual(leaks, [], 'something of a call is left');
    for (const pid of pids) assert.ok(!alive(pid), `process ${pid} is left behind`);
  });
  return system;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
