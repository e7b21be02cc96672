/** A call of ours to a phone in the test, with any document: what the phone hears and presses, and how it ended. */
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause, withDeadline } from '../../shared/kernel/deadline.ts';
import { openPhone, type Phone, type PhoneOptions } from '../../worker/phones/phone.ts';
import type { PhoneCall } from '../../worker/phones/phone-call.ts';
import type { Recording } from '../../worker/phones/recording.ts';
import { App } from './app.ts';
import type { Owner } from './suite.ts';
import { type System, startSystem } from './system.ts';

const UP_MS = 10_000;
const STEP_MS = 10;

/** One call that is up. */
export class Scene {
  readonly sid: string;
  readonly phone: PhoneCall;
  /** From the answer on. */
  readonly heard: Recording;
  readonly #system: System;

  constructor(system: System, sid: string, phone: PhoneCall, heard: Recording) {
    this.#system = system;
    this.sid = sid;
    this.phone = phone;
    this.heard = heard;
  }

  /** The phone hangs up; answers with the call as it is shown then. */
  async hangUp(): Promise<Record<string, unknown>> {
    this.phone.hangup();
    return this.#system.ended(this.sid);
  }
}

/** A system whose trunk is a phone in the test, and an application. */
export class Stage {
  readonly system: System;
  readonly app: App;
  readonly #phone: Phone;

  private constructor(system: System, app: App, phone: Phone) {
    this.system = system;
    this.app = app;
    this.#phone = phone;
  }

  static async open(
    owner: Owner,
    environment: Readonly<Record<string, string>> = {},
    options: PhoneOptions = {},
  ): Promise<Stage> {
    const phone = await openPhone(options);
    owner.after(() => phone.close());
    const { host, port } = phone.address;
    const app = await App.start(owner);
    const WEBHOOK_URL = app.url('/account');
    app.page('/account', '');
    app.page('/status', '');
    const TRUNKS = JSON.stringify([{ name: 'phone', host: `${host}:${port}`, prefixes: [''] }]);
    const system = await startSystem(owner, { environment: { TRUNKS, WEBHOOK_URL, ...environment } });
    return new Stage(system, app, phone);
  }

  /** Calls the phone, which answers. `verbs` is the inside of the document. */
  async call(verbs: string, fields: Record<string, unknown> = {}): Promise<Scene> {
    const sid = await this.system.call({ to: '+15550001000', twiml: `<Response>${verbs}</Response>`, ...fields });
    const phone = await this.#phone.waitForCall();
    const heard = phone.record();
    await phone.answer();
    await withDeadline(systemClock, UP_MS, 'the answer', phone.answered);
    await this.system.event(sid, (event) => event.type === 'call.status' && event['status'] === 'in-progress');
    return new Scene(this.system, sid, phone, heard);
  }

  /** A call that the phone neither answers nor refuses yet. */
  async ringing(): Promise<{ readonly sid: string; readonly phone: PhoneCall }> {
    const sid = await this.system.call({ to: '+15550001000', twiml: '<Response/>' });
    const phone = await this.#phone.waitForCall();
    phone.ring();
    await this.system.event(sid, (event) => event.type === 'call.status' && event['status'] === 'ringing');
    return { sid, phone };
  }

  /** Requests to a path about one call, as their fields. */
  told(path: string, sid: string): readonly Record<string, string>[] {
    return this.app.requests
      .filter((request) => request.path === path)
      .map(({ form, query }) => Object.fromEntries([...query, ...form]))
      .filter((fields) => fields['CallSid'] === sid || fields['call_id'] === sid);
  }
}

/** Waits, in real time, until it holds. @throws DeadlineExceeded naming it. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const giveUpAt = systemClock.monotonic() + withinMs;
  while (!(await holds())) {
    if (systemClock.monotonic() > giveUpAt) throw new Error(`never, in ${withinMs} ms: ${what}`);
    await pause(systemClock, STEP_MS);
  }
}
