/**
 * The phone bank: simulated subscribers behind one SIP address, one behaviour per number. To the system it
 * is a carrier. It is kept lean, because the bench runs hundreds of its calls; opened by `main.ts` or a test.
 */
import type { Clock } from '../../shared/kernel/clock.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import { Metronome } from '../media/metronome.ts';
import { type PortPool, PortsFull } from '../rtp/ports.ts';
import { behaviourOf } from './behaviours.ts';
import { Phone } from './phone.ts';
import type { PhoneCall } from './phone-call.ts';
import { CallFailed } from './phone-event.ts';

export interface BankOptions {
  readonly host: string;
  /** SIP port, UDP and TCP; 0 for a free one. */
  readonly port: number;
  readonly ports: PortPool;
  readonly clock: Clock;
  readonly log: Logger;
}

export class PhoneBank {
  readonly #phone: Phone;
  readonly #metronome: Metronome;
  readonly #clock: Clock;
  readonly #log: Logger;
  #served = 0;

  private constructor({ host, port, ports, clock, log }: BankOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#metronome = new Metronome({ clock, report: (error) => log.error({ err: error }, 'a beat failed') });
    this.#phone = new Phone(
      {
        host,
        port,
        ports,
        beatSource: this.#metronome,
        number: 'bank',
        kindOf: (called) => behaviourOf(called).kind,
        onCall: (call) => void this.#serve(call),
      },
      clock,
      log,
    );
  }

  static async open(options: BankOptions): Promise<PhoneBank> {
    const bank = new PhoneBank(options);
    await bank.#phone.open();
    return bank;
  }

  get address(): { readonly host: string; readonly port: number } {
    return this.#phone.address;
  }

  /** Calls going on now. */
  get active(): number {
    return this.#phone.active;
  }

  /** Calls taken since the beginning. */
  get served(): number {
    return this.#served;
  }

  /** Hangs up everything. Idempotent. */
  async close(): Promise<void> {
    await this.#phone.close();
    this.#metronome.close();
  }

  async #serve(call: PhoneCall): Promise<void> {
    this.#served += 1;
    const called = call.invitation?.requestUri.user ?? '';
    try {
      await behaviourOf(called).run(call, this.#clock);
    } catch (error) {
      if (error instanceof PortsFull) call.reject(503, 'No RTP port free');
      else if (!(error instanceof CallFailed) && !call.over.aborted) {
        this.#log.error({ err: error }, 'a phone of the bank failed');
        call.hangup();
      }
    }
  }
}
