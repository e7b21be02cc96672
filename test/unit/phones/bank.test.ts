import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../../shared/kernel/clock.ts';
import { withDeadline } from '../../../shared/kernel/deadline.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { PhoneBank } from '../../../worker/phones/bank.ts';
import { behaviourLines, behaviourOf, behaviours, NUMBER_PREFIX } from '../../../worker/phones/behaviours.ts';
import { openPhone, type Phone, type PhoneOptions } from '../../../worker/phones/phone.ts';
import type { PhoneCall } from '../../../worker/phones/phone-call.ts';
import { CallFailed } from '../../../worker/phones/phone-event.ts';
import { CHIME_HERTZ, tone } from '../../../worker/phones/sounds.ts';
import { PortPool } from '../../../worker/rtp/ports.ts';
import { toneLevel } from '../../support/tone.ts';

const within = <T>(ms: number, what: string, work: Promise<T>): Promise<T> => withDeadline(systemClock, ms, what, work);

describe('the numbers of the phone bank', () => {
  it('are four digits, each once, and each says what it does', () => {
    assert.equal(new Set(behaviours.map(({ number }) => number)).size, behaviours.length);
    for (const { number, does } of behaviours) {
      assert.match(number, /^\d{4}$/);
      assert.ok(does.length > 5);
    }
    assert.equal(behaviourLines().length, behaviours.length + 1);
  });

  it('are found in every spelling; any other number echoes', () => {
    for (const called of ['+15550100003', '15550100003', '0003']) assert.equal(behaviourOf(called).number, '0003');
    for (const called of ['+15550109999', '+441632960003', '', 'anna']) assert.equal(behaviourOf(called).number, '');
  });
});

describe('the phone bank', { concurrency: false }, () => {
  let bank: PhoneBank;
  const phones: Phone[] = [];
  before(async () => {
    bank = await PhoneBank.open({
      host: '127.0.0.1',
      port: 0,
      ports: new PortPool({ low: 50_000, high: 59_999 }, systemClock),
      clock: systemClock,
      log: silentLogger,
    });
  });
  after(async () => {
    await Promise.all(phones.map((phone) => phone.close()));
    await bank.close();
  });

  async function call(number: string, options: PhoneOptions = {}): Promise<PhoneCall> {
    const phone = await openPhone(options);
    phones.push(phone);
    return phone.call(`sip:${NUMBER_PREFIX}${number}@127.0.0.1:${bank.address.port}`);
  }

  it('0001 chimes and presses 1 2 3 #', async () => {
    const chiming = await call('0001');
    const heard = chiming.record();
    await within(3000, 'the answer', chiming.answered);
    const deadline = AbortSignal.timeout(6000);
    while (chiming.digits.length < 4) {
      deadline.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(chiming.digits, '123#');
    for (const hertz of CHIME_HERTZ) assert.ok(toneLevel(heard.samples(), hertz, 8000) > 0.02, `${hertz} Hz`);
    chiming.hangup();
  });

  it('0002 echoes', async () => {
    const echoing = await call('0002');
    await within(3000, 'the answer', echoing.answered);
    const heard = echoing.record();
    await within(3000, 'sound', echoing.play(tone(800, 600)));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(toneLevel(heard.samples(), 800, 8000) > 0.1);
    echoing.hangup();
  });

  for (const [number, code] of [
    ['0003', 486],
    ['0005', 603],
    ['0015', 480],
    ['0404', 404],
    ['0500', 500],
  ] as const) {
    it(`${number} refuses with ${code}`, async () => {
      const refused = await call(number);
      await assert.rejects(
        within(3000, 'the refusal', refused.answered),
        (error) => error instanceof CallFailed && error.code === code,
      );
    });
  }

  it('0011 speaks A-law', async () => {
    const alaw = await call('0011');
    await within(3000, 'the answer', alaw.answered);
    assert.equal(alaw.media.agreement?.codec, 'PCMA');
    alaw.hangup();
  });

  it('0017 hangs up at once, and nothing is left of any call', async () => {
    const short = await call('0017');
    assert.equal((await within(3000, 'the end', short.ended)).by, 'bye');
    const deadline = AbortSignal.timeout(3000);
    while (bank.active > 0) {
      deadline.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(bank.served >= 1);
  });
});
