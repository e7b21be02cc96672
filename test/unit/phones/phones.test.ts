import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../../shared/kernel/clock.ts';
import { withDeadline } from '../../../shared/kernel/deadline.ts';
import { openPhone, type Phone, type PhoneOptions } from '../../../worker/phones/phone.ts';
import type { PhoneCall } from '../../../worker/phones/phone-call.ts';
import { CallFailed } from '../../../worker/phones/phone-event.ts';
import { tone } from '../../../worker/phones/sounds.ts';
import { toneLevel } from '../../support/tone.ts';

const within = <T>(ms: number, what: string, work: Promise<T>): Promise<T> => withDeadline(systemClock, ms, what, work);

/** Waits, in real time, until something is so. @throws after two seconds. */
async function until(isSo: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(2000);
  while (!isSo()) {
    signal.throwIfAborted();
    await wait(5);
  }
}

describe('two phones over loopback', { concurrency: false }, () => {
  const phones: Phone[] = [];
  afterEach(async () => {
    await Promise.all(phones.splice(0).map((phone) => phone.close()));
  });

  async function phone(options: PhoneOptions = {}): Promise<Phone> {
    const opened = await openPhone(options);
    phones.push(opened);
    return opened;
  }

  async function connect(
    one: PhoneOptions = {},
    other: PhoneOptions = {},
    transport: 'udp' | 'tcp' = 'udp',
  ): Promise<{ caller: PhoneCall; callee: PhoneCall }> {
    const [from, to] = [await phone(one), await phone(other)];
    const caller = await from.call(to.uri, { transport });
    const callee = await to.waitForCall(3000);
    callee.ring();
    await callee.answer();
    await within(3000, 'the answer', Promise.all([caller.answered, callee.answered]));
    return { caller, callee };
  }

  for (const transport of ['udp', 'tcp'] as const) {
    it(`hear each other, press digits both ways and hang up, over ${transport}`, async () => {
      const { caller, callee } = await connect({}, {}, transport);
      const [callerHeard, calleeHeard] = [caller.record(), callee.record()];
      await within(5000, 'sound', Promise.all([caller.play(tone(440, 800)), callee.play(tone(1000, 800))]));
      await wait(150);
      const [atCallee, atCaller] = [calleeHeard.samples(), callerHeard.samples()];
      assert.ok(toneLevel(atCallee, 440, 8000) > 0.15, `${toneLevel(atCallee, 440, 8000)}`);
      assert.ok(toneLevel(atCaller, 1000, 8000) > 0.15, `${toneLevel(atCaller, 1000, 8000)}`);
      assert.ok(toneLevel(atCaller, 440, 8000) < 0.02);
      await within(5000, 'digits', Promise.all([caller.press('12#'), callee.press('*0')]));
      assert.equal(callee.digits, '12#');
      assert.equal(caller.digits, '*0');
      caller.hangup();
      const ending = await within(2000, 'the end', callee.ended);
      assert.deepEqual([ending.by, (await caller.ended).by], ['bye', 'us']);
    });
  }

  it('echo, hold and resume', async () => {
    const { caller, callee } = await connect();
    callee.echo();
    const heard = caller.record();
    await within(3000, 'sound', caller.play(tone(700, 400)));
    await wait(200);
    assert.ok(toneLevel(heard.samples(), 700, 8000) > 0.05);
    caller.hold();
    await until(() => callee.media.agreement?.held === true && caller.media.agreement?.direction === 'sendonly');
    caller.resume();
    await until(() => callee.media.agreement?.held === false && caller.media.agreement?.direction === 'sendrecv');
  });

  it('hold and resume before the hold is answered: both are offered, and each answer goes with its own', async () => {
    const told: string[] = [];
    const { caller, callee } = await connect({}, { onEvent: ({ type }) => void told.push(type) });
    caller.hold();
    caller.hold();
    caller.resume();
    await until(() => told.includes('media.resumed') && caller.media.agreement?.direction === 'sendrecv');
    assert.deepEqual(
      told.filter((type) => type.startsWith('media.') && type !== 'media.started'),
      ['media.held', 'media.resumed'],
    );
    assert.equal(callee.media.agreement?.held, false);
    const heard = caller.record();
    await within(3000, 'sound', callee.play(tone(700, 400)));
    await until(() => toneLevel(heard.samples(), 700, 8000) > 0.05);
  });

  it('are busy, and say so', async () => {
    const [from, to] = [await phone(), await phone()];
    const call = await from.call(to.uri);
    (await to.waitForCall(3000)).reject(486, 'Busy Here');
    await assert.rejects(call.answered, (error) => error instanceof CallFailed && error.code === 486);
    assert.equal(from.active, 0);
  });

  it('give up ringing', async () => {
    const [from, to] = [await phone(), await phone()];
    const call = await from.call(to.uri);
    const ringing = await to.waitForCall(3000);
    ringing.ring();
    await wait(50);
    call.hangup();
    assert.equal((await within(2000, 'the cancel', ringing.ended)).by, 'cancel');
  });

  it('hear early media', async () => {
    const [from, to] = [await phone(), await phone()];
    const call = await from.call(to.uri);
    const heard = call.record();
    const callee = await to.waitForCall(3000);
    await callee.ringWithSound();
    await within(3000, 'sound', callee.play(tone(425, 500)));
    await wait(150);
    assert.equal(call.state, 'calling');
    assert.ok(toneLevel(heard.samples(), 425, 8000) > 0.1);
    await callee.answer();
    await within(2000, 'the answer', call.answered);
    call.hold();
    await until(() => callee.media.agreement?.held === true);
  });

  it('offer late, in the answer', async () => {
    const [from, to] = [await phone(), await phone()];
    const call = await from.call(to.uri, { lateOffer: true });
    const callee = await to.waitForCall(3000);
    assert.equal(callee.invitation?.sdp, null);
    await callee.answer();
    await within(2000, 'the answer', Promise.all([call.answered, callee.answered]));
    const heard = callee.record();
    await within(3000, 'sound', call.play(tone(440, 500)));
    await wait(150);
    assert.ok(toneLevel(heard.samples(), 440, 8000) > 0.1);
  });

  it('ask for credentials and take the right ones', async () => {
    const challenge = { realm: 'phones', passwordOf: (name: string) => (name === 'anna' ? 'secret' : null) };
    const [from, to] = [await phone(), await phone({ challenge })];
    const wrong = await from.call(to.uri, { credentials: { username: 'anna', password: 'guess' } });
    await assert.rejects(within(3000, 'the refusal', wrong.answered), CallFailed);
    const right = await from.call(to.uri, { credentials: { username: 'anna', password: 'secret' } });
    await (await to.waitForCall(3000)).answer();
    await within(3000, 'the answer', right.answered);
  });

  it('never ACK when they are broken, and the other side retransmits its answer', async () => {
    const from = await phone({ flaw: 'never-ack' });
    const to = await phone();
    const call = await from.call(to.uri);
    const callee = await to.waitForCall(3000);
    await callee.answer();
    await within(2000, 'the answer', call.answered);
    assert.equal(callee.state, 'up');
  });

  it('give up with BYE before the answer when they are broken that way', async () => {
    const from = await phone({ flaw: 'bye-early' });
    const to = await phone();
    const call = await from.call(to.uri);
    const callee = await to.waitForCall(3000);
    callee.ring();
    await wait(100);
    call.hangup();
    assert.equal((await within(3000, 'the end', callee.ended)).by, 'bye');
  });
});
