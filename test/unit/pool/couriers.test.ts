/** The couriers of a thread at the end of a call, with an application that takes longer than the call waits. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Callback } from '../../../shared/domain/callback.ts';
import type { Posted } from '../../../shared/domain/letter.ts';
import { newCallSid } from '../../../shared/kernel/ids.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import type { CallbackClaim, Outbox } from '../../../shared/store/store.ts';
import type { Fetched, Fetcher } from '../../../worker/fetch/fetcher.ts';
import { Couriers } from '../../../worker/pool/couriers.ts';
import { ManualClock } from '../../support/clock.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One call that owes one callback. */
class Owing implements Outbox {
  owed: Posted<Callback> | null = {
    id: 1,
    letter: { event: 'call.completed', url: 'http://app', method: 'POST', fields: {} },
  };
  holder = '';

  async peek(): Promise<Posted<Callback> | null> {
    return this.owed;
  }
  async claim(_sid: string, courier: string): Promise<CallbackClaim> {
    if (this.owed === null) return { kind: 'empty' };
    if (this.holder !== '' && this.holder !== courier) return { kind: 'busy', forMs: 1000 };
    this.holder = courier;
    return { kind: 'owed', owed: this.owed };
  }
  async release(_sid: string, courier: string): Promise<void> {
    if (this.holder === courier) this.holder = '';
  }
  async remove(): Promise<void> {
    this.owed = null;
  }
}

class Thread {
  readonly clock = new ManualClock();
  readonly outbox = new Owing();
  readonly sid = newCallSid();
  requests = 0;
  cutOff = 0;
  readonly results: string[] = [];
  #accept: (answer: Fetched) => void = () => undefined;
  readonly couriers = new Couriers({
    outbox: this.outbox,
    timeline: { append: async () => undefined },
    onDone: (result) => this.results.push(result),
    newFetcher: (): Fetcher => ({
      cookies: () => [],
      fetch: ({ signal }) => {
        this.requests += 1;
        return new Promise((resolve, reject) => {
          this.#accept = resolve;
          signal.addEventListener('abort', () => {
            this.cutOff += 1;
            reject(signal.reason);
          });
        });
      },
    }),
    clock: this.clock,
    log: silentLogger,
  });

  accept(): void {
    this.#accept({ kind: 'fetched', httpStatus: 200, contentType: null, body: Buffer.alloc(0), finalUrl: '', ms: 1 });
  }

  /** The call ends while the request is under way. */
  async left(): Promise<'empty' | 'left'> {
    this.couriers.wake(this.sid);
    await turn();
    const left = this.couriers.leave(this.sid);
    this.clock.advance(5000);
    return await left;
  }
}

describe('the couriers of a thread', () => {
  it('AC-65: let the request under way end after the call has left, and send nothing twice', async () => {
    const thread = new Thread();
    assert.equal(await thread.left(), 'left');
    const delivered = thread.couriers.deliver(thread.sid);
    await turn();
    thread.accept();
    await turn();
    thread.clock.advance(1000);
    await delivered;
    assert.deepEqual([thread.requests, thread.cutOff, thread.outbox.owed], [1, 0, null]);
  });

  it('wait a moment for it when the thread ends, then cut it off and leave the callback where it is', async () => {
    const thread = new Thread();
    await thread.left();
    const closed = thread.couriers.close();
    await turn();
    assert.equal(thread.cutOff, 0);
    thread.clock.advance(5000);
    await closed;
    assert.equal(thread.cutOff, 1);
    assert.notEqual(thread.outbox.owed, null);
    assert.deepEqual([thread.outbox.holder, thread.clock.pending], ['', 0]);
  });
});
