/** Causes, SIP codes and refusals: the table of PROTOCOL §0 row 35 and §3.4, row by row. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Cause, causeOfSip, endingOf, endingRules, refusalOf } from '../../../worker/call/ending.ts';

const out = { answered: false, direction: 'outbound-api' } as const;

describe('SIP codes', () => {
  for (const [code, status, cause, blame] of [
    [302, 'failed', 'moved', 'carrier'],
    [401, 'failed', 'not_authorised', 'platform'],
    [403, 'failed', 'forbidden', 'carrier'],
    [404, 'failed', 'invalid_number', 'callee'],
    [407, 'failed', 'not_authorised', 'platform'],
    [408, 'no-answer', 'no_answer', 'callee'],
    [480, 'no-answer', 'no_answer', 'callee'],
    [484, 'failed', 'invalid_number', 'callee'],
    [486, 'busy', 'busy', 'callee'],
    [487, 'canceled', 'canceled', 'carrier'],
    [488, 'failed', 'not_acceptable', 'carrier'],
    [499, 'failed', 'carrier_error', 'carrier'],
    [500, 'failed', 'carrier_error', 'carrier'],
    [503, 'failed', 'carrier_error', 'carrier'],
    [600, 'busy', 'busy', 'callee'],
    [603, 'busy', 'declined', 'callee'],
    [604, 'failed', 'invalid_number', 'callee'],
    [606, 'failed', 'not_acceptable', 'carrier'],
  ] as const) {
    it(`${code} is ${status}: ${cause}, ${blame}`, () => {
      const ending = endingOf(causeOfSip(code), { ...out, sipCode: code });
      assert.deepEqual([ending.status, ending.cause, ending.blame, ending.sipCode], [status, cause, blame, code]);
    });
  }
});

describe('causes', () => {
  it('the far end is the caller inbound and the callee outbound', () => {
    assert.equal(endingOf('far_hangup', { answered: true, direction: 'inbound' }).blame, 'caller');
    assert.equal(endingOf('far_hangup', { answered: true, direction: 'outbound-api' }).blame, 'callee');
  });

  it('an answered call that ends is completed, whoever is to blame', () => {
    const refusals: readonly Cause[] = [
      'rejected',
      'rejected_busy',
      'busy',
      'declined',
      'no_answer',
      'invalid_number',
      'canceled',
      'not_authorised',
      'forbidden',
      'not_acceptable',
      'moved',
      'carrier_error',
    ];
    for (const cause of Object.keys(endingRules) as Cause[]) {
      if (refusals.includes(cause)) continue;
      assert.equal(endingOf(cause, { answered: true, direction: 'inbound' }).status, 'completed', cause);
    }
  });

  it('the API cancels what was not answered', () => {
    assert.equal(endingOf('api_completed', out).status, 'canceled');
    assert.equal(endingOf('api_canceled', { ...out, answered: true }).status, 'completed');
  });
});

describe('refusals of an INVITE', () => {
  for (const [cause, dialect, sipCode] of [
    ['rejected_busy', 'pivot', 486],
    ['rejected_busy', 'twilio', 486],
    ['rejected', 'pivot', 503],
    ['rejected', 'twilio', 603],
    ['document_failed', 'pivot', 503],
    ['owner_closed', 'pivot', 503],
    ['document_ended', 'pivot', 480],
    ['api_completed', 'twilio', 480],
  ] as const) {
    it(`${cause} in ${dialect} is ${sipCode}`, () => {
      const ending = endingOf(cause, { answered: false, direction: 'inbound' });
      assert.equal(refusalOf(ending, dialect).sipCode, sipCode);
    });
  }
});
