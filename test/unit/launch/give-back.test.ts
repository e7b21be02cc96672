/** What a start leaves behind is given back, measured by V8's own account of its young generation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getHeapSpaceStatistics } from 'node:v8';
import { giveBackMemory } from '../../../shared/launch/give-back.ts';

const youngMb = (): number =>
  (getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.physical_space_size ?? 0) / 1e6;

test('a young generation that grew gives its memory back', async () => {
  // What survives makes it grow, as modules do that are being loaded.
  let kept: object[] = [];
  for (let round = 0; round < 20 && youngMb() < 10; round++) {
    kept = Array.from({ length: 200_000 }, (_, index) => ({ index, round, earlier: kept.length }));
  }
  assert.ok(youngMb() >= 10, `it grew to ${youngMb()} MB only`);
  kept = [];
  await giveBackMemory();
  assert.ok(youngMb() < 4, `${youngMb()} MB are left`);
});
