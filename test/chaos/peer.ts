/** A process of the chaos run's own, asked over IPC and ended with the run: the telephone side or the app. */
import { type ChildProcess, fork } from 'node:child_process';
import { systemClock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import type { Owner } from '../support/suite.ts';
import type { AppOrder, AppReply } from './app-orders.ts';
import type { PhoneOrder, PhoneReply } from './phone-orders.ts';

const ANSWER_MS = 15_000;

interface Answered<Reply> {
  readonly id: number;
  readonly reply: Reply;
}

export class Peer<Order, Reply> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #asked = 0;

  constructor(name: string, owner: Owner) {
    const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#child = fork(new URL(`./${name}.${ending}`, import.meta.url), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', ({ id, reply }: Answered<Reply>) => {
      this.#waiting.get(id)?.(reply);
      this.#waiting.delete(id);
    });
    owner.after(async () => {
      const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
      if (this.#child.exitCode !== null) return;
      this.#child.disconnect();
      await gone;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Its first word. */
  ready(): Promise<Reply> {
    return this.#reply(0);
  }

  ask(order: Order): Promise<Reply> {
    this.#asked += 1;
    const reply = this.#reply(this.#asked);
    this.#child.send({ id: this.#asked, order });
    return reply;
  }

  #reply(id: number): Promise<Reply> {
    const coming = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve));
    return withDeadline(systemClock, ANSWER_MS, 'an answer of a process of the run', coming);
  }
}

export type Phones = Peer<PhoneOrder, PhoneReply>;
export type ChaosApp = Peer<AppOrder, AppReply>;

/** Starts one of them; answers with it and its port. */
export async function startPeer<Order, Reply extends { readonly kind: string }>(
  name: 'phones' | 'app',
  owner: Owner,
): Promise<{ readonly peer: Peer<Order, Reply>; readonly port: number }> {
  const peer = new Peer<Order, Reply>(name, owner);
  const ready = (await peer.ready()) as { readonly port?: number };
  return { peer, port: ready.port ?? 0 };
}
