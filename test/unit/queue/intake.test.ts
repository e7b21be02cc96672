/** Who takes a call when there is no room: one that was up is left to those who have some, but not for long. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type CallSid, newCallSid } from '../../../shared/kernel/ids.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { Intake } from '../../../shared/queue/intake.ts';
import { ManualClock } from '../../support/clock.ts';

const LOOK_MS = 250;

/** BullMQ's side and everybody else's: jobs that are offered one at a time, as the intake asks for them. */
class Row {
  readonly clock = new ManualClock();
  readonly taken: CallSid[] = [];
  orphanWaits = false;
  readonly #ends = new Map<CallSid, () => void>();
  readonly intake = new Intake({
    most: 10,
    leases: {
      take: async (sid) => ({ sid, take: 1 }),
      letGo: async () => {},
    },
    run: (sid) =>
      new Promise((resolve) => {
        this.#ends.set(sid, resolve);
      }),
    orphanWaits: async () => this.orphanWaits,
    clock: this.clock,
    log: silentLogger,
  });

  /** Offers a job; answers whether the next may be offered already. */
  async offer(): Promise<{ readonly sid: CallSid; readonly asksForMore: () => boolean }> {
    const sid = newCallSid();
    let asks = false;
    this.intake.take({ id: sid, stalledCounter: 0 }, 'token').catch(() => {
      asks = true;
    });
    await settled();
    return { sid, asksForMore: () => asks };
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
  }

  async end(sid: CallSid): Promise<void> {
    this.#ends.get(sid)?.();
    await settled();
  }
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
};

describe('taking calls without room', () => {
  it('takes one that was up only after others had the time to', async () => {
    const row = new Row();
    row.intake.limit(1);
    const { asksForMore } = await row.offer();
    row.orphanWaits = true;
    await row.pass(LOOK_MS);
    assert.equal(asksForMore(), false, 'seen for the first time');
    await row.pass(LOOK_MS);
    assert.equal(asksForMore(), true, 'nobody with room has taken it');
    const second = await row.offer();
    assert.equal(second.asksForMore(), true, 'others of the same death wait no longer');
  });

  it('leaves those that come later to others again', async () => {
    const row = new Row();
    row.intake.limit(1);
    const { asksForMore } = await row.offer();
    row.orphanWaits = true;
    await row.pass(LOOK_MS);
    row.orphanWaits = false;
    await row.pass(LOOK_MS);
    row.orphanWaits = true;
    await row.pass(LOOK_MS);
    assert.equal(asksForMore(), false);
    await row.pass(LOOK_MS);
    assert.equal(asksForMore(), true);
  });

  it('takes none that was up beyond what it can do: they wait for somebody else', async () => {
    const row = new Row();
    row.intake.limit(1, 2);
    await row.offer();
    row.orphanWaits = true;
    for (let look = 0; look < 2; look++) await row.pass(LOOK_MS);
    const second = await row.offer();
    for (let look = 0; look < 10; look++) await row.pass(LOOK_MS);
    assert.equal(second.asksForMore(), false);
    row.intake.limit(1, 3);
    for (let look = 0; look < 3; look++) await row.pass(LOOK_MS);
    assert.equal(second.asksForMore(), true);
  });

  it('takes whatever comes as soon as there is room', async () => {
    const row = new Row();
    row.intake.limit(1);
    const { sid, asksForMore } = await row.offer();
    await row.pass(LOOK_MS);
    assert.equal(asksForMore(), false);
    await row.end(sid);
    assert.equal(asksForMore(), true);
  });

  it('takes none beyond the number that is the most, whatever waits', async () => {
    const row = new Row();
    for (let call = 1; call < 10; call++) assert.equal((await row.offer()).asksForMore(), true);
    row.orphanWaits = true;
    const last = await row.offer();
    await row.pass(10 * LOOK_MS);
    assert.equal(last.asksForMore(), false);
  });
});
