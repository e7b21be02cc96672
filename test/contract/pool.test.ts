/** The pool over a real Redis and BullMQ, with sessions that do what the test says. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { CallRecord } from '../../shared/domain/call.ts';
import type { Callback } from '../../shared/domain/callback.ts';
import type { Ending } from '../../shared/domain/ending.ts';
import type { CallLetter } from '../../shared/domain/letter.ts';
import { type Clock, systemClock } from '../../shared/kernel/clock.ts';
import { type CallSid, FIRST_LEG, type GatewayId, type OwnerId } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import type { CallQueue } from '../../shared/queue/ports.ts';
import { openQueue } from '../../shared/queue/queue.ts';
import { openStore } from '../../shared/store/open.ts';
import { connectRedis, type RedisClient, RedisUnavailable, untilReady } from '../../shared/store/redis.ts';
import type { Store } from '../../shared/store/store.ts';
import type { CallPorts, CallSession } from '../../worker/call/ports.ts';
import { unobserved } from '../../worker/pool/observer.ts';
import { openPool, type Pool } from '../../worker/pool/pool.ts';
import type { MakeLeg, PoolOptions } from '../../worker/pool/ports.ts';
import { aCall, aStream } from '../support/records.ts';
import { empty, startTestRedis, type TestRedis } from '../support/redis.ts';
import { serversOf } from '../support/redis-keys.ts';

const gateway = 'gw-test' as GatewayId;
const ending: Ending = { status: 'completed', cause: 'api_completed', blame: 'api', sipCode: null, detail: null };

let redis: TestRedis;
let store: Store;
let queue: CallQueue;
let raw: RedisClient;
let owners = 0;
const closers: (() => Promise<void>)[] = [];

before(async () => {
  redis = await startTestRedis();
  const kept = { presenceMs: 60_000, gatewayPresenceMs: 60_000 };
  store = await openStore(redis.url, { retentionMs: 60_000, ...kept }, systemClock, silentLogger);
  queue = await openQueue(redis.url, systemClock, silentLogger);
  raw = connectRedis(redis.url, 'commands', silentLogger);
  await store.presence.announceGateway(gateway, { address: '127.0.0.1:5060' });
});

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

after(async () => {
  raw.disconnect();
  await queue.close();
  await store.close();
  await redis.stop();
});

/** A key that makes the session throw. */
const BUG = 'D';

/** A session that records what it is told and ends when it is told to end. */
class ScriptedSession implements CallSession {
  readonly ports: CallPorts;
  readonly letters: CallLetter[] = [];
  readonly begun = Promise.resolve();
  call: CallRecord | null = null;
  isOver = false;
  wasLost = false;
  wasClosed = false;
  hasBroken = false;
  #done: () => void = () => undefined;
  readonly #told: () => void;

  constructor(ports: CallPorts, told: () => void) {
    this.ports = ports;
    this.#told = told;
  }

