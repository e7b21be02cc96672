/** Whether a thread may speak on after a stall: only what may have cost it its leases holds it back. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Lease } from '../../../worker/pool/lease.ts';
import { ManualClock } from '../../support/clock.ts';

const times = { lastsMs: 2500, everyMs: 750 };

function aLease() {
  const clock = new ManualClock();
  let sure = 0;
  const lease = new Lease(clock, times, () => {
    sure += 1;
  });
  return { clock, lease, sure: () => sure };
}

it('a stall that the leases have outlived changes nothing', () => {
  const { clock, lease } = aLease();
  clock.advance(700);
  lease.renewed(clock.monotonic());
  clock.advance(1500);
  assert.equal(lease.mayGoOn(1500), true);
});

it('after one that may have cost them nothing is said until they are renewed', () => {
  const { clock, lease, sure } = aLease();
  lease.renewed(clock.monotonic());
  clock.advance(10_000);
  assert.equal(lease.mayGoOn(10_000), false);
  assert.equal(lease.mayGoOn(10_000), false, 'however often it is asked');
  clock.advance(20);
  lease.renewed(clock.monotonic());
  assert.equal(sure(), 1);
  assert.equal(lease.mayGoOn(300), true);
});

it('the answer to a renewal of before the stall proves nothing', () => {
  const { clock, lease, sure } = aLease();
  const asked = clock.monotonic();
  clock.advance(10_000);
  assert.equal(lease.mayGoOn(10_000), false);
  lease.renewed(asked);
  assert.equal(sure(), 0);
  assert.equal(lease.mayGoOn(10_000), false);
});

it('while Redis is away nobody can take a call: a stall then is only a stall', () => {
  const { clock, lease } = aLease();
  lease.renewed(clock.monotonic());
  clock.advance(8000);
  assert.equal(lease.mayGoOn(400), true);
});
