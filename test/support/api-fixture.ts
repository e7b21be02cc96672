/**
 * The API over a real Redis and a queue that only remembers: what a test asks for with supertest.
 * One Redis a test file; each app may have settings and parts of its own. The file that starts it stops it.
 */
import type { Express } from 'express';
import supertest from 'supertest';
import { createApp } from '../../api/app.ts';
import type { ApiDeps, ApiQueue } from '../../api/deps.ts';
import { ApiMetrics } from '../../api/metrics.ts';
import type { CallRecord, CallStatus } from '../../shared/domain/call.ts';
import { systemClock } from '../../shared/kernel/clock.ts';
import { type CallSid, type Epoch, newAccountSid, type OwnerId } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { createDestinationGuard } from '../../shared/net/destination.ts';
import { openStore } from '../../shared/store/open.ts';
import type { Store } from '../../shared/store/store.ts';
import { aCall } from './records.ts';
import { startTestRedis, type TestRedis } from './redis.ts';

export const OWNER = 'host-1-1-test' as OwnerId;
export const ACCOUNT_SID = newAccountSid();
export const AUTH_TOKEN = 'a token of the tests';

/** Remembers what was asked; `failWith` makes adding a call fail. */
export class RecordingQueue implements ApiQueue {
  readonly added: CallSid[] = [];
  readonly dropped: CallSid[] = [];
  readonly rung: { owner: OwnerId; sid: CallSid }[] = [];
  readonly owe: CallSid[] = [];
  waitingNow = 0;
  failWith: Error | null = null;

  async addCall(sid: CallSid): Promise<void> {
    if (this.failWith !== null) throw this.failWith;
    this.added.push(sid);
  }
  async dropCall(sid: CallSid): Promise<void> {
    this.dropped.push(sid);
  }
  async waiting(): Promise<number> {
    return this.waitingNow;
  }
  async ringOwner(owner: OwnerId, sid: CallSid): Promise<void> {
    this.rung.push({ owner, sid });
  }
  async owing(): Promise<number> {
    return this.owe.length;
  }
  async addCallbacks(sid: CallSid): Promise<void> {
    this.owe.push(sid);
  }
}

export interface ApiFixture {
  readonly redis: TestRedis;
  readonly store: Store;
  readonly queue: RecordingQueue;
  readonly app: Express;
  /** Requests with the right credentials. */
  readonly api: Requests;
  /** Another app on the same Redis. */
  another(overrides: Partial<ApiDeps>): { readonly app: Express; readonly api: Requests };
  /** A call in the store, queued or claimed by `OWNER` and moved on to `status`. */
  call(status: CallStatus, own?: Partial<CallRecord>): Promise<{ readonly sid: CallSid; readonly epoch: Epoch }>;
  stop(): Promise<void>;
}

export const settings: ApiDeps['settings'] = {
  AUTH_TOKEN,
  DIALECT: 'pivot',
  ALLOW_INSECURE_WS: true,
  QUEUE_TIMEOUT: 60_000,
  QUEUE_LIMIT: 100,
  RATE_LIMIT: 0,
};

export type Requests = ReturnType<typeof requests>;

/** supertest with credentials, by method. */
export function requests(app: Express) {
  const agent = supertest(app);
  return {
    get: (path: string) => agent.get(path).auth(ACCOUNT_SID, AUTH_TOKEN),
    post: (path: string) => agent.post(path).auth(ACCOUNT_SID, AUTH_TOKEN),
    put: (path: string) => agent.put(path).auth(ACCOUNT_SID, AUTH_TOKEN),
    patch: (path: string) => agent.patch(path).auth(ACCOUNT_SID, AUTH_TOKEN),
    delete: (path: string) => agent.delete(path).auth(ACCOUNT_SID, AUTH_TOKEN),
    options: (path: string) => agent.options(path).auth(ACCOUNT_SID, AUTH_TOKEN),
  };
}

export async function startApiFixture(): Promise<ApiFixture> {
  const redis = await startTestRedis();
  const store = await openStore(redis.url, { retentionMs: 60_000 }, systemClock, silentLogger);
  const queue = new RecordingQueue();
  const deps = (overrides: Partial<ApiDeps>): ApiDeps => ({
    accountSid: ACCOUNT_SID,
    settings,
    store,
    queue,
    guard: createDestinationGuard({ allowPrivate: true }),
    clock: systemClock,
    logger: silentLogger,
    metrics: new ApiMetrics(),
    rateStore: null,
    stopping: new AbortController().signal,
    ...overrides,
  });
  const another = (overrides: Partial<ApiDeps>) => {
    const app = createApp(deps(overrides));
    return { app, api: requests(app) };
  };
  return {
    redis,
    store,
    queue,
    ...another({}),
    another,
    call: (status, own) => placeCall(store, status, own),
    async stop() {
      await store.close();
      await redis.stop();
    },
  };
}

async function placeCall(store: Store, status: CallStatus, own: Partial<CallRecord> = {}) {
  const call = aCall(own);
  await store.calls.create(call);
  if (status === 'queued') return { sid: call.sid, epoch: 0 as Epoch };
  const claimed = await store.calls.claim(call.sid, OWNER);
  if (claimed === null) throw new Error('the call cannot be claimed');
  await store.calls.save(call.sid, claimed.epoch, { patch: { status } });
  return { sid: call.sid, epoch: claimed.epoch };
}
