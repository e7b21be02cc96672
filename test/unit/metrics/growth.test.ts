/** What a counter has grown by, also when whoever counts began anew. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { addTo, Growth } from '../../../worker/metrics/growth.ts';

it('tells each step once, and a counter that fell as a new one', () => {
  const growth = new Growth<'a' | 'b'>();
  assert.deepEqual(growth.since({ a: 5, b: 0 }), { a: 5, b: 0 });
  assert.deepEqual(growth.since({ a: 70, b: 1 }), { a: 65, b: 1 });
  assert.deepEqual(growth.since({ a: 3, b: 1 }), { a: 3, b: 0 });
});

it('does not count twice what was taken back for a moment', () => {
  const growth = new Growth<'a'>();
  const steps = [100, 98, 99, 103].map((a) => growth.since({ a }).a);
  assert.deepEqual(steps, [100, 0, 0, 3]);
});

it('sums up the steps of many', () => {
  const sum: Partial<Record<'a' | 'b', number>> = {};
  addTo(sum, { a: 1, b: 2 });
  addTo(sum, { a: 3, b: 4 });
  assert.deepEqual(sum, { a: 4, b: 6 });
});
