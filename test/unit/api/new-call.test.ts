/** What an Idempotency-Key compares: the body, whatever the order of its fields. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fingerprint } from '../../../api/routes/new-call.ts';

describe('fingerprint', () => {
  it('is the same for the same body in another order', () => {
    const one = fingerprint({ to: '1', headers: { 'X-A': 'a', 'X-B': 'b' }, events: ['x', 'y'], none: undefined });
    assert.equal(one, fingerprint({ events: ['x', 'y'], headers: { 'X-B': 'b', 'X-A': 'a' }, to: '1' }));
  });

  it('differs where the body does', () => {
    const bodies = [
      { a: 1 },
      { a: '1' },
      { a: [1] },
      { a: null },
      {},
      { a: { b: 1 } },
      { 'a:1': 1 },
      { a: ['x', 'y'] },
      { a: ['y', 'x'] },
    ];
    assert.equal(new Set(bodies.map(fingerprint)).size, bodies.length);
  });
});
