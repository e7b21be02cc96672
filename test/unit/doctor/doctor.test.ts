/** The doctor names each fault: real ports that are taken, trunks that are dead, silent or unfriendly, a Redis that forgets. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Clock, systemClock } from '../../../shared/kernel/clock.ts';
import { newAccountSid } from '../../../shared/kernel/ids.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { readSettings, type Settings } from '../../../shared/settings.ts';
import { connectRedis, untilReady } from '../../../shared/store/redis.ts';
import { checkAddresses } from '../../../worker/doctor/checks/addresses.ts';
import { checkMachine, thisMachine } from '../../../worker/doctor/checks/machine.ts';
import { checkParser } from '../../../worker/doctor/checks/parser.ts';
import { checkPorts } from '../../../worker/doctor/checks/ports.ts';
import { checkRedis } from '../../../worker/doctor/checks/redis.ts';
import { checkSpeech } from '../../../worker/doctor/checks/speech.ts';
import { checkTrunks, trunksOf } from '../../../worker/doctor/checks/trunks.ts';
import type { Finding } from '../../../worker/doctor/finding.ts';
import { asText } from '../../../worker/doctor/report.ts';
import { judgeSettings } from '../../../worker/doctor/settings.ts';
import { freePorts } from '../../support/free-ports.ts';
import { startOptionsPeer } from '../../support/options-peer.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';

const account = { ACCOUNT_SID: newAccountSid(), AUTH_TOKEN: 'x'.repeat(16) };
const settingsWith = (environment: NodeJS.ProcessEnv): Settings => readSettings({ ...account, ...environment });

/** A clock that has no patience: deadlines of seconds are over in a tenth. */
const impatient: Clock = { ...systemClock, after: (ms, fire) => systemClock.after(Math.min(ms, 100), fire) };

/** `check level`, with what must be said. */
function said(findings: readonly Finding[], check: string, level: Finding['level'], words: RegExp): void {
  const found = findings.find((finding) => finding.check === check && finding.level === level);
  assert.ok(found, `no ${level} of ${check} in\n${asText(findings, false)}`);
  assert.match(`${found.found} → ${found.remedy}`, words);
}

describe('settings', () => {
  it('are named one by one when they are wrong, and the rest is still looked at', () => {
    const { settings, findings } = judgeSettings({ ...account, PORT: 'abc', SIP_PORT: '70000', RTP_HOST: '127.0.0.9' });
    said(findings, 'settings', 'fault', /^PORT: /);
    assert.ok(findings.some(({ found }) => found.startsWith('SIP_PORT: ')));
    assert.deepEqual([settings.PORT, settings.SIP_PORT, settings.RTP_HOST], [3000, 5060, '127.0.0.9']);
  });

  it('that are misspelt, missing or half there are told', () => {
    const { findings } = judgeSettings({ RTP_PORT: '1', TRUNK: '[]', STREAM_CERT: 'a.pem' });
    said(findings, 'settings', 'warning', /ACCOUNT_SID and AUTH_TOKEN are not set/);
    assert.ok(findings.some(({ remedy }) => remedy === 'Did you mean RTP_PORTS?'));
    assert.ok(findings.some(({ remedy }) => remedy === 'Did you mean TRUNKS?'));
    said(findings, 'settings', 'fault', /STREAM_CERT and STREAM_KEY/);
  });

  it('that are right are said to be', () => {
    assert.deepEqual(
      judgeSettings(account).findings.map(({ level }) => level),
      ['ok'],
    );
  });
});

