/** SIP messages as timeline entries. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sipEntry } from '../../../worker/gateway/sip-entries.ts';

const typeOf = (method: string, code: number | null, inDialog = false): string | null =>
  sipEntry('in', { method, code, reason: null }, inDialog)?.type ?? null;

describe('timeline entries of SIP messages', () => {
  const cases: readonly (readonly [string, number | null, boolean, string | null])[] = [
    ['INVITE', null, false, 'sip.invite'],
    ['INVITE', 100, false, null],
    ['INVITE', 180, false, 'sip.ringing'],
    ['INVITE', 183, false, 'sip.progress'],
    ['INVITE', 200, false, 'sip.answered'],
    ['INVITE', 407, false, 'sip.challenged'],
    ['INVITE', 486, false, 'sip.failed'],
    ['INVITE', null, true, 'sip.reinvite'],
    ['INVITE', 200, true, 'sip.reinvite.answered'],
    ['INVITE', 491, true, 'sip.reinvite.failed'],
    ['ACK', null, true, 'sip.ack'],
    ['BYE', null, true, 'sip.bye'],
    ['BYE', 200, true, null],
    ['BYE', 481, true, 'sip.bye.failed'],
    ['CANCEL', null, false, 'sip.cancel'],
    ['OPTIONS', null, false, null],
  ];
  for (const [method, code, inDialog, type] of cases) {
    it(`${method} ${code ?? 'request'}${inDialog ? ' in the dialog' : ''} is ${type}`, () =>
      assert.equal(typeOf(method, code, inDialog), type));
  }

  it('carries way, code and reason', () => {
    assert.deepEqual(sipEntry('out', { method: 'INVITE', code: 486, reason: 'Busy Here' }, false), {
      type: 'sip.failed',
      way: 'out',
      code: 486,
      reason: 'Busy Here',
    });
  });
});
