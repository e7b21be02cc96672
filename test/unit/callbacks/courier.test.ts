/** Callbacks in order, tried again where that can help, never blocking the ones behind for ever. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Callback } from '../../../shared/domain/callback.ts';
import type { TimelineEntry } from '../../../shared/domain/event.ts';
import type { Posted } from '../../../shared/domain/letter.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { Courier, type CourierOutbox } from '../../../worker/callbacks/courier.ts';
import type { Fetched, Fetcher, FetchOrder } from '../../../worker/fetch/fetcher.ts';
import { ManualClock } from '../../support/clock.ts';
import { FakeFetcher } from '../../support/fake-ports.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The outbox of one call, as the store keeps it, for any number of couriers. */
class Outbox {
  readonly owed: Posted<Callback>[] = [];
  readonly #clock: ManualClock;
  /** What giving the lease back waits for: Redis takes its time. */
  releasing: Promise<void> = Promise.resolve();
  #holder = '';
  #untilMs = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  get isHeld(): boolean {
    return this.#holder !== '';
  }

  of(courier: string): CourierOutbox {
    return {
      claim: async (leaseMs) => {
        const [owed] = this.owed;
        if (!owed) return { kind: 'empty' };
        const forMs = this.#untilMs - this.#clock.now();
        if (this.#holder !== '' && this.#holder !== courier && forMs > 0) return { kind: 'busy', forMs };
        this.#holder = courier;
        this.#untilMs = this.#clock.now() + leaseMs;
        return { kind: 'owed', owed };
      },
      remove: async (id) => {
        if (this.owed[0]?.id === id) this.owed.shift();
      },
      release: async () => {
        await this.releasing;
        if (this.#holder === courier) this.#holder = '';
      },
    };
  }
}

class Desk {
  readonly clock = new ManualClock();
  readonly outbox = new Outbox(this.clock);
  readonly fetcher = new FakeFetcher();
  readonly notes: TimelineEntry[] = [];
  readonly owed = this.outbox.owed;
  readonly courier = this.another('first');
  #last = 0;

  another(name: string, fetcher: Fetcher = this.fetcher, clock = this.clock): Courier {
    return new Courier({
      clock,
      log: silentLogger,
      fetcher,
      outbox: this.outbox.of(name),
      note: (entry) => {
        this.notes.push(entry);
      },
    });
  }

  owe(event: string, url = 'https://app.example/status'): void {
    this.owed.push({ id: ++this.#last, letter: { event, url, method: 'POST', fields: { event } } });
  }

  /** Lets waits fall due until the work is done. */
  async through(work: Promise<void>): Promise<void> {
    const over = work.then(() => true);
    while (!(await Promise.race([over, new Promise<false>((resolve) => setImmediate(resolve, false))]))) {
      this.clock.advance(1000);
    }
  }

  get told(): (string | undefined)[] {
    return this.fetcher.orders.map(({ fields }) => fields['event']);
  }
}

describe('the courier', () => {
  it('delivers in order and writes down each', async () => {
    const desk = new Desk();
    desk.fetcher.pages.set('https://app.example/status', { body: '' });
    desk.owe('call.initiated');
    desk.owe('call.ringing');
    const drained = desk.courier.drain();
    desk.owe('call.completed');
    desk.courier.wake();
    await drained;
    assert.deepEqual(desk.told, ['call.initiated', 'call.ringing', 'call.completed']);
    assert.deepEqual(desk.notes[0], {
      type: 'callback.delivered',
      url: 'https://app.example/status',
      event: 'call.initiated',
      httpStatus: 200,
      attempts: 1,
    });
    assert.equal(desk.owed.length, 0);
  });

  it('delivers what is added while it gives the outbox back', async () => {
    const desk = new Desk();
    desk.fetcher.pages.set('https://app.example/status', { body: '' });
    let release: () => void = () => undefined;
    desk.outbox.releasing = new Promise((resolve) => {
      release = resolve;
    });
    desk.owe('call.answered');
    desk.courier.wake();
    await turn();
    assert.deepEqual([desk.told, desk.owed.length, desk.outbox.isHeld], [['call.answered'], 0, true]);
    desk.owe('call.completed');
    const drained = desk.courier.drain();
    release();
    await drained;
    assert.deepEqual(desk.told, ['call.answered', 'call.completed']);
    assert.deepEqual([desk.owed.length, desk.outbox.isHeld], [0, false]);
  });

  it('tries 5xx and broken connections again, five times in all, then goes on with the next', async () => {
    for (const page of [{ fail: 11_200, status: 503 }, { fail: 11_205 }]) {
      const desk = new Desk();
      desk.fetcher.pages.set('https://app.example/down', page);
      desk.fetcher.pages.set('https://app.example/status', { body: '' });
      desk.owe('first', 'https://app.example/down');
      desk.owe('second');
      await desk.through(desk.courier.drain());
      assert.deepEqual(desk.told, ['first', 'first', 'first', 'first', 'first', 'second']);
      assert.deepEqual(
        desk.notes.map((note) => note.type),
        ['callback.failed', 'callback.delivered'],
      );
    }
  });

  it('delivers on a later attempt', async () => {
    const desk = new Desk();
    let left = 2;
    desk.fetcher.pages.set('https://app.example/status', () => (left-- > 0 ? { fail: 11_205 } : { body: '' }));
    desk.owe('once');
    await desk.through(desk.courier.drain());
    assert.deepEqual(
      desk.notes.map((note) => 'attempts' in note && note.attempts),
      [3],
    );
  });

  it('does not try again what was refused', async () => {
    for (const page of [{ fail: 11_200, status: 404 }, { fail: 11_100 }, { fail: 11_215 }]) {
      const desk = new Desk();
      desk.fetcher.pages.set('https://app.example/status', page);
      desk.owe('once');
      await desk.courier.drain();
      assert.equal(desk.told.length, 1);
      assert.equal(desk.notes[0]?.type, 'callback.failed');
    }
  });

  it('closed in the middle of a wait leaves the callback where it is', async () => {
    const desk = new Desk();
    desk.owe('kept', 'https://app.example/down');
    desk.fetcher.pages.set('https://app.example/down', { fail: 11_205 });
    const drained = desk.courier.drain().catch(() => 'stopped');
    await new Promise((resolve) => setImmediate(resolve));
    await desk.courier.close();
    assert.equal(await drained, 'stopped');
    assert.equal(desk.owed.length, 1);
    assert.equal(desk.clock.pending, 0);
    assert.equal(desk.outbox.isHeld, false);
  });
});

/** An application that takes its time: each request waits for the test. */
class SlowApplication implements Fetcher {
  cookies(): readonly [] {
    return [];
  }
  readonly asked: FetchOrder[] = [];
  readonly #answers: ((answer: Fetched) => void)[] = [];

  fetch(order: FetchOrder): Promise<Fetched> {
    this.asked.push(order);
    return new Promise((resolve, reject) => {
      this.#answers.push(resolve);
      order.signal.addEventListener('abort', () => reject(order.signal.reason));
    });
  }

  accept(): void {
    const body = Buffer.alloc(0);
    this.#answers.shift()?.({ kind: 'fetched', httpStatus: 204, contentType: null, body, finalUrl: '', ms: 1 });
  }
}

describe('two couriers of one call', () => {
  it('AC-65: send what a slow application accepts once, and what is behind it once', async () => {
    const desk = new Desk();
    desk.owe('slow');
    desk.owe('behind');
    const slow = new SlowApplication();
    const one = desk.another('one', slow);
    const first = one.drain().catch(() => 'stopped');
    await turn();
    // The call is over for its owner, and the queue's courier comes while the request is under way.
    const finished = one.finish();
    desk.fetcher.pages.set('https://app.example/status', { body: '' });
    const second = desk.courier.drain();
    await turn();
    desk.clock.advance(10_000);
    await turn();
    assert.deepEqual(desk.told, []);
    slow.accept();
    await finished;
    assert.equal(await first, 'stopped');
    await desk.through(second);
    assert.deepEqual([slow.asked.length, desk.told], [1, ['behind']]);
    assert.deepEqual(
      desk.notes.map(({ type }) => type),
      ['callback.delivered', 'callback.delivered'],
    );
  });

  it('take over from one another when one has died, and the late one sends nothing more', async () => {
    const desk = new Desk();
    desk.owe('once');
    const dead = new SlowApplication();
    const one = desk.another('one', dead, new ManualClock());
    const diedAt = desk.clock.now();
    void one.drain().catch(() => undefined);
    await turn();
    desk.fetcher.pages.set('https://app.example/status', { body: '' });
    await desk.through(desk.courier.drain());
    assert.deepEqual([dead.asked.length, desk.told, desk.owed.length], [1, ['once'], 0]);
    const waitedMs = desk.clock.now() - diedAt;
    assert.ok(waitedMs <= 8000, `${waitedMs} ms`);
    dead.accept();
    await turn();
    await one.close();
    assert.deepEqual([dead.asked.length, desk.told.length], [1, 1]);
  });
});