describe('ports', () => {
  it('that are taken are named with the setting that moves them, free ones are free', async (test) => {
    const low = await freePorts(4);
    const api = createServer().listen(low, '127.0.0.1');
    const sip = createSocket('udp4').bind(low + 2, '127.0.0.1');
    test.after(() => {
      api.close();
      sip.close();
    });
    await new Promise((resolve) => sip.once('listening', resolve));
    const settings = settingsWith({ PORT: String(low), SIP_PORT: String(low + 2), PHONES_PORT: '0', PROBE_PORT: '0' });
    const findings = await checkPorts(settings, impatient);
    said(findings, 'api port', 'fault', /in use by another program → .* PORT /);
    said(findings, 'sip port', 'fault', /\(UDP\) is in use by another program → .* SIP_PORT /);
    said(findings, 'probe port', 'ok', /a free one/);
  });

  it('of a system that runs are no fault', async (test) => {
    const peer = await startOptionsPeer(test, 200);
    const settings = settingsWith({ PORT: '0', SIP_PORT: String(peer.port), PHONES_PORT: '0' });
    said(await checkPorts(settings, impatient), 'sip port', 'fault', /another program/);
    const { createServer: createHttp } = await import('node:http');
    const http = createHttp((_request, response) => response.end('{"status":"ok"}')).listen(0, '127.0.0.1');
    test.after(() => void http.close());
    await new Promise((resolve) => http.once('listening', resolve));
    const address = http.address();
    const port = typeof address === 'object' ? address?.port : 0;
    said(await checkPorts(settingsWith({ PORT: String(port), SIP_PORT: '0' }), impatient), 'api port', 'ok', /running/);
  });

  it('of addresses that are not ours, and ranges that are too small', async () => {
    const settings = settingsWith({ SIP_HOST: '192.0.2.77', SIP_PORT: '0', RTP_PORTS: '21000-21099', PORT: '0' });
    const findings = await checkPorts(settings, impatient);
    said(findings, 'sip port', 'fault', /SIP_HOST=192\.0\.2\.77 is no address of this machine → It has .*127\.0\.0\.1/);
    said(findings, 'rtp ports', 'warning', /50 pairs .* → .* widen RTP_PORTS/);
    const elsewhere = await checkPorts(settingsWith({ PORT: '0', SIP_PORT: '0', RTP_HOST: '192.0.2.78' }), impatient);
    said(elsewhere, 'rtp ports', 'fault', /RTP_HOST=192\.0\.2\.78/);
  });
});

describe('addresses', () => {
  const carrier = { transport: 'udp', prefixes: [''], username: null, password: null } as const;
  const trunk = { ...carrier, name: 'carrier', host: 'sip.example.net' };
  const judge = (environment: NodeJS.ProcessEnv, trunks = [trunk]) => checkAddresses(settingsWith(environment), trunks);

  it('nobody can reach are faults', async () => {
    said(await judge({}), 'sip address', 'fault', /SIP_HOST is 127\.0\.0\.1, and a trunk is elsewhere/);
    said(await judge({ RTP_HOST: '0.0.0.0' }), 'rtp address', 'fault', /RTP_PUBLIC_ADDRESS is not set/);
    const told = await judge({ SIP_HOST: '0.0.0.0', SIP_PUBLIC_ADDRESS: '127.0.0.1' });
    said(told, 'sip address', 'fault', /which the far end cannot reach/);
    const named = await judge({ SIP_HOST: '0.0.0.0', SIP_PUBLIC_ADDRESS: 'no.such.invalid' });
    said(named, 'sip address', 'fault', /no\.such\.invalid has no address/);
  });

  it('that are private are told, and what NAT must pass on is said', async () => {
    said(await judge({ SIP_HOST: '10.0.0.5' }), 'sip address', 'warning', /10\.0\.0\.5 is private/);
    const natted = await judge({ RTP_HOST: '0.0.0.0', RTP_PUBLIC_ADDRESS: '203.0.112.9' });
    said(natted, 'rtp address', 'ok', /must pass UDP 20000-29999 on to 0\.0\.0\.0/);
    const lan = await judge({ SIP_HOST: '0.0.0.0', SIP_PUBLIC_ADDRESS: '192.168.1.4' });
    said(lan, 'sip address', 'warning', /a private address/);
  });

  it('on loopback are right as long as everything is', async () => {
    said(await judge({}, []), 'sip address', 'ok', /only programs of this machine/);
    said(await judge({}, [{ ...trunk, host: '127.0.0.1:5080' }]), 'rtp address', 'ok', /only programs/);
  });
});

