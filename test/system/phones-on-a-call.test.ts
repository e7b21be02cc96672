/** Phones as they really are: hold, move, late offers, one codec, no telephone-event, INFO; and calls to numbers of ours. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { openPhone, type Phone, type PhoneOptions } from '../../worker/phones/phone.ts';
import { CallFailed } from '../../worker/phones/phone-event.ts';
import { App } from '../support/app.ts';
import { fromMulaw, lately, RATE, talk, toMulaw, untilHeard } from '../support/ears.ts';
import { Lines } from '../support/lines.ts';
import { RtpProbe } from '../support/rtp-probe.ts';
import { suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';
import { concat, heardAt, sine, toneLevel } from '../support/tone.ts';

const PASSWORD = 'a password of the trunk';
const ASKED_401 = '+15551110001';
const ASKED_407 = '+15552220001';
const ASKED_WRONG = '+15553330001';

describe('phones on a call', () => {
  const owner = suiteOwner();
  let system: System;
  let app: App;
  let lines: Lines;
  let plain: Phone;

  async function phone(options: PhoneOptions = {}): Promise<Phone> {
    const opened = await openPhone(options);
    owner.after(() => opened.close());
    return opened;
  }

  const challenge = { realm: 'trunk', passwordOf: (user: string) => (user === 'pivot' ? PASSWORD : null) };
  let asks401: Phone;
  let asks407: Phone;

  before(async () => {
    plain = await phone();
    asks401 = await phone({ challenge });
    asks407 = await phone({ challenge, flaw: 'asks-as-proxy' });
    const trunk = (name: string, { address }: Phone, prefix: string, password = PASSWORD) => ({
      name,
      host: `${address.host}:${address.port}`,
      prefixes: [prefix],
      username: 'pivot',
      password,
    });
    const trunks = [
      trunk('asks-401', asks401, '+1555111'),
      trunk('asks-407', asks407, '+1555222'),
      trunk('asks-wrong', asks401, '+1555333', 'not the password'),
      { name: 'plain', host: `${plain.address.host}:${plain.address.port}`, prefixes: [''] },
    ];
    system = await startSystem(owner, { environment: { TRUNKS: JSON.stringify(trunks) } });
    app = await App.start(owner);
    lines = new Lines(system, app);
  });

  const types = async (sid: string): Promise<readonly string[]> =>
    (await system.events(sid)).map((event) => event.type);

  it('the leak check sees a call that is up, and nothing after it', async () => {
    const line = await lines.in(plain);
    const leaks = (await system.leaks(0)).join('\n');
    for (const what of [
      `the call ${line.sid} is not over`,
      'worker-1 has UDP sockets',
      'worker-1 has connections',
      'has a dialog',
      'has calls',
    ]) {
      assert.ok(leaks.includes(what), `${what} is not among:\n${leaks}`);
    }
    await line.hangUp();
    assert.deepEqual(await system.leaks(), []);
  });

  it('hold and resume: the call stays, and sound comes back both ways', async () => {
    const line = await lines.out(plain, '+15550001000');
    await line.hearsPhone();
    line.call.hold();
    await system.event(line.sid, 'media.held');
    line.call.resume();
    await system.event(line.sid, 'media.resumed');
    await line.talksBothWays();
    assert.equal((await line.hangUp())['status'], 'completed');
    assert.equal((await types(line.sid)).filter((type) => type === 'media.held').length, 1);
  });

  it('a phone that moves by re-INVITE is heard and hears at its new address', async () => {
    const probe = await RtpProbe.open();
    owner.after(() => probe.close());
    const line = await lines.out(plain, '+15550001000');
    await line.talksBothWays();
    const ours = line.call.media.agreement?.remote.port ?? 0;
    line.call.move(probe.address.address, probe.address.port);
    const moved = await system.event(line.sid, 'media.moved');
    assert.equal(moved['remote'], `127.0.0.1:${probe.address.port}`);

    // A phone that has moved speaks from where it is.
    const tone = toMulaw(sine(600, 20, RATE, 0.35));
    let sequence = 0;
    const speaking = setInterval(() => {
      sequence += 1;
      void probe.send(ours, { sequence, timestamp: sequence * 160, payload: tone, ssrc: 77 });
    }, 20);
    try {
      talk(line.stream, 1200, 1000);
      const packets = (await probe.received(60)).slice(-40);
      assert.ok(toneLevel(concat(...packets.map(({ payload }) => fromMulaw(payload))), 1200, RATE) > 0.1);
      await untilHeard(lately(line.stream), 600);
    } finally {
      clearInterval(speaking);
    }
    await line.hangUp();
  });

  it('a late offer: the answer comes in the ACK', async () => {
    const line = await lines.in(plain, { lateOffer: true });
    await line.talksBothWays();
    await line.call.press('42');
    await line.gotDigits('42', 'rfc4733');
    await line.hangUp();
  });

  it('A-law only, called and calling', async () => {
    const alaw = await phone({ codecs: ['PCMA'] });
    for (const line of [await lines.out(alaw, alaw.uri), await lines.in(alaw)]) {
      await line.talksBothWays();
      assert.equal((await system.event(line.sid, 'media.started'))['codec'], 'PCMA');
      await line.hangUp();
    }
  });

  it('without telephone-event the digits are tones; each comes once', async () => {
    const line = await lines.in(await phone({ telephoneEvent: false }));
    await line.call.press('159#');
    await line.gotDigits('159#', 'tone');
    await line.hangUp();
  });

  it('digits by telephone-event and by SIP INFO; each comes once', async () => {
    const line = await lines.in(plain);
    await line.call.press('0987');
    await line.gotDigits('0987', 'rfc4733');
    await line.hangUp();
    const other = await lines.out(plain, '+15550001000');
    for (const digit of '5*') {
      other.call.pressByInfo(digit);
      await other.stream.until(digit, (seen) => seen.of('dtmf').some((message) => message.dtmf.digit === digit));
    }
    await other.gotDigits('5*', 'info');
    await other.hangUp();
  });

  it('AC-13: what the phone says at once upon its answer is in the stream of a document that came later', async () => {
    const spokenMs = 300;
    const fetchMs = 500;
    app.page('/slow', async () => {
      await pause(systemClock, fetchMs);
      const stream = `<Stream url="${app.wsUrl('/first-words')}" dialect="twilio"/>`;
      return `<Response><Start>${stream}</Start><Pause length="1"/></Response>`;
    });
    const sid = await system.call({ to: '+15550001000', url: app.url('/slow') });
    const call = await plain.waitForCall();
    await call.answer();
    void call.play(sine(700, spokenMs, RATE, 0.35));
    const stream = await app.stream('/first-words');
    await stream.closed();
    await system.ended(sid);

    const stamps = stream.of('media').map((message) => Number(message.media.timestamp));
    assert.deepEqual(
      stamps,
      stamps.map((_, index) => index * 20),
    );
    const words = heardAt(fromMulaw(stream.audio('inbound')), 700, RATE, 0.35);
    const heardMs = words.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
    // The phone speaks from its own answer on: what it says while that is on its way to us nobody can hear.
    assert.ok(heardMs >= spokenMs - 100, JSON.stringify(words));
    assert.ok((words.at(-1)?.toMs ?? fetchMs) < fetchMs, JSON.stringify(words));
  });

  it('a trunk that asks for credentials, as a user agent (401) and as a proxy (407)', async () => {
    for (const [trunk, number] of [
      [asks401, ASKED_401],
      [asks407, ASKED_407],
    ] as const) {
      const line = await lines.out(trunk, number);
      await line.talksBothWays();
      assert.equal((await line.hangUp())['status'], 'completed');
    }
  });

  it('a trunk that does not accept our credentials fails the call, and says why', async () => {
    const sid = await system.call({ to: ASKED_WRONG, twiml: '<Response><Hangup/></Response>' });
    const { status, ending } = await system.ended(sid);
    assert.deepEqual([status, ending.cause, ending.sipCode], ['failed', 'not_authorised', 401]);
  });

  it('a number with voiceUrl: its document is asked for with the call, and talks', async () => {
    const { path, twiml } = lines.document();
    app.page('/voice', twiml);
    const uri = await lines.number({ voiceUrl: app.url('/voice'), voiceMethod: 'POST', dialect: 'twilio' });
    const call = await plain.call(uri, { callerName: 'Anna' });
    await call.answered;
    const stream = await app.stream(path);
    const request = app.requests.find((seen) => seen.path === '/voice');
    assert.equal(request?.form.get('Direction'), 'inbound');
    assert.equal(request?.form.get('From'), 'phone');
    await stream.until('the start', (seen) => seen.of('start').length > 0);
    const recording = call.record();
    talk(stream, 900, 500);
    await untilHeard(() => recording.samples().subarray(-RATE / 5), 900);
    const sid = stream.of('start')[0].start.callSid;
    stream.socket.close();
    const shown = await system.ended(sid);
    assert.deepEqual([shown.direction, shown.status], ['inbound', 'completed']);
    assert.equal((await call.ended).by, 'bye');
    for (const type of ['sip.invite', 'document.fetched', 'media.started', 'stream.started', 'call.ended']) {
      assert.ok((await types(sid)).includes(type), type);
    }
  });

  it('a number with inline twiml that says something and hangs up', async () => {
    const call = await plain.call(await lines.number({ twiml: '<Response><Say>Good morning.</Say></Response>' }));
    await call.answered;
    const recording = call.record();
    assert.equal((await call.ended).by, 'bye');
    assert.ok(
      recording.samples().some((sample) => Math.abs(sample) > 3000),
      'something was said',
    );
  });

  for (const { what, fields, code } of [
    { what: '<Reject>, pivot', fields: { twiml: '<Response><Reject/></Response>', dialect: 'pivot' }, code: 503 },
    { what: '<Reject>, twilio', fields: { twiml: '<Response><Reject/></Response>', dialect: 'twilio' }, code: 603 },
    { what: '<Reject reason="busy">', fields: { twiml: '<Response><Reject reason="busy"/></Response>' }, code: 486 },
  ]) {
    it(`${what}: the caller hears ${code}`, async () => {
      const call = await plain.call(await lines.number(fields));
      await assert.rejects(call.answered, (error) => error instanceof CallFailed && error.code === code);
    });
  }

  it('a number that is not ours: 404, and no call', async () => {
    const before = (await system.api('GET', '/calls')).body.items.length;
    const call = await plain.call(`sip:+15550299999@${system.stack.sipAddress}`);
    await assert.rejects(call.answered, (error) => error instanceof CallFailed && error.code === 404);
    assert.equal((await system.api('GET', '/calls')).body.items.length, before);
  });
});
