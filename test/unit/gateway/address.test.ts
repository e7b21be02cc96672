/** Numbers and SIP addresses. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { numberCandidates, partyOf, uriAt, userOf } from '../../../worker/gateway/address.ts';
import type { SipUri } from '../../../worker/sip/sip-call.ts';

const uri = (user: string | null): SipUri => ({ user, host: 'sip.example', port: null, parameters: {} });

describe('the party of a URI', () => {
  const cases: readonly (readonly [string | null, string])[] = [
    ['15550100001', '+15550100001'],
    ['+15550100001', '+15550100001'],
    ['+1-555-010-0001', '+15550100001'],
    ['%2B15550100001;phone-context=example', '+15550100001'],
    ['100', '100'],
    ['anonymous', 'anonymous'],
    ['john.doe', 'john.doe'],
    ['%zz', '%zz'],
    [null, 'sip.example'],
  ];
  for (const [user, party] of cases) it(`${user} is ${party}`, () => assert.equal(partyOf(uri(user)), party));
});

describe('where a called number is looked up', () => {
  it('tries with and without + and then the default number', () => {
    assert.deepEqual(numberCandidates(uri('15550100001')), ['+15550100001', '15550100001', '*']);
    assert.deepEqual(numberCandidates(uri('+15550100001')), ['+15550100001', '15550100001', '*']);
    assert.deepEqual(numberCandidates(uri('100')), ['100', '+100', '*']);
    assert.deepEqual(numberCandidates(uri('sales')), ['sales', '*']);
    assert.deepEqual(numberCandidates(uri(null)), ['*']);
  });
});

describe('a party as a URI', () => {
  it('puts numbers and names at the host, escaped', () => {
    assert.equal(uriAt('+1 (555) 010-0001', 'h:5060'), 'sip:+15550100001@h:5060');
    assert.equal(uriAt('john.doe', 'h'), 'sip:john.doe@h');
    assert.equal(uriAt('*#21@evil', 'h'), 'sip:*%2321%40evil@h');
    assert.equal(uriAt('sip:bob@b.example', 'h'), 'sip:bob@b.example');
  });

  it('finds the user of an address', () => {
    assert.equal(userOf('sip:+15550100001@b.example;transport=tcp'), '+15550100001');
    assert.equal(userOf('sip:b.example'), '');
    assert.equal(userOf('+15550100001'), '+15550100001');
  });
});
