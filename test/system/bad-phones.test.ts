/** What a phone or a carrier can do wrong, and that it costs at most its own call. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause, withDeadline } from '../../shared/kernel/deadline.ts';
import { openPhone, type Phone, type PhoneOptions } from '../../worker/phones/phone.ts';
import type { PhoneCall } from '../../worker/phones/phone-call.ts';
import { CallFailed } from '../../worker/phones/phone-event.ts';
import { tone } from '../../worker/phones/sounds.ts';
import { App } from '../support/app.ts';
import { lately, RATE, toMulaw } from '../support/ears.ts';
import { freePorts } from '../support/free-ports.ts';
import { type Line, Lines } from '../support/lines.ts';
import { RtpProbe } from '../support/rtp-probe.ts';
import { type Owner, suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';
import { sine, toneLevel } from '../support/tone.ts';

/** 64 × T1 of RFC 3261 §13.3.1.4, and then some. */
const NEVER_ACKED_MS = 40_000;
/** Of RTP and RTCP ports: few, so that they can be used up. */
const PAIRS = 10;

async function open(owner: Owner, options: PhoneOptions = {}): Promise<Phone> {
  const phone = await openPhone(options);
  owner.after(() => phone.close());
  return phone;
}

describe('bad phones', () => {
  const owner = suiteOwner();
  let system: System;
  let app: App;
  let lines: Lines;
  let plain: Phone;
  /** Begun first and looked at last, because it takes half a minute. */
  let neverAcked: Line;

  before(async () => {
    plain = await open(owner);
    const low = await freePorts(2 * PAIRS);
    system = await startSystem(owner, {
      environment: { MEDIA_TIMEOUT: '2s', RTP_PORTS: `${low}-${low + 2 * PAIRS - 1}` },
    });
    app = await App.start(owner);
    lines = new Lines(system, app);
    neverAcked = await lines.in(await open(owner, { flaw: 'never-ack' }));
  });

  it('BYE in place of CANCEL before the answer: the caller is gone, the call canceled', async () => {
    const hasty = await open(owner, { flaw: 'bye-early' });
    let release: () => void = () => {};
    app.page('/slow', async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return '<Response><Hangup/></Response>';
    });
    const call = await hasty.call(await lines.number({ voiceUrl: app.url('/slow') }));
    const [sid] = await untilAsked('/slow');
    await system.event(sid, 'sip.ringing');
    call.hangup();
    const { status, ending } = await system.ended(sid);
    release();
    assert.deepEqual([status, ending.cause], ['canceled', 'caller_canceled']);
  });

  it('BYE as soon as it has answered', async () => {
    const sid = await system.call({ to: plain.uri, twiml: '<Response><Pause length="60"/></Response>' });
    const call = await plain.waitForCall();
    await call.answer();
    call.hangup();
    const { status, ending } = await system.ended(sid);
    assert.deepEqual([status, ending.cause], ['completed', 'far_hangup']);
  });

  it('an answer after CANCEL is acknowledged and hung up; the call stays canceled', async () => {
    const deaf = await open(owner, { flaw: 'deaf-to-cancel' });
    const sid = await system.call({ to: deaf.uri, twiml: '<Response><Pause length="60"/></Response>' });
    const call = await deaf.waitForCall();
    call.ring();
    await system.event(sid, 'sip.ringing');
    assert.equal((await system.api('POST', `/calls/${sid}`, { status: 'canceled' })).status, 200);
    await system.event(sid, 'sip.cancel');
    await call.answer();
    await within('the ACK', call.answered);
    assert.equal((await within('the BYE', call.ended)).by, 'bye');
    const { status, ending } = await system.ended(sid);
    assert.deepEqual([status, ending.cause], ['canceled', 'api_canceled']);
  });

  it('sound before the answer is no harm: what comes after it is heard at once', async () => {
    const line = await lines.out(plain, plain.uri, async (call) => {
      await call.soundEarly();
      await call.play(tone(500, 400));
      await call.answer();
    });
    await line.talksBothWays();
    await line.hangUp();
  });

  it('no sound at all ends the call after MEDIA_TIMEOUT', async () => {
    const lifeless = await open(owner, { beatSource: { join: () => () => {} } });
    const line = await lines.out(lifeless, lifeless.uri);
    const silence = await system.event(line.sid, 'media.timeout');
    assert.ok(Number(silence['silentMs']) >= 2000);
    assert.equal((await within('the BYE', line.call.ended)).by, 'bye');
    const { status, ending } = await system.ended(line.sid);
    assert.deepEqual([status, ending.cause], ['completed', 'media_timeout']);
  });

  it('hold is not silence', async () => {
    const line = await lines.out(plain, plain.uri);
    line.call.hold();
    await system.event(line.sid, 'media.held');
    await pause(systemClock, 2600);
    line.call.resume();
    await system.event(line.sid, 'media.resumed');
    await line.talksBothWays();
    await line.hangUp();
  });

  it('RTP of a stranger at our port is not heard, and the phone still is', async () => {
    const stranger = await RtpProbe.open();
    owner.after(() => stranger.close());
    const line = await lines.out(plain, plain.uri);
    await line.hearsPhone();
    const port = line.call.media.agreement?.remote.port ?? 0;
    const payload = toMulaw(sine(1900, 20, RATE, 0.35));
    for (let sequence = 0; sequence < 60; sequence++) {
      await stranger.send(port, { sequence, timestamp: sequence * 160, payload, ssrc: 666 });
      await pause(systemClock, 10);
    }
    assert.ok(toneLevel(lately(line.stream, 40)(), 1900, RATE) < 0.01, 'the stranger is heard');
    await line.talksBothWays();
    assert.equal(stranger.count, 0, 'the stranger hears');
    assert.ok(!(await system.events(line.sid)).some((event) => event.type === 'media.moved'));
    await line.hangUp();
  });

  it('with every port in use a call of ours fails with its cause and a caller hears 503, until one is free', async () => {
    const twiml = '<Response><Pause length="60"/></Response>';
    const number = await lines.number({ twiml });
    /** A call of ours that is up, or how it ended. */
    const place = async (): Promise<{ readonly sid: string; readonly call: PhoneCall | null }> => {
      const sid = await system.call({ to: plain.uri, twiml });
      const { type } = await system.event(sid, (event) => event.type === 'sip.invite' || event.type === 'call.ended');
      if (type === 'call.ended') return { sid, call: null };
      const call = await plain.waitForCall();
      await call.answer();
      await system.event(sid, 'media.started');
      return { sid, call };
    };
    // One pair has the call that is never acknowledged; those of the tests before rest for a while.
    const running: { readonly sid: string; readonly call: PhoneCall }[] = [];
    await untilItWorks(async () => {
      const { sid, call } = await place();
      if (call !== null) running.push({ sid, call });
      return running.length === PAIRS - 1;
    });
    const refused = await system.ended((await place()).sid);
    assert.deepEqual(
      [refused.status, refused.ending.cause, refused.ending.blame],
      ['failed', 'no_media_port', 'platform'],
    );
    const caller = await plain.call(number);
    await assert.rejects(caller.answered, (error) => error instanceof CallFailed && error.code === 503);

    for (const { sid, call } of running) {
      call.hangup();
      assert.equal((await system.ended(sid)).status, 'completed');
    }
    await untilItWorks(async () => {
      const call = await plain.call(number);
      const answered = await call.answered.then(
        () => true,
        () => false,
      );
      call.hangup();
      return answered;
    });
  });

  it('a caller that never sends ACK is heard, and hung up when the 200 was repeated long enough', async () => {
    const { status, ending } = await system.ended(neverAcked.sid, NEVER_ACKED_MS);
    assert.deepEqual([status, ending.cause], ['completed', 'dialog_lost']);
  });

  /** Ports rest for five seconds after a call. */
  async function untilItWorks(attempt: () => Promise<boolean>): Promise<void> {
    const until = systemClock.monotonic() + 12_000;
    while (!(await attempt())) {
      assert.ok(systemClock.monotonic() < until, 'no port became free');
      await pause(systemClock, 50);
    }
  }

  async function untilAsked(path: string): Promise<readonly [string]> {
    const until = systemClock.monotonic() + 5000;
    while (systemClock.monotonic() < until) {
      const seen = app.requests.find((request) => request.path === path);
      const sid = seen?.query.get('CallSid') ?? seen?.form.get('CallSid') ?? seen?.query.get('Call-Sid');
      if (typeof sid === 'string') return [sid];
      await pause(systemClock, 20);
    }
    return assert.fail(`${path} was not asked for`);
  }
});

const within = <T>(what: string, work: Promise<T>): Promise<T> => withDeadline(systemClock, 10_000, what, work);