describe('redis', () => {
  let redis: TestRedis;
  before(async () => {
    redis = await startTestRedis();
  });
  after(() => redis.stop());

  it('that is as it should be', async () => {
    const findings = await checkRedis(redis.url, systemClock);
    assert.deepEqual(
      findings.map(({ check, level }) => `${check} ${level}`),
      ['redis ok', 'redis memory ok', 'redis files ok', 'redis delay ok', 'clock ok'],
    );
  });

  it('that throws away, forgets, or has another time', async (test) => {
    const client = connectRedis(redis.url, 'commands', silentLogger);
    await untilReady(client, systemClock, 5000);
    test.after(() => client.disconnect());
    await client.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    await client.call('CONFIG', 'SET', 'appendonly', 'no');
    const findings = await checkRedis(redis.url, { ...systemClock, now: () => Date.now() + 2000 });
    said(findings, 'redis memory', 'fault', /allkeys-lru → .*noeviction/);
    said(findings, 'redis files', 'warning', /appendonly is off/);
    said(findings, 'clock', 'warning', /differ by (19|20)\d\d ms/);
    await client.call('CONFIG', 'SET', 'requirepass', 'secret');
    said(await checkRedis(redis.url, impatient), 'redis', 'fault', /NOAUTH|cannot be reached|refuses us/);
    await client.call('CONFIG', 'SET', 'requirepass', '');
  });

  it('that is not there, or whose address is none', async () => {
    said(await checkRedis('redis://127.0.0.1:1', impatient), 'redis', 'fault', /ECONNREFUSED/);
    said(await checkRedis('http://nonsense', systemClock), 'redis', 'fault', /REDIS_URL/);
    said(await checkRedis(undefined, systemClock), 'redis', 'ok', /npm start/);
  });
});

describe('trunks', () => {
  const trunkAt = (name: string, port: number, more: object = {}) => ({ name, host: `127.0.0.1:${port}`, ...more });
  const check = async (clock: Clock, ...trunks: object[]): Promise<readonly Finding[]> => {
    const read = trunksOf(JSON.stringify(trunks));
    assert.equal(read.finding, undefined);
    return await checkTrunks(read.trunks, clock);
  };

  it('that answer, over UDP and TCP, with and without credentials', async (test) => {
    const open = await startOptionsPeer(test, 200);
    const closed = await startOptionsPeer(test, 200, 'right');
    const findings = await check(
      systemClock,
      trunkAt('udp', open.port),
      trunkAt('tcp', open.port, { transport: 'tcp' }),
      trunkAt('known', closed.port, { username: 'anna', password: 'right' }),
      trunkAt('known-tcp', closed.port, { transport: 'tcp', username: 'anna', password: 'right' }),
    );
    said(findings, 'trunk udp', 'ok', /over UDP answers 200 Answered in \d/);
    said(findings, 'trunk tcp', 'ok', /over TCP answers 200/);
    said(findings, 'trunk known', 'ok', /credentials taken/);
    said(findings, 'trunk known-tcp', 'ok', /credentials taken/);
  });

  it('that want other credentials, or any', async (test) => {
    const closed = await startOptionsPeer(test, 200, 'right');
    const wrong = trunkAt('wrong', closed.port, { username: 'anna', password: 'wrong' });
    const findings = await check(systemClock, wrong, trunkAt('none', closed.port));
    said(findings, 'trunk wrong', 'fault', /401 .*does not take the credentials/);
    said(findings, 'trunk none', 'fault', /wants credentials/);
    assert.doesNotMatch(asText(findings, false), /right|"wrong"/, 'no password is told');
  });

  it('that are dead, silent, in trouble or nowhere', async (test) => {
    const silent = await startOptionsPeer(test, null);
    const troubled = await startOptionsPeer(test, 503);
    const strict = await startOptionsPeer(test, 403);
    const dead = await freePorts(2);
    const findings = await check(
      impatient,
      trunkAt('silent', silent.port),
      trunkAt('troubled', troubled.port),
      trunkAt('strict', strict.port),
      trunkAt('dead', dead),
      trunkAt('dead-tcp', dead, { transport: 'tcp' }),
      { name: 'nowhere', host: 'no.such.invalid' },
    );
    said(findings, 'trunk silent', 'fault', /does not answer OPTIONS/);
    assert.ok(silent.asked >= 1);
    said(findings, 'trunk troubled', 'warning', /503/);
    said(findings, 'trunk strict', 'warning', /403/);
    said(findings, 'trunk dead', 'fault', /ECONNREFUSED → Nobody listens there/);
    said(findings, 'trunk dead-tcp', 'fault', /ECONNREFUSED/);
    said(findings, 'trunk nowhere', 'fault', /leads to no address/);
  });

  it('whose setting cannot be read', () => {
    assert.match(trunksOf('[{"name": "a b"}]').finding?.found ?? '', /TRUNKS\[0\.name\]/);
    assert.match(trunksOf('/no/such/file').finding?.found ?? '', /cannot be read/);
    assert.match(trunksOf('[nonsense').finding?.found ?? '', /not JSON/);
  });
});

