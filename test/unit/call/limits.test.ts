/** How long a call waits for each thing, as a table. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limitOf } from '../../../worker/call/limits.ts';
import type { CallEffect } from '../../../worker/call/machine.ts';
import { callRecord } from '../../support/fake-ports.ts';

const call = callRecord({ plan: { ringTimeoutMs: 30_000, timeLimitMs: 3_600_000 } });
const NOW = Date.parse('2026-11-23T11:00:00.000Z');

const rows: readonly (readonly [CallEffect, number, string])[] = [
  ['dial', 40_000, 'no_answer'],
  ['join', 40_000, 'no_answer'],
  ['answer', 40_000, 'dialog_lost'],
  ['find', 10_000, 'owner_lost'],
  ['take-over', 10_000, 'owner_lost'],
  ['ring', 3_600_000, 'time_limit'],
  ['tell-answered', 3_600_000, 'time_limit'],
];

describe('limits of a call', () => {
  for (const [effect, afterMs, cause] of rows) {
    it(`${effect}: ${cause} after ${afterMs / 1000} s`, () => {
      assert.deepEqual(limitOf(effect, call, NOW), { afterMs, cause });
    });
  }

  it('a call that is resumed has what is left of its time, and none when that is over', () => {
    const up = { ...call, answeredAt: '2026-11-23T10:59:00.000Z' };
    const long = { ...call, answeredAt: '2026-11-23T09:00:00.000Z' };
    assert.equal(limitOf('resume', up, NOW)?.afterMs, 3_540_000);
    assert.equal(limitOf('resume', long, NOW)?.afterMs, 0);
    assert.equal(limitOf('resume', call, NOW)?.afterMs, 3_600_000);
  });

  it('whatever is only told, or ends a call, leaves the limit before it', () => {
    const others: readonly CallEffect[] = [
      'tell-initiated',
      'tell-ringing',
      'run-document',
      'hangup',
      'wind-up',
      'drop',
    ];
    for (const effect of others) assert.equal(limitOf(effect, call, NOW), null);
  });
});