  run(call: CallRecord): Promise<void> {
    this.call = call;
    if (call.answeredAt === null) {
      const at = new Date().toISOString();
      this.ports.journal.patch({ status: 'in-progress', answeredAt: at });
    }
    this.#told();
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  deliver(letter: CallLetter): void {
    this.letters.push(letter);
    if (letter.kind === 'press' && letter.digits === BUG) throw new Error('a bug in what a letter asks');
    if (letter.kind === 'end') this.end();
    this.#told();
  }

  end(): void {
    this.ports.journal.patch({ status: 'completed', endedAt: new Date().toISOString(), ending });
    this.stop();
  }

  /** Ends without an ending: a bug. */
  stop(): void {
    this.#done();
    this.#told();
  }

  lost(): void {
    this.wasLost = true;
    this.#done();
    this.#told();
  }

  broke(): void {
    this.hasBroken = true;
    this.end();
  }

  ownerClosed(): void {
    this.wasClosed = true;
    this.end();
  }
}

/** What the streams of each call so far have for telling a bug. */
const streamsBroke: ((error: unknown) => void)[] = [];

interface Bench {
  readonly owner: OwnerId;
  readonly pool: Pool;
  readonly sessions: ScriptedSession[];
  readonly delivered: CallSid[];
  /** Calls whose courier was told to leave. */
  readonly left: CallSid[];
  /** Resolves as soon as it is so; looked at whenever a session is told something. */
  until(isSo: () => boolean): Promise<void>;
}

async function openBench(capacity = 10, queueTimeoutMs = 60_000, more: Partial<PoolOptions> = {}): Promise<Bench> {
  owners += 1;
  const owner = `owner-${owners}` as OwnerId;
  const sessions: ScriptedSession[] = [];
  const delivered: CallSid[] = [];
  const left: CallSid[] = [];
  const owed = new Map<CallSid, readonly Callback[]>();
  const waiting = new Set<() => void>();
  const told = (): void => {
    for (const look of waiting) look();
  };
  const own = await openQueue(redis.url, systemClock, silentLogger);
  const unused = (): never => {
    throw new Error('not used here');
  };
  const makeLeg: MakeLeg = unused;
  const pool = await openPool({
    owner,
    capacity,
    queueTimeoutMs,
    probe: null,
    observe: unobserved,
    store,
    queue: own,
    clock: systemClock,
    log: silentLogger,
    courier: {
      wake: (sid, added = []) => void owed.set(sid, [...(owed.get(sid) ?? []), ...added]),
      owed: (sid) => owed.get(sid) ?? [],
      async leave(sid) {
        left.push(sid);
        return (await store.outbox.peek(sid)) ? 'left' : 'empty';
      },
      async deliver(sid) {
        delivered.push(sid);
        for (let owed = await store.outbox.peek(sid); owed; owed = await store.outbox.peek(sid)) {
          await store.outbox.remove(sid, owed.id);
        }
        told();
      },
    },
    makeLeg,
    makeSession(ports) {
      const session = new ScriptedSession(ports, told);
      sessions.push(session);
      return session;
    },
    shared: {
      parser: { parse: unused, close: unused },
      synthesiser: { synthesise: unused, close: unused },
      allowInsecureWs: true,
      webhook: null,
    },
    newFetcher: () => ({ fetch: unused, cookies: () => [] }),
    newStreams: ({ broke }) => {
      streamsBroke.push(broke);
      return unused;
    },
    ...more,
  });
  closers.push(async () => {
    await pool.drain(0);
    await own.close();
  });
  const until = (isSo: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!isSo()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { owner, pool, sessions, delivered, left, until };
}

async function queued(own: Partial<CallRecord> = {}): Promise<CallSid> {
  const call = aCall(own);
  await store.calls.create(call);
  await queue.addCall(call.sid);
  return call.sid;
}

/** The record as soon as it is final. */
async function ended(sid: CallSid): Promise<CallRecord> {
  for (;;) {
    const call = await store.calls.get(sid);
    assert.ok(call);
    if (call.ending) return call;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function tell(sid: CallSid, letter: CallLetter): Promise<void> {
  const posted = await store.mailbox.postToCall(sid, letter);
  assert.ok(posted.kind === 'posted' && posted.owner);
  await queue.ringOwner(posted.owner, sid);
}

describe('the pool', () => {
  it('runs a call from the queue to its end, told in order what is asked of it', async () => {
    const bench = await openBench();
    const sid = await queued();
    await bench.until(() => bench.sessions.length === 1 && bench.sessions[0]?.call !== null);
    const [session] = bench.sessions;
    assert.ok(session);
    for (const digits of ['1', '2', '3']) await tell(sid, { kind: 'press', digits });
    await tell(sid, { kind: 'end', status: 'completed' });
    await bench.until(() => session.letters.length === 4);
    const call = await ended(sid);
    assert.deepEqual(
      session.letters.map((letter) => (letter.kind === 'press' ? letter.digits : letter.kind)),
      ['1', '2', '3', 'end'],
    );
    assert.deepEqual([call.status, call.owner, call.gateway], ['completed', bench.owner, gateway]);
    assert.ok(call.queueMs !== null && call.queueMs >= 0);
    const events = await store.timeline.read(sid, 0, 10);
    assert.deepEqual(events.map(({ type }) => type).slice(0, 2), ['call.created', 'call.claimed']);
  });

  it('AC-85: gives a call whose owner died to another with its letters, and silences the old one', async () => {
    const first = await openBench();
    const sid = await queued();
    await first.until(() => first.sessions[0]?.call != null);
    // A second owner while the first still runs: what a stall longer than the lock leads to.
    const claimed = await store.calls.claim(sid, 'newer' as OwnerId);
    assert.ok(claimed);
    first.sessions[0]?.ports.journal.patch({ callerName: 'too late' });
    await first.until(() => first.sessions[0]?.wasLost === true);
    assert.equal((await store.calls.get(sid))?.callerName, null);
    assert.equal(await store.calls.save(sid, claimed.epoch, { patch: { status: 'completed', ending } }), 'done');
  });

  // Without the call this would wait for ever.
  it('gives a call back that came to it again after others had it and died', { timeout: 20_000 }, async () => {
    // Full, so that it does not take from the queue what it has lost to it.
    const frozen = await openBench(1);
    const sid = await queued();
    await frozen.until(() => frozen.sessions[0]?.call != null);
    await frozen.sessions[0]?.ports.journal.flush();
    // What it finds when it wakes: its lease ran out, another claimed the call and gave it back, and nobody has swept since.
    assert.equal((await store.calls.claim(sid, 'newer' as OwnerId))?.epoch, 2);
    const key = (name: string): string => `{pivot}:calls:${name}`;
    await raw
      .multi()
      .set(key('swept'), `${Date.now() + 60_000} 0`)
      .zrem(key('owners'), frozen.owner)
      .zrem(key(`held:${frozen.owner}`), sid)
      .rpush(key('wait'), sid)
      .exec();
    await frozen.until(() => frozen.sessions[0]?.wasLost === true);
    await frozen.until(() => frozen.sessions[1]?.call?.sid === sid);
    await raw.del(key('swept'));
    frozen.sessions[1]?.end();
    assert.equal((await ended(sid)).status, 'completed');
  });

  it('reads the box before anybody rings', async () => {
    const call = aCall();
    await store.calls.create(call);
    await store.mailbox.postToCall(call.sid, { kind: 'end', status: 'canceled' });
    await queue.addCall(call.sid);
    const bench = await openBench();
    await bench.until(() => bench.sessions[0]?.letters.length === 1);
    await ended(call.sid);
  });

  it('ends a call that waited too long, and has its gateway refuse it', async () => {
    const createdAt = new Date(Date.now() - 120_000).toISOString();
    const sid = await queued({ createdAt, direction: 'inbound', gateway });
    const bench = await openBench();
    const call = await ended(sid);
    assert.deepEqual([call.status, call.ending?.cause], ['failed', 'queue_timeout']);
    const [posted] = await store.mailbox.readForGateway(sid);
    assert.deepEqual([posted?.letter.kind, posted?.letter.leg], ['reject', FIRST_LEG]);
    assert.equal(bench.sessions.filter((session) => session.call !== null).length, 0);
  });

  it('looks into every box within a second when the connection that brings rings was lost', async () => {
    const bench = await openBench();
    const sids = await Promise.all(Array.from({ length: 5 }, () => queued()));
    await bench.until(() => bench.sessions.filter(({ call }) => call !== null).length === sids.length);
    for (const sid of sids) await store.mailbox.postToCall(sid, { kind: 'press', digits: '1' });
    const began = systemClock.monotonic();
    let killed = 0;
    for (const server of serversOf(raw)) {
      for (const line of String(await server.client('LIST')).split('\n')) {
        if (!/ cmd=blpop /.test(line)) continue;
        await server.client('KILL', 'ID', /\bid=(\d+)/.exec(line)?.[1] ?? '');
        killed += 1;
      }
    }
    assert.equal(killed, 1, 'the owner hears its bell');
    await bench.until(() => bench.sessions.every(({ letters }) => letters.length === 1));
    assert.ok(systemClock.monotonic() - began < 8000, 'not only in the usual round of 15 s');
    for (const session of bench.sessions) session.end();
    for (const sid of sids) await ended(sid);
  });

  it('rings again for the last letter of a call, which a gateway did not read', async () => {
    const bench = await openBench();
    const sid = await queued();
    await bench.until(() => bench.sessions[0]?.call != null);
    const [session] = bench.sessions;
    session?.ports.tellGateway({ kind: 'hangup', leg: FIRST_LEG });
    session?.end();
    await ended(sid);
    let rings = 0;
    await new Promise<void>((resolve) => {
      const bell = queue.hearSignals(gateway, (call) => {
        if (call === sid) rings += 1;
        if (rings === 2) resolve();
      });
      closers.push(() => bell.abandon());
    });
    assert.deepEqual(
      (await store.mailbox.readForGateway(sid)).map(({ letter }) => letter.kind),
      ['hangup'],
    );
  });

  it('skips a call that was ended meanwhile', async () => {
    const over = await queued();
    await store.calls.endUnclaimed(over, { status: 'canceled', ending: { ...ending, status: 'canceled' } });
    const bench = await openBench(1);
    const next = await queued();
    await bench.until(() => bench.sessions[0]?.call != null);
    assert.equal(bench.sessions[0]?.call?.sid, next);
  });

  it('ends a call whose session forgot to', async () => {
    const bench = await openBench();
    const sid = await queued();
    await bench.until(() => bench.sessions[0]?.call != null);
    bench.sessions[0]?.stop();
    assert.equal((await ended(sid)).ending?.cause, 'platform_error');
    assert.deepEqual(
      (await store.mailbox.readForGateway(sid)).map(({ letter }) => letter.kind),
      ['hangup'],
    );
  });

  it('leaves a call that it could not claim to another, and does not lose it', async (test) => {
    let fails = 1;
    const claim = store.calls.claim.bind(store.calls);
    test.mock.method(store.calls, 'claim', async (...of: Parameters<typeof claim>) => {
      fails -= 1;
      if (fails >= 0) throw new Error('a bug');
      return await claim(...of);
    });
    const sid = await queued();
    const bench = await openBench();
    await bench.until(() => bench.sessions[0]?.call != null);
    assert.equal(bench.sessions[0]?.call?.sid, sid);
    bench.sessions[0]?.end();
    await ended(sid);
  });

  it('lets go of a call that nobody can claim after so many tries', async (test) => {
    const claim = test.mock.method(store.calls, 'claim', async () => {
      throw new Error('a bug');
    });
    const sid = await queued();
    await openBench();
    while ((await raw.exists(`{pivot}:calls:${sid}`)) === 1) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(claim.mock.callCount(), 7);
    assert.equal(await queue.waiting(), 0);
  });

  it('has what is owed at the end delivered by the queue', async () => {
    const bench = await openBench();
    const sid = await queued();
    await bench.until(() => bench.sessions[0]?.call != null);
    bench.sessions[0]?.ports.journal.callback({
      event: 'call.completed',
      url: 'http://app',
      method: 'POST',
      fields: {},
    });
    bench.sessions[0]?.end();
    await bench.until(() => bench.delivered.length === 1);
    assert.deepEqual(bench.delivered, [sid]);
  });

  it('has what is owed delivered when whoever ended the call died before the queue heard of it', async () => {
    const sid = await queued();
    const callback = { event: 'call.completed', url: 'http://app', method: 'POST' as const, fields: {} };
    const patch = { status: 'canceled' as const, ending: { ...ending, status: 'canceled' as const } };
    assert.equal(await store.calls.endUnclaimed(sid, patch, { callbacks: [callback] }), true);
    const bench = await openBench();
    await bench.until(() => bench.delivered.length === 1);
    assert.deepEqual(bench.delivered, [sid]);
  });

  it('ends a call that its owners died with more than five times, and says so', async () => {
    const survives = await queued();
    const poison = await queued();
    await raw.hset(`{pivot}:calls:${survives}`, 'stc', 5);
    await raw.hset(`{pivot}:calls:${poison}`, 'stc', 6);
    const bench = await openBench();
    const call = await ended(poison);
    assert.deepEqual([call.status, call.ending?.cause, call.ending?.blame], ['failed', 'worker_lost', 'platform']);
    assert.deepEqual(
      (await store.mailbox.readForGateway(poison)).map(({ letter }) => letter.kind),
      ['hangup'],
    );
    await bench.until(() => bench.sessions.some((session) => session.call?.sid === survives));
    assert.equal(bench.sessions.filter((session) => session.call?.sid === poison).length, 0);
  });

  it('keeps no courier of a call that is no longer its own', async () => {
    const bench = await openBench();
    const sid = await queued();
    await bench.until(() => bench.sessions[0]?.call != null);
    const newer = await store.calls.claim(sid, 'newer' as OwnerId);
    assert.ok(newer);
    await queue.ringOwner(bench.owner, sid);
    await bench.until(() => bench.sessions[0]?.wasLost === true);
    assert.deepEqual(bench.left, [sid]);
    assert.equal(await store.calls.save(sid, newer.epoch, { patch: { status: 'completed', ending } }), 'done');
  });

  it('drains: takes nothing new, and ends what does not end by itself', async () => {
    const bench = await openBench();
    const sid = await queued();
    await bench.until(() => bench.sessions[0]?.call != null);
    await bench.pool.drain(50);
    assert.equal(bench.sessions[0]?.wasClosed, true);
    assert.equal((await ended(sid)).status, 'completed');
    assert.equal(bench.pool.state.calls, 0);
    assert.deepEqual(
      (await store.presence.owners()).filter(({ owner }) => owner === bench.owner),
      [],
    );
  });

  it('drains: hands what does not end by itself to another pool at once, and says nothing more of it', async () => {
    const going = await openBench();
    const sid = await queued();
    await going.until(() => going.sessions[0]?.call != null);
    going.sessions[0]?.ports.journal.entry({ type: 'media.held' });
    const staying = await openBench();
    const drained = going.pool.drain(50);
    await staying.until(() => staying.sessions[0]?.call != null);
    assert.equal(await raw.hget(`{pivot}:calls:${sid}`, 'stc'), '0', 'no lease had to run out');
    await drained;
    const [first] = going.sessions;
    assert.deepEqual([first?.wasLost, first?.wasClosed], [true, false]);
    assert.equal(staying.sessions[0]?.call?.sid, sid);
    const entries = await store.timeline.read(sid, 0, 100);
    assert.deepEqual(
      entries.map(({ type }) => type).filter((type) => type !== 'call.created'),
      ['call.claimed', 'media.held', 'call.claimed'],
    );
    staying.sessions[0]?.end();
    assert.equal((await ended(sid)).status, 'completed');
  });

  it('drains: lets a call that says goodbye end where it is, as nobody could go on with it', async (test) => {
    const going = await openBench();
    const sid = await queued();
    await going.until(() => going.sessions[0]?.call != null);
    const [session] = going.sessions;
    assert.ok(session);
    session.isOver = true;
    const staying = await openBench();
    const { journal } = session.ports;
    const flush = journal.flush.bind(journal);
    // What a hand-over begins with; the goodbyes outlast it.
    test.mock.method(journal, 'flush', async () => {
      await flush();
      setImmediate(() => session.end());
    });
    await going.pool.drain(0);
    assert.deepEqual([session.wasLost, session.wasClosed, staying.sessions.length], [false, false, 0]);
    assert.equal((await ended(sid)).status, 'completed');
  });

  it('gives calls to a pool with room when it has more than it can do, until it is within its limit', async () => {
    // Half a second between two looks at the load is long for a test.
    const hasty: Clock = { ...systemClock, after: (ms, fire) => systemClock.after(ms / 10, fire) };
    const CALLS = 20;
    const WITHIN_LIMIT = 13;
    const busyOf = (pool: Pool | null): number => Math.min(1, (pool?.state.calls ?? 0) / CALLS);
    let strained: Pool | null = null;
    const loaded = (busy: () => number): Partial<PoolOptions> => ({
      clock: hasty,
      load: { vitals: () => ({ busy: busy(), lateMs: 0, worstMs: 0 }), busyLimit: WITHIN_LIMIT / CALLS },
    });
    const first = await openBench(
      CALLS,
      60_000,
      loaded(() => busyOf(strained)),
    );
    for (let call = 0; call < CALLS; call++) await queued();
    await first.until(() => first.sessions.filter(({ call }) => call !== null).length === CALLS);
    strained = first.pool;
    const second = await openBench(
      CALLS,
      60_000,
      loaded(() => 0.1),
    );
    const all = (): ScriptedSession[] => [...first.sessions, ...second.sessions];
    const living = (): ScriptedSession[] => all().filter(({ call, wasLost }) => call !== null && !wasLost);
    // What is on its way from one to the other is nobody's for a moment.
    await second.until(() => first.pool.state.calls <= WITHIN_LIMIT && living().length === CALLS);
    assert.equal(new Set(living().map(({ call }) => call?.sid)).size, CALLS, 'each call runs once');
    assert.ok(second.sessions.length >= CALLS - WITHIN_LIMIT);
    assert.ok(
      all().every(({ wasClosed }) => !wasClosed),
      'and none was ended',
    );
    for (const session of [...first.sessions, ...second.sessions]) if (!session.wasLost) session.end();
    await Promise.all(living().map(({ call }) => ended(call?.sid ?? assert.fail())));
  });

  const waysIn: readonly [string, (session: ScriptedSession, broke: (error: unknown) => void) => unknown][] = [
    [
      'a timer',
      ({ ports }) =>
        ports.clock.after(0, () => {
          throw new Error('a bug in a timer of one call');
        }),
    ],
    ['a letter', ({ call }) => store.mailbox.postToCall(call?.sid as CallSid, { kind: 'press', digits: BUG })],
    ['a stream', (_session, broke) => broke(new Error('a bug in a stream of one call'))],
  ];
  for (const [what, hurt] of waysIn) {
    it(`ends the call in which ${what} broke, and no other`, async () => {
      const bench = await openBench();
      streamsBroke.length = 0;
      await queued();
      await bench.until(() => bench.sessions.length === 1 && bench.sessions[0]?.call !== null);
      const other = await queued();
      await bench.until(() => bench.sessions.filter(({ call }) => call !== null).length === 2);
      const [broken, spared] = bench.sessions;
      assert.ok(broken && spared && streamsBroke[0]);
      await hurt(broken, streamsBroke[0]);
      if (what === 'a letter') await queue.ringOwner(bench.owner, broken.call?.sid as CallSid);
      assert.equal((await ended(broken.call?.sid as CallSid)).status, 'completed');
      assert.deepEqual([broken.hasBroken, spared.hasBroken, spared.wasClosed], [true, false, false]);
      assert.equal((await store.calls.get(other))?.status, 'in-progress');
      spared.end();
      await ended(other);
    });
  }

  it('shares the calls of one queue between two pools', async () => {
    const [one, two] = [await openBench(2), await openBench(2)];
    const sids = [await queued(), await queued(), await queued(), await queued()];
    const all = (): ScriptedSession[] => [...one.sessions, ...two.sessions];
    const four = (): boolean => all().filter((session) => session.call !== null).length === 4;
    await Promise.race([one.until(four), two.until(four)]);
    assert.deepEqual([one.sessions.length, two.sessions.length], [2, 2]);
    assert.deepEqual(
      all()
        .map((session) => session.call?.sid)
        .sort(),
      [...sids].sort(),
    );
    // Else the pool that is closed first would hand them over.
    for (const session of all()) session.end();
    for (const sid of sids) await ended(sid);
  });

  it('writes what happened while Redis was away when it is back', async () => {
    const bench = await openBench();
    const sid = await queued();
    await bench.until(() => bench.sessions[0]?.call != null);
    const [session] = bench.sessions;
    await session?.ports.journal.flush();
    await redis.down();
    session?.ports.journal.entry({ type: 'media.held' });
    session?.end();
    await redis.up();
    while (
      !(await store.ping().then(
        () => true,
        () => false,
      ))
    )
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal((await ended(sid)).status, 'completed');
    const events = await store.timeline.read(sid, 0, 100);
    assert.equal(events.filter(({ type }) => type === 'media.held').length, 1);
  });

  it('writes a call again that Redis has forgotten, though nothing happens in it, and goes on', async () => {
    const bench = await openBench();
    const sid = await queued();
    await bench.until(() => bench.sessions[0]?.call != null);
    const journal = bench.sessions[0]?.ports.journal;
    assert.ok(journal);
    const [live, over] = [aStream(sid, { name: 'live' }), aStream(sid, { name: 'over' })];
    for (const stream of [live, over]) assert.deepEqual(await journal.openStream(stream), { kind: 'opened' });
    journal.streamPatch(over.sid, { status: 'stopped', reason: 'stopped' });
    const callback: Callback = {
      event: 'call.answered',
      url: 'http://app.example/',
      method: 'POST',
      fields: { A: '1' },
    };
    journal.callback(callback);
    await journal.flush();
    const before = await store.calls.get(sid);

    await untilReady(raw, systemClock, 10_000);
    await empty(raw);
    // Not "there is no such call": it is written again in a moment.
    await assert.rejects(store.calls.get(sid), RedisUnavailable);
    while (!(await raw.exists(`pivot:{${sid}}:call`))) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(await store.calls.get(sid), before);
    assert.deepEqual((await store.calls.list({ status: 'in-progress' }, 10, null)).items, [before]);
    assert.deepEqual(
      (await store.streams.list(sid)).map(({ spec, status }) => [spec.name, status]),
      [
        ['live', 'connecting'],
        ['over', 'stopped'],
      ],
    );
    const taken = await store.streams.open(aStream(sid, { name: 'live', track: 'both' }), { kind: 'api' });
    assert.equal(taken.kind, 'refused');
    assert.deepEqual((await store.outbox.peek(sid))?.letter, callback);
    assert.equal(await raw.exists(`{pivot}:calls:${sid}`), 1, 'its job is there again');

    await tell(sid, { kind: 'end', status: 'completed' });
    assert.equal((await ended(sid)).status, 'completed');
    const events = await store.timeline.read(sid, 0, 100);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['call.claimed', 'call.restored'],
    );
    assert.ok((events[1]?.seq ?? 0) > 1000, 'those who follow from before are still told');
    assert.equal(bench.sessions.length, 1);
  });
});
