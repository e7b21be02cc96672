/** Calls between a scripted phone and an application of ours, up and listening on a two-way stream. */
import assert from 'node:assert/strict';
import { systemClock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import type { CallOptions, Phone } from '../../worker/phones/phone.ts';
import type { PhoneCall } from '../../worker/phones/phone-call.ts';
import { tone } from '../../worker/phones/sounds.ts';
import type { App, StreamSeen } from './app.ts';
import { lately, RATE, talk, untilHeard } from './ears.ts';
import type { System } from './system.ts';

const UP_MS = 10_000;

/** One conversation: the phone's side and the application's. */
export class Line {
  readonly sid: string;
  readonly call: PhoneCall;
  readonly stream: StreamSeen;
  readonly #system: System;

  constructor(system: System, sid: string, call: PhoneCall, stream: StreamSeen) {
    this.#system = system;
    this.sid = sid;
    this.call = call;
    this.stream = stream;
  }

  /** What the phone says reaches the application. */
  async hearsPhone(hertz = 700): Promise<void> {
    void this.call.play(tone(hertz, 600));
    await untilHeard(lately(this.stream), hertz);
  }

  /** What the application says reaches the phone. */
  async hearsApp(hertz = 1000): Promise<void> {
    const recording = this.call.record();
    talk(this.stream, hertz, 600);
    await untilHeard(() => recording.samples().subarray(-RATE / 5), hertz);
    recording.stop();
  }

  /** Both, one after the other. */
  async talksBothWays(): Promise<void> {
    await this.hearsPhone();
    await this.hearsApp();
  }

  /** The digits, each once, at the application and in the timeline. */
  async gotDigits(digits: string, by: string): Promise<void> {
    const got = (): string =>
      this.stream
        .of('dtmf')
        .map((message) => message.dtmf.digit)
        .join('');
    await this.stream.until(`the digits ${digits}`, () => got().length >= digits.length);
    await this.#system.event(this.sid, 'dtmf.received');
    const entries = (await this.#system.events(this.sid)).filter(({ type }) => type === 'dtmf.received');
    assert.ok(
      entries.every((entry) => entry['by'] === by),
      JSON.stringify(entries),
    );
    assert.equal(got(), digits);
  }

  /** The phone hangs up; answers with the call as it is shown then. */
  async hangUp(): Promise<Record<string, unknown>> {
    this.call.hangup();
    return this.#system.ended(this.sid);
  }
}

export class Lines {
  readonly #system: System;
  readonly #app: App;
  #count = 0;

  constructor(system: System, app: App) {
    this.#system = system;
    this.#app = app;
  }

  /** A document that connects to a stream of its own. */
  document(): { readonly path: string; readonly twiml: string } {
    this.#count += 1;
    const path = `/line-${this.#count}`;
    const stream = `<Stream url="${this.#app.wsUrl(path)}" dialect="twilio"/>`;
    return { path, twiml: `<Response><Connect>${stream}</Connect></Response>` };
  }

  /** A call of ours that the phone answers as told. */
  async out(
    phone: Phone,
    to: string,
    answer: (call: PhoneCall) => Promise<void> = (call) => call.answer(),
  ): Promise<Line> {
    const { path, twiml } = this.document();
    const sid = await this.#system.call({ to, twiml });
    const call = await phone.waitForCall();
    await answer(call);
    return this.#up(sid, call, path);
  }

  /** A number of ours with this document. */
  async number(fields: Record<string, unknown>): Promise<string> {
    this.#count += 1;
    const number = `+1555020${String(this.#count).padStart(4, '0')}`;
    const answer = await this.#system.api('PUT', `/numbers/${number}`, fields);
    assert.ok(answer.status === 200 || answer.status === 201, JSON.stringify(answer.body));
    return `sip:${number}@${this.#system.stack.sipAddress}`;
  }

  /** A call of the phone to a number of ours. */
  async in(phone: Phone, options: CallOptions = {}): Promise<Line> {
    const { path, twiml } = this.document();
    const call = await phone.call(await this.number({ twiml }), options);
    return this.#up(null, call, path);
  }

  async #up(sid: string | null, call: PhoneCall, path: string): Promise<Line> {
    await withDeadline(systemClock, UP_MS, 'the answer', call.answered);
    const stream = await this.#app.stream(path);
    await stream.until('the start', (seen) => seen.of('start').length > 0);
    return new Line(this.#system, sid ?? stream.of('start')[0].start.callSid, call, stream);
  }
}
