/** Settings: read together, refused together; `.env.example` lists exactly these with their defaults. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseEnv } from 'node:util';
import { readSettings, SettingsError, settingsSchema } from '../../../shared/settings.ts';

const needed = { ACCOUNT_SID: `AC${'0'.repeat(32)}`, AUTH_TOKEN: 'x'.repeat(16) };

function refused(environment: NodeJS.ProcessEnv): string {
  try {
    readSettings({ ...needed, ...environment });
  } catch (error) {
    assert.ok(error instanceof SettingsError);
    return error.message;
  }
  return assert.fail('not refused');
}

describe('settings', () => {
  const example = parseEnv(readFileSync('.env.example', 'utf8'));

  it('are all in .env.example, and nothing else is', () => {
    assert.deepEqual(Object.keys(example).sort(), Object.keys(settingsSchema.shape).sort());
  });

  it('have in .env.example the value they have without it', () => {
    assert.deepEqual(readSettings({ ...example, ...needed }), readSettings(needed));
  });

  it('read times, flags, ranges and lists', () => {
    const settings = readSettings({
      ...needed,
      QUEUE_TIMEOUT: '500ms',
      CALL_RETENTION: '2h',
      ALLOW_PRIVATE_ADDRESSES: 'on',
      ALLOW_INSECURE_WS: 'off',
      RTP_PORTS: '30000-30003',
      SIP_ALLOW: '10.0.0.0/8, 192.0.2.1',
      CODECS: 'g722, PCMU',
      PORT: '0',
    });
    assert.equal(settings.QUEUE_TIMEOUT, 500);
    assert.equal(settings.CALL_RETENTION, 7_200_000);
    assert.equal(settings.ALLOW_PRIVATE_ADDRESSES, true);
    assert.equal(settings.ALLOW_INSECURE_WS, false);
    assert.deepEqual(settings.RTP_PORTS, { low: 30_000, high: 30_003 });
    assert.deepEqual(settings.SIP_ALLOW, ['10.0.0.0/8', '192.0.2.1']);
    assert.deepEqual(settings.CODECS, ['G722', 'PCMU']);
    assert.equal(settings.PORT, 0);
  });

  it('take an empty value as absent', () => {
    assert.equal(readSettings({ ...needed, PORT: '', TRUNKS: '' }).PORT, 3000);
  });

  it('trust so many proxies, or those at these addresses', () => {
    assert.equal(readSettings({ ...needed, TRUST_PROXY: '1' }).TRUST_PROXY, 1);
    const networks = ['10.0.0.0/8', '2001:db8::1'];
    assert.deepEqual(readSettings({ ...needed, TRUST_PROXY: networks.join(', ') }).TRUST_PROXY, networks);
  });

  it('name everything that is wrong at once', () => {
    const message = refused({ PORT: '70000', DIALECT: 'german', QUEUE_TIMEOUT: '60', AUTH_TOKEN: 'short' });
    for (const name of ['PORT', 'DIALECT', 'QUEUE_TIMEOUT', 'AUTH_TOKEN'])
      assert.match(message, new RegExp(`^ +${name}: `, 'm'));
  });

  for (const [name, value] of [
    ['RTP_PORTS', '30000'],
    ['RTP_PORTS', '30003-30000'],
    ['RTP_PORTS', '80-90'],
    ['CODECS', 'PCMU,OPUS'],
    ['CODECS', 'PCMU,PCMU'],
    ['ALLOW_INSECURE_WS', 'maybe'],
    ['ACCOUNT_SID', 'AC1'],
    ['PUBLIC_URL', 'here'],
    ['PUBLIC_URL', 'ftp://voice.example'],
    ['TRUST_PROXY', 'balancer'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', '10.0.0.1,'],
    ['WORKER_THREADS', '0'],
    ['LOG_LEVEL', 'loud'],
  ] as const) {
    it(`refuse ${name}=${value}`, () => {
      assert.match(refused({ [name]: value }), new RegExp(name));
    });
  }
});
