/**
 * What the numbers of the phone bank do: `+1555010` and four digits. The table is the documentation;
 * README and `npm start` print it. A number that is not listed answers and echoes.
 */
import type { Clock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import type { AudioName } from '../leg/sdp.ts';
import type { PhoneCall } from './phone-call.ts';
import { chime, tone } from './sounds.ts';

/** What sort of phone it is, fixed before it answers. */
export interface PhoneKind {
  readonly codecs: readonly AudioName[];
  readonly telephoneEvent: boolean;
}

export interface Behaviour {
  /** The last four digits. */
  readonly number: string;
  /** For people. */
  readonly does: string;
  readonly kind: PhoneKind;
  /** Runs until the call is over; the steps reject when it ends. */
  readonly run: (call: PhoneCall, clock: Clock) => Promise<void>;
}

export const NUMBER_PREFIX = '+1555010';

const usual: PhoneKind = { codecs: ['PCMU', 'PCMA'], telephoneEvent: true };

/** Rings for a moment, as people do. */
const RING_MS = 200;

async function pickUp(call: PhoneCall, clock: Clock, afterMs = RING_MS): Promise<void> {
  call.ring();
  await pause(clock, afterMs, call.over);
  await call.answer();
  await call.answered;
}

async function echo(call: PhoneCall, clock: Clock): Promise<void> {
  await pickUp(call, clock);
  call.echo();
}

/** Rounds of the chime until the call is over. */
async function keepChiming(call: PhoneCall): Promise<void> {
  while (!call.over.aborted) await call.play(chime());
}

async function pressAndChime(call: PhoneCall, clock: Clock, digits: string): Promise<void> {
  await pickUp(call, clock);
  await call.play(chime());
  await call.press(digits);
  await keepChiming(call);
}

const row = (number: string, does: string, run: Behaviour['run'], kind = usual): Behaviour => ({
  number,
  does,
  run,
  kind,
});

/** Any number that is not in the table. */
export const otherNumbers: Behaviour = row('', 'answers and echoes', echo);

export const behaviours: readonly Behaviour[] = [
  row('0001', 'answers, plays a chime, presses 1 2 3 # and goes on chiming', (call, clock) =>
    pressAndChime(call, clock, '123#'),
  ),
  row('0002', 'answers and echoes what it hears', echo),
  row('0003', 'is busy (486)', async (call) => call.reject(486, 'Busy Here')),
  row('0004', 'rings and never answers', async (call) => call.ring()),
  row('0005', 'declines (603)', async (call) => call.reject(603, 'Decline')),
  row('0006', 'answers after 3 seconds, then echoes', async (call, clock) => {
    await pickUp(call, clock, 3000);
    call.echo();
  }),
  row('0007', 'answers, chimes and hangs up after 5 seconds', async (call, clock) => {
    await pickUp(call, clock);
    void keepChiming(call);
    await pause(clock, 5000, call.over);
    call.hangup();
  }),
  row('0008', 'answers, waits a second and presses 1 2 3 4 #, then echoes', async (call, clock) => {
    await pickUp(call, clock);
    await pause(clock, 1000, call.over);
    await call.press('1234#');
    call.echo();
  }),
  row('0009', 'answers, chimes, holds after 2 seconds and resumes 2 seconds later', async (call, clock) => {
    await pickUp(call, clock);
    void keepChiming(call);
    await pause(clock, 2000, call.over);
    call.hold();
    await pause(clock, 2000, call.over);
    call.resume();
  }),
  row('0010', 'answers and is silent', (call, clock) => pickUp(call, clock)),
  row('0011', 'answers with A-law only and echoes', echo, { codecs: ['PCMA'], telephoneEvent: true }),
  row(
    '0012',
    'answers without telephone-event and presses 1 2 3 # as tones, then chimes',
    (call, clock) => pressAndChime(call, clock, '123#'),
    { codecs: ['PCMU', 'PCMA'], telephoneEvent: false },
  ),
  row('0013', 'plays early media for 2 seconds (183), then answers and echoes', async (call, clock) => {
    await call.ringWithSound();
    void call.play(tone(425, 2000));
    await pause(clock, 2000, call.over);
    await call.answer();
    call.echo();
  }),
  row('0014', 'answers without ringing and plays a steady 1000 Hz tone', async (call) => {
    await call.answer();
    const sound = tone(1000, 1000);
    while (!call.over.aborted) await call.play(sound);
  }),
  row('0015', 'is temporarily unavailable (480)', async (call) => call.reject(480, 'Temporarily Unavailable')),
  row('0016', 'answers and presses 5 by SIP INFO every 2 seconds', async (call, clock) => {
    await pickUp(call, clock);
    for (;;) {
      await pause(clock, 2000, call.over);
      call.pressByInfo('5');
    }
  }),
  row('0017', 'hangs up as soon as it has answered', async (call) => {
    await call.answer();
    call.hangup();
  }),
  row('0018', 'sends sound before it answers, a second later; then echoes', async (call, clock) => {
    await call.soundEarly();
    void call.play(chime());
    await pickUp(call, clock, 1000);
    call.echo();
  }),
  row('0404', 'does not exist (404)', async (call) => call.reject(404, 'Not Found')),
  row('0500', 'fails (500)', async (call) => call.reject(500, 'Server Internal Error')),
];

const byNumber = new Map(behaviours.map((behaviour) => [behaviour.number, behaviour]));

/** The behaviour of a called number in any spelling: `+15550100001`, `15550100001`, `0001`. */
export function behaviourOf(called: string): Behaviour {
  const digits = called.replace(/\D/g, '');
  const ours = digits.startsWith('1555010') || digits.startsWith('555010') || digits.length === 4;
  return (ours ? byNumber.get(digits.slice(-4)) : undefined) ?? otherNumbers;
}

/** The table as lines of `number  what it does`. */
export function behaviourLines(): string[] {
  const lines = behaviours.map(({ number, does }) => `${NUMBER_PREFIX}${number}  ${does}`);
  return [...lines, `any other      ${otherNumbers.does}`];
}
