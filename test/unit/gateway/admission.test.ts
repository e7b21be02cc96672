/** Who may send us calls. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readTrunks } from '../../../shared/trunks.ts';
import { AllowListError, SourceGuard } from '../../../worker/gateway/admission.ts';
import { type InvitationScript, ScriptedInvitation } from '../../support/scripted-sip.ts';

const allow = ['127.0.0.0/8', '203.0.113.7', '2001:db8::/32'];
const carrier = readTrunks('[{"name":"c","host":"c.example","username":"ann","password":"secret"}]');
const from = (script: InvitationScript): ScriptedInvitation => new ScriptedInvitation('c', script);

describe('admission of sources', () => {
  const guard = new SourceGuard(allow, [], 'gw');
  const cases: readonly (readonly [string, string])[] = [
    ['127.0.0.1', 'admitted'],
    ['::ffff:127.0.0.1', 'admitted'],
    ['203.0.113.7', 'admitted'],
    ['203.0.113.8', 'refused'],
    ['2001:db8::5', 'admitted'],
    ['2001:db9::5', 'refused'],
    ['::1', 'refused'],
    ['not an address', 'refused'],
  ];
  for (const [address, kind] of cases) {
    it(`${address} is ${kind}`, () => assert.equal(guard.admit(from({ address })).kind, kind));
  }

  it('asks strangers for the credentials of a trunk when a trunk has some', () => {
    const digest = new SourceGuard(allow, carrier, 'gw');
    const stranger = from({ address: '198.51.100.1' });
    assert.equal(digest.admit(stranger).kind, 'challenged');
    assert.equal(stranger.challenged, 'gw');
    const known = { address: '198.51.100.1', credentials: { username: 'ann', password: 'secret' } };
    assert.equal(digest.admit(from(known)).kind, 'admitted');
    const wrong = { address: '198.51.100.1', credentials: { username: 'ann', password: 'guess' } };
    assert.equal(digest.admit(from(wrong)).kind, 'challenged');
  });

  it('says at start which range is not one', () => {
    assert.throws(() => new SourceGuard(['10.0.0.0/99'], [], 'gw'), AllowListError);
    assert.throws(() => new SourceGuard(['everybody'], [], 'gw'), /everybody/);
  });
});