describe('the machine', () => {
  const good = { nodeVersion: '20.19.0', cores: 4, openFiles: 1_000_000, receiveBuffer: 4_194_304 };
  it('is fine, or too old, too small, too narrow', () => {
    const settings = settingsWith({ WORKER_THREADS: '4' });
    assert.ok(checkMachine(good, settings).every(({ level }) => level === 'ok'));
    const bad = checkMachine({ nodeVersion: '18.20.0', cores: 2, openFiles: 1024, receiveBuffer: 212_992 }, settings);
    said(bad, 'node', 'fault', /18\.20\.0 is too old/);
    said(bad, 'cores', 'warning', /2 cores, 4 worker threads/);
    said(bad, 'open files', 'warning', /at most 1024; 1600 calls need about 8500/);
    said(bad, 'udp buffer', 'warning', /rmem_max is 212992/);
    assert.ok(thisMachine().cores > 0);
  });

  it('reads documents in a parser of its own', async () => {
    said([await checkParser(systemClock)], 'parser', 'ok', /reads a document/);
    said([await checkSpeech(systemClock, 'no-such-program')], 'speech', 'ok', /English alone; .*espeak-ng/);
  });
});

describe('the command', () => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const main = fileURLToPath(new URL(`../../../worker/doctor/main.${extension}`, import.meta.url));
  const loader = extension === 'ts' ? ['--import', import.meta.resolve('tsx')] : [];
  const run = (words: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
    spawnSync(process.execPath, [...loader, main, ...words], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], ...account, PORT: '0', SIP_PORT: '0', PHONES_PORT: '0', ...environment },
    });

  it('prints findings, tells by its end whether there is a fault, and speaks JSON', () => {
    const faulty = run(['--json'], { REDIS_URL: 'redis://127.0.0.1:1' });
    const { healthy, findings } = JSON.parse(faulty.stdout);
    assert.deepEqual([faulty.status, healthy], [1, false]);
    said(findings, 'redis', 'fault', /ECONNREFUSED/);
    const text = run([], { WORKER_THREADS: '1' });
    assert.match(text.stdout, /^✓ node +\d/);
    assert.match(text.stdout, /(All is well|It will run|to mend)/);
  });

  it('explains itself, and refuses words it does not know', () => {
    assert.match(run(['--help']).stdout, /pivot-streams doctor \[--json\]/);
    assert.equal(run(['--nonsense']).status, 2);
    assert.equal(run(['--env', '/no/such/file']).status, 2);
  });
});
