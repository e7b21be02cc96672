/**
 * Constant churn: so many slots, each with one call after the other, of every kind and with every ending a phone or an
 * API client can give it. A slot has one number that is called and one that calls; nothing grows with the calls there were.
 */
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { documentOf, type Kind } from '../chaos/documents.ts';
import type { Scene } from '../chaos/scene.ts';
import type { Dice } from '../support/dice.ts';

const kinds: readonly Kind[] = ['one-way', 'two-way', 'say', 'raw', 'play', 'redirect', 'listened-say'];
const UP_WITHIN_MS = 15_000;
const OVER_WITHIN_MS = 20_000;
const SHORTEST_MS = 1000;
const LONGEST_MS = 6000;
/** Every so many calls rings until it is canceled. */
const NEVER_ANSWERED = 8;

export interface Counts {
  started: number;
  done: number;
  /** Calls that did not come up or did not end as they were told. */
  wrong: number;
}

export class Churn {
  readonly counts: Counts = { started: 0, done: 0, wrong: 0 };
  readonly problems: string[] = [];
  readonly #scene: Scene;
  readonly #dice: Dice;
  #stopping = false;

  constructor(scene: Scene, dice: Dice) {
    this.#scene = scene;
    this.#dice = dice;
  }

  /** Runs so many calls at a time until stopped; resolves when the last is over. */
  async run(slots: number): Promise<void> {
    await Promise.all(Array.from({ length: slots }, (_none, slot) => this.#slot(slot)));
  }

  stop(): void {
    this.#stopping = true;
  }

  async #slot(slot: number): Promise<void> {
    // Not all in one moment.
    await pause(systemClock, slot * 100);
    for (let turn = 0; !this.#stopping; turn++) {
      const kind = kinds[(slot + turn) % kinds.length] ?? 'say';
      const number = `+1777${String(1_000_000 + slot).slice(1)}0`;
      this.counts.started += 1;
      try {
        if (turn % NEVER_ANSWERED === NEVER_ANSWERED - 1) await this.#canceled(number, kind);
        else if (turn % 2 === 0) await this.#outbound(number, kind);
        else await this.#inbound(number, kind);
      } catch (error) {
        this.counts.wrong += 1;
        if (this.problems.length < 20) this.problems.push(`${number} ${kind}: ${error}`);
      }
      await this.#scene.phones.ask({ kind: 'drop', number });
      this.counts.done += 1;
    }
  }

  async #outbound(number: string, kind: Kind): Promise<void> {
    await this.#scene.phones.ask({ kind: 'ring-for', number, ms: this.#dice.below(300) });
    const sid = await this.#place(number, kind);
    await this.#becomes(sid, 'in-progress', UP_WITHIN_MS);
    await this.#talk();
    if (this.#dice.chance(0.5)) await this.#scene.phones.ask({ kind: 'hang-up', number });
    else await this.#order(sid, 'completed');
    await this.#becomes(sid, 'completed', OVER_WITHIN_MS);
  }

  async #canceled(number: string, kind: Kind): Promise<void> {
    await this.#scene.phones.ask({ kind: 'ring-for', number, ms: -1 });
    const sid = await this.#place(number, kind);
    await this.#becomes(sid, 'ringing', UP_WITHIN_MS);
    await this.#order(sid, 'canceled');
    await this.#becomes(sid, 'canceled', OVER_WITHIN_MS);
  }

  async #inbound(number: string, kind: Kind): Promise<void> {
    const { system, phones } = this.#scene;
    const called = number.replace('+1777', '+1999');
    const twiml = documentOf(kind, number, this.#scene.appPort);
    await system.api('PUT', `/numbers/${called}`, { twiml, statusCallback: this.#scene.appUrl('/status') });
    await phones.ask({ kind: 'dial', number, to: `sip:${called}@${system.stack.sipAddress}` });
    const sid = await this.#sidOf(number);
    await this.#talk();
    if (this.#dice.chance(0.5)) await phones.ask({ kind: 'hang-up', number });
    else await this.#order(sid, 'completed');
    await this.#becomes(sid, 'completed', OVER_WITHIN_MS);
  }

  async #place(number: string, kind: Kind): Promise<string> {
    return await this.#scene.system.call({
      to: number,
      twiml: documentOf(kind, number, this.#scene.appPort),
      statusCallback: this.#scene.appUrl('/status'),
      statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
    });
  }

  /** The call of a caller, once it is up. */
  async #sidOf(number: string): Promise<string> {
    let sid = '';
    const route = `/calls?status=in-progress&from=${encodeURIComponent(number)}`;
    const isThere = async (): Promise<boolean> => {
      const { body } = await this.#scene.system.api('GET', route);
      sid = body.items[0]?.sid ?? '';
      return sid !== '';
    };
    if (!(await this.#scene.until(isThere, UP_WITHIN_MS))) throw new Error('a caller did not get through');
    return sid;
  }

  async #becomes(sid: string, status: string, withinMs: number): Promise<void> {
    let shown = '';
    const isSo = async (): Promise<boolean> => {
      shown = (await this.#scene.system.api('GET', `/calls/${sid}`)).body.status;
      return shown === status;
    };
    if (!(await this.#scene.until(isSo, withinMs))) throw new Error(`${sid} is ${shown}, not ${status}`);
  }

  async #order(sid: string, status: string): Promise<void> {
    await this.#scene.system.api('POST', `/calls/${sid}`, { status });
  }

  async #talk(): Promise<void> {
    await pause(systemClock, SHORTEST_MS + this.#dice.below(LONGEST_MS - SHORTEST_MS));
  }
}
