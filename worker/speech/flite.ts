/**
 * The built-in engine: flite, English, in a thread of its own. Orders wait in a bounded queue, each
 * with a deadline; a thread that dies or does not come back is replaced and costs only the order it had.
 * Made by `open-synthesiser.ts`, closed by whoever closes that.
 */
import type { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { FliteAnswer, FliteOrder } from './flite-thread.ts';
import { SpeechFailed } from './speech-failed.ts';
import { startThread } from './start-thread.ts';
import type { Synthesiser, Utterance } from './synthesiser.ts';

/** flite's own voices; `-voice` would also take a path, so nothing else may pass. */
const VOICES = ['kal', 'kal16', 'awb', 'rms', 'slt'];
const MAN = 'rms';
const WOMAN = 'slt';

interface Job {
  readonly order: FliteOrder;
  readonly settle: (outcome: Int16Array | Error) => void;
}

export interface FliteOptions {
  readonly clock: Clock;
  /** Orders that may wait; default 64. */
  readonly maxWaiting?: number;
  /** From the order to the last sample; default 20 s. */
  readonly deadlineMs?: number;
}

export class Flite implements Synthesiser {
  readonly #clock: Clock;
  readonly #maxWaiting: number;
  readonly #deadlineMs: number;
  #thread: Worker | null = null;
  #running: Job | null = null;
  #waiting: Job[] = [];
  #nextId = 1;
  #closed = false;

  constructor({ clock, maxWaiting = 64, deadlineMs = 20_000 }: FliteOptions) {
    this.#clock = clock;
    this.#maxWaiting = maxWaiting;
    this.#deadlineMs = deadlineMs;
  }

  synthesise({ text, voice }: Utterance, rate: 8000 | 16000, signal: AbortSignal): Promise<Int16Array> {
    if (this.#closed) return Promise.reject(new SpeechFailed('closed', 'The synthesiser is closed.'));
    if (signal.aborted) return Promise.reject(signal.reason);
    if (text.trim() === '') return Promise.resolve(new Int16Array(0));
    if (this.#waiting.length >= this.#maxWaiting) {
      return Promise.reject(new SpeechFailed('busy', 'Too many texts are waiting to be spoken.'));
    }
    const order: FliteOrder = { id: this.#nextId++, text, voice: fliteVoice(voice), rate };
    return new Promise((resolve, reject) => {
      const late = this.#clock.after(this.#deadlineMs, () => {
        this.#give(job, new SpeechFailed('deadline', `Not spoken within ${this.#deadlineMs} ms.`));
        if (this.#running === job) this.#replaceThread();
      });
      const job = newJob(order, signal, late, resolve, reject, () => this.#forget(job));
      this.#waiting.push(job);
      this.#runNext();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const closed = new SpeechFailed('closed', 'The synthesiser is closed.');
    for (const job of this.#waiting.splice(0)) job.settle(closed);
    this.#running?.settle(closed);
    this.#running = null;
    const thread = this.#thread;
    this.#thread = null;
    await thread?.terminate();
  }

  #give(job: Job, outcome: Int16Array | Error): void {
    this.#forget(job);
    job.settle(outcome);
  }

  /** Takes it out of the queue; false when the thread is already at it, which is left to finish. */
  #forget(job: Job): boolean {
    this.#waiting = this.#waiting.filter((other) => other !== job);
    return this.#running !== job;
  }

  #runNext(): void {
    if (this.#running || this.#closed) return;
    const job = this.#waiting.shift();
    this.#running = job ?? null;
    if (!job) {
      this.#thread?.unref();
      return;
    }
    this.#thread ??= this.#start();
    this.#thread.ref();
    this.#thread.postMessage(job.order);
  }

  #start(): Worker {
    const thread = startThread('flite-thread');
    thread.on('message', (answer: FliteAnswer) => this.#answered(thread, answer));
    thread.on('error', (error) => this.#died(thread, error.message));
    thread.on('exit', (code) => this.#died(thread, `exit code ${code}`));
    return thread;
  }

  #answered(thread: Worker, answer: FliteAnswer): void {
    const job = this.#running;
    if (thread !== this.#thread || !job || job.order.id !== answer.id) return;
    this.#running = null;
    job.settle('samples' in answer ? answer.samples : new SpeechFailed('engine', `flite: ${answer.error}`));
    this.#runNext();
  }

  #died(thread: Worker, why: string): void {
    if (thread !== this.#thread) return;
    this.#thread = null;
    const job = this.#running;
    this.#running = null;
    job?.settle(new SpeechFailed('engine', `The speech thread died: ${why}.`));
    this.#runNext();
  }

  #replaceThread(): void {
    const thread = this.#thread;
    this.#thread = null;
    this.#running = null;
    void thread?.terminate();
    this.#runNext();
  }
}

/**
 * A job that settles once and then lets go of its timer and its signal. Given up in mid-speech it keeps
 * the timer: the thread must still come back in time or be replaced.
 */
function newJob(
  order: FliteOrder,
  signal: AbortSignal,
  late: Timer,
  resolve: (samples: Int16Array) => void,
  reject: (reason: unknown) => void,
  forget: () => boolean,
): Job {
  const done = (): void => {
    late.cancel();
    signal.removeEventListener('abort', aborted);
  };
  const aborted = (): void => {
    signal.removeEventListener('abort', aborted);
    if (forget()) late.cancel();
    reject(signal.reason);
  };
  signal.addEventListener('abort', aborted, { once: true });
  return {
    order,
    settle(outcome) {
      done();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    },
  };
}

/** `man`, `woman` or one of flite's own names; anything else is the woman. */
export function fliteVoice(voice: string): string {
  const name = voice.toLowerCase();
  if (name === 'man') return MAN;
  return VOICES.includes(name) ? name : WOMAN;
}
