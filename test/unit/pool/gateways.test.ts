/** The choice of a gateway for an outbound call. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GatewayId } from '../../../shared/kernel/ids.ts';
import { Gateways } from '../../../worker/pool/gateways.ts';
import { Dice } from '../../support/dice.ts';

const state = (name: string, calls?: number) => ({
  gateway: name as GatewayId,
  address: `${name}:5060`,
  ...(calls === undefined ? {} : { calls }),
});

function chosen(gateways: Gateways, times: number): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let time = 0; time < times; time += 1) {
    const gateway = gateways.choose() ?? 'none';
    counts[gateway] = (counts[gateway] ?? 0) + 1;
  }
  return counts;
}

describe('the gateway of an outbound call', () => {
  const dice = new Dice(7);
  const gateways = new Gateways(() => dice.fraction());

  it('is none when none is there', () => {
    assert.equal(gateways.choose(), null);
  });

  it('is the one with fewer calls more often, and what was given away counts until there are new figures', () => {
    gateways.seen([state('a', 100), state('b', 0)]);
    const first = chosen(gateways, 100);
    assert.ok((first['b'] ?? 0) > 65, JSON.stringify(first));
    const more = chosen(gateways, 2000);
    assert.ok(Math.abs((more['a'] ?? 0) - (more['b'] ?? 0)) < 100, JSON.stringify(more));
  });

  it('is never one that is gone, nor always the same when nobody says how full it is', () => {
    gateways.seen([state('b'), state('c')]);
    const counts = chosen(gateways, 200);
    assert.deepEqual(Object.keys(counts).sort(), ['b', 'c']);
    assert.ok((counts['b'] ?? 0) > 80 && (counts['c'] ?? 0) > 80, JSON.stringify(counts));
    gateways.seen([state('c')]);
    assert.deepEqual(chosen(gateways, 5), { c: 5 });
  });
});
