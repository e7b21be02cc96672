/** Callbacks in order, tried again where that can help, never blocking the ones behind for ever. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Callback } from '../../../shared/domain/callback.ts';
import type { TimelineEntry } from '../../../shared/domain/event.ts';
import type { Posted } from '../../../shared/domain/letter.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { Courier } from '../../../worker/callbacks/courier.ts';
import { ManualClock } from '../../support/clock.ts';
import { FakeFetcher } from '../../support/fake-ports.ts';

class Desk {
  readonly clock = new ManualClock();
  readonly fetcher = new FakeFetcher();
  readonly notes: TimelineEntry[] = [];
  readonly owed: Posted<Callback>[] = [];
  readonly courier = new Courier({
    clock: this.clock,
    log: silentLogger,
    fetcher: this.fetcher,
    outbox: {
      peek: async () => this.owed[0] ?? null,
      remove: async (id) => {
        if (this.owed[0]?.id === id) this.owed.shift();
      },
    },
    note: (entry) => {
      this.notes.push(entry);
    },
  });
  #last = 0;

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
  });
});
