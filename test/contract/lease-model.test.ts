/**
 * Who has which call, against a simple model: whatever owners, the host of threads and time do in whatever order, a call
 * is in one place, nobody who lost it can end it or give it away, and none disappears but those that were ended by whoever
 * claimed them last. The steps are the real ones on a real Redis.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { CallSid, OwnerId } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { type HeldCall, Leases, type LetGo } from '../../shared/store/leases.ts';
import { connectRedisAt } from '../../shared/store/redis.ts';
import { empty, startTestRedis, type TestRedis } from '../support/redis.ts';

const BASE = '{pivot}:calls:';
const OWNERS = ['ann', 'ben', 'cem'] as OwnerId[];
const CALLS = Array.from({ length: 6 }, (_none, at) => `CA${String(at).padStart(32, '0')}` as CallSid);

/** `died`: while it was taking the call, its job's lock has run out. */
type Action =
  | { readonly kind: 'add' | 'drop'; readonly call: number }
  | { readonly kind: 'take' | 'die-taking' | 'renew' | 'lapse' | 'hand-over'; readonly owner: number }
  | { readonly kind: 'let-go'; readonly owner: number; readonly nth: number; readonly how: LetGo }
  | { readonly kind: 'sweep' | 'forget' };

const owner = fc.nat(OWNERS.length - 1);
const call = fc.nat(CALLS.length - 1);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), call }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), call }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('take' as const), owner }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die-taking' as const), owner }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('renew' as const), owner }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('lapse' as const), owner }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hand-over' as const), owner }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('let-go' as const),
      owner,
      nth: fc.nat(5),
      how: fc.constantFrom('over' as const, 'released' as const, 'broken' as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('sweep' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
);

interface ModelOwner {
  /** `lapsed`: its lease ran out and nobody has looked. `none`: it has no lease. */
  lease: 'valid' | 'lapsed' | 'none';
  /** What Redis says it holds, the longest held first. */
  holds: HeldCall[];
  /** What it believes to hold. */
  believes: HeldCall[];
}

class Model {
  /** The next in the queue first. */
  wait: CallSid[] = [];
  dying: CallSid[] = [];
  /** Calls the queue knows, with the number of owners that died with each; null: none was up with it. */
  readonly jobs = new Map<CallSid, number | null>();
  /** Calls that nobody has ended. */
  readonly live = new Set<CallSid>();
  readonly owners: ModelOwner[] = OWNERS.map(() => ({ lease: 'none', holds: [], believes: [] }));

  giveBack(sid: CallSid, hasDied: boolean): void {
    this.jobs.set(sid, (this.jobs.get(sid) ?? 0) + (hasDied ? 1 : 0));
    this.wait.unshift(sid);
  }

  drain(gone: ModelOwner): void {
    for (const { sid } of gone.holds.toReversed()) this.giveBack(sid, true);
    gone.holds = [];
    gone.lease = 'none';
  }
}

/** Another had the call and gave it back while its owner was frozen; that one takes it back, and has to let it live. */
const thawed: Action[] = [
  { kind: 'add', call: 0 },
  { kind: 'take', owner: 0 },
  { kind: 'lapse', owner: 0 },
  { kind: 'sweep' },
  { kind: 'take', owner: 1 },
  { kind: 'let-go', owner: 1, nth: 0, how: 'released' },
  { kind: 'renew', owner: 0 },
  { kind: 'let-go', owner: 0, nth: 0, how: 'over' },
];

/** One run: does each action to Redis and to the model, and compares. */
class Run {
  readonly #client: ReturnType<typeof connectRedisAt>;
  readonly #leases: Leases;
  readonly #model = new Model();
  #takes = 0;
  /** Whoever takes a call claims it: the newest taking of each has the epoch that counts. */
  readonly #claimed = new Map<CallSid, number>();

  constructor(client: ReturnType<typeof connectRedisAt>) {
    this.#client = client;
    this.#leases = new Leases(client, BASE, {});
  }

  async do(step: Action): Promise<void> {
    switch (step.kind) {
      case 'add':
      case 'drop': {
        await this.#addOrDrop(step.kind, CALLS[step.call] as CallSid);
        break;
      }
      case 'take': {
        await this.#take(step.owner);
        break;
      }
      case 'die-taking': {
        const sid = await this.#fromQueue('a token that nobody shows');
        if (sid === null) break;
        await this.#client.del(`${BASE}${sid}:lock`);
        this.#model.dying.push(sid);
        break;
      }
      case 'let-go': {
        await this.#letGo(step);
        break;
      }
      case 'sweep': {
        await this.#sweep();
        break;
      }
      case 'forget': {
        await empty(this.#client);
        Object.assign(this.#model, { wait: [], dying: [] });
        this.#model.jobs.clear();
        this.#model.live.clear();
        for (const one of this.#model.owners) Object.assign(one, { lease: 'none', holds: [] });
        break;
      }
      default: {
        await this.#ofOwner(step.kind, step.owner);
      }
    }
    await this.#compare(step);
  }

  async #addOrDrop(kind: 'add' | 'drop', sid: CallSid): Promise<void> {
    const { jobs, wait } = this.#model;
    if (kind === 'drop') {
      await this.#leases.drop(sid);
      if (!wait.includes(sid)) return;
      this.#model.wait = wait.filter((other) => other !== sid);
      jobs.delete(sid);
      this.#model.live.delete(sid);
      return;
    }
    // As BullMQ does: a job whose hash is there is not added again.
    if ((await this.#client.exists(`${BASE}${sid}`)) === 0) {
      await this.#client.hset(`${BASE}${sid}`, 'name', 'call');
      await this.#client.lpush(`${BASE}wait`, sid);
    }
    if (jobs.has(sid)) return;
    jobs.set(sid, null);
    wait.push(sid);
    this.#model.live.add(sid);
  }

  /** As BullMQ's worker takes a job. */
  async #fromQueue(token: string): Promise<CallSid | null> {
    const sid = (await this.#client.rpoplpush(`${BASE}wait`, `${BASE}active`)) as CallSid | null;
    assert.equal(sid, this.#model.wait.shift() ?? null);
    if (sid !== null) await this.#client.set(`${BASE}${sid}:lock`, token, 'PX', 60_000);
    return sid;
  }

  async #take(at: number): Promise<void> {
    const one = this.#model.owners[at] as ModelOwner;
    const name = OWNERS[at] as OwnerId;
    const token = `token-${this.#takes}`;
    const sid = await this.#fromQueue(token);
    if (sid === null) return;
    this.#takes += 1;
    const held = { sid, take: this.#takes };
    if (one.lease === 'none') {
      assert.equal(await this.#leases.take(name, held, token), 'unknown');
      await this.#ofOwner('renew', at);
    }
    assert.equal(await this.#leases.take(name, held, 'of another'), 'lost');
    assert.equal(await this.#leases.take(name, held, token), 'held');
    assert.equal(await this.#leases.take(name, held, token), 'held', 'the answer was lost, and it asks again');
    one.holds.push(held);
    this.#claimed.set(sid, held.take);
    // Whoever takes a call again that it thought it had knows it by the new number alone.
    one.believes = [...one.believes.filter((call) => call.sid !== sid), held];
  }

  async #letGo({ owner: at, nth, ...wish }: Extract<Action, { readonly kind: 'let-go' }>): Promise<void> {
    const one = this.#model.owners[at] as ModelOwner;
    const held = one.believes[nth % Math.max(1, one.believes.length)];
    if (!held) return;
    // Whose epoch is old is refused what it writes: it can end nothing, whatever it has taken back.
    const isCurrent = this.#claimed.get(held.sid) === held.take;
    const how = isCurrent || wish.how === 'broken' ? wish.how : 'released';
    if (how === 'over') this.#model.live.delete(held.sid);
    await this.#leases.letGo(OWNERS[at] as OwnerId, [
      { call: held, how },
      { call: { ...held, take: held.take + 1000 }, how },
    ]);
    one.believes = one.believes.filter((call) => call !== held);
    if (!one.holds.some(({ take }) => take === held.take)) return;
    one.holds = one.holds.filter(({ take }) => take !== held.take);
    if (how === 'over') this.#model.jobs.delete(held.sid);
    else this.#model.giveBack(held.sid, how === 'broken');
  }

  async #ofOwner(kind: 'renew' | 'lapse' | 'hand-over', at: number): Promise<void> {
    const one = this.#model.owners[at] as ModelOwner;
    const name = OWNERS[at] as OwnerId;
    if (kind === 'lapse') {
      if (one.lease === 'none') return;
      // In an order that the sweep is to follow.
      await this.#client.zadd(`${BASE}owners`, String(at + 1), name);
      one.lease = 'lapsed';
      return;
    }
    if (kind === 'hand-over') {
      assert.equal(await this.#leases.handOver(name), one.holds.length);
      this.#model.drain(one);
      return;
    }
    const isSure = await this.#leases.renew(name);
    assert.equal(isSure, one.lease !== 'none');
    one.lease = 'valid';
    if (isSure) return;
    const lost = await this.#leases.reclaim(name, one.believes, 0);
    assert.notEqual(lost, 'unknown');
    const expected = one.believes.map((held) => ({ call: held, isLost: !this.#reclaims(one, held) }));
    assert.deepEqual(lost, expected);
    one.believes = one.believes.filter((held) => one.holds.includes(held));
    // Two reclaimed calls may have changed places in time, not in number.
    one.holds.sort((a, b) => a.take - b.take);
  }

  /** Whether nobody has it, so that it is its again. */
  #reclaims(one: ModelOwner, held: HeldCall): boolean {
    const model = this.#model;
    const isForgotten = !model.jobs.has(held.sid);
    if (!isForgotten && !model.wait.includes(held.sid) && !model.dying.includes(held.sid)) return false;
    if (isForgotten) {
      model.jobs.set(held.sid, null);
      model.live.add(held.sid);
    }
    model.wait = model.wait.filter((sid) => sid !== held.sid);
    model.dying = model.dying.filter((sid) => sid !== held.sid);
    one.holds.push(held);
    return true;
  }

  async #sweep(): Promise<void> {
    await this.#client.del(`${BASE}swept`);
    await this.#leases.sweep(0);
    for (const sid of this.#model.dying.splice(0).toReversed()) this.#model.giveBack(sid, true);
    for (const one of this.#model.owners) if (one.lease === 'lapsed') this.#model.drain(one);
  }

  async #compare(step: Action): Promise<void> {
    const model = this.#model;
    const seen = {
      wait: (await this.#client.lrange(`${BASE}wait`, 0, -1)).toReversed(),
      active: (await this.#client.lrange(`${BASE}active`, 0, -1)).toReversed(),
      held: await Promise.all(OWNERS.map((name) => this.#client.zrange(`${BASE}held:${name}`, 0, '-1'))),
      died: await Promise.all(CALLS.map((sid) => this.#client.hget(`${BASE}${sid}`, 'stc'))),
      known: await Promise.all(CALLS.map(async (sid) => (await this.#client.exists(`${BASE}${sid}`)) === 1)),
      leases: (await this.#client.zrange(`${BASE}owners`, 0, '-1')).toSorted(),
    };
    const expected = {
      wait: model.wait,
      active: model.dying,
      held: model.owners.map(({ holds }) => holds.map(({ sid }) => sid)),
      died: CALLS.map((sid) => model.jobs.get(sid) ?? null).map((count) => (count === null ? null : String(count))),
      known: CALLS.map((sid) => model.jobs.has(sid)),
      leases: OWNERS.filter((_name, at) => model.owners[at]?.lease !== 'none'),
    };
    assert.deepEqual(seen, expected, `after ${JSON.stringify(step)}`);
    const places = [...seen.wait, ...seen.active, ...seen.held.flat()];
    assert.equal(new Set(places).size, places.length, 'a call is in one place');
    assert.equal(places.length, model.jobs.size, 'and in some place');
    for (const sid of model.live) assert.ok(model.jobs.has(sid), 'and none that goes on is gone');
  }
}

describe('leases and the take-over of calls', () => {
  let redis: TestRedis;
  let client: ReturnType<typeof connectRedisAt>;
  before(async () => {
    redis = await startTestRedis();
    client = connectRedisAt(redis.url, '{pivot}', 'subscriber', silentLogger);
  });
  after(async () => {
    client.disconnect();
    await redis.stop();
  });

  it('are what a simple model says, in whatever order things happen', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (steps) => {
        await empty(client);
        const run = new Run(client);
        for (const step of steps) await run.do(step);
      }),
      { numRuns: 150, examples: [[thawed]] },
    );
  });
});
