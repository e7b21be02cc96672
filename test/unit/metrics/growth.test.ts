/** What a counter has grown by, also when whoever counts began anew. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Growth } from '../../../worker/metrics/growth.ts';

it('tells each step once, and a counter that fell as a new one', () => {
  const growth = new Growth<'a' | 'b'>();
  assert.deepEqual(growth.since({ a: 5, b: 0 }), { a: 5, b: 0 });
  assert.deepEqual(growth.since({ a: 7, b: 1 }), { a: 2, b: 1 });
  assert.deepEqual(growth.since({ a: 3, b: 1 }), { a: 3, b: 0 });
});
