/**
 * The host's threads: starts them, ends one that lives no more, starts again one that died, and drains them all at the
 * end. Whose calls a dead thread had is told, so that they go on elsewhere at once and need not wait for its lease to
 * run out.
 */
import { MessageChannel, type MessagePort, Worker, type WorkerOptions } from 'node:worker_threads';
import type { Clock, Timer } from '../shared/kernel/clock.ts';
import { withDeadline } from '../shared/kernel/deadline.ts';
import { ExpectedFailure } from '../shared/kernel/expected-failure.ts';
import type { OwnerId } from '../shared/kernel/ids.ts';
import type { Logger } from '../shared/kernel/log.ts';
import type { MetricsValues } from './metrics/thread-metrics.ts';
import { Pulse } from './thread-pulse.ts';

/** What a thread finds in `workerData`. */
export interface ThreadData {
  readonly index: number;
  readonly count: number;
  /** Its name as an owner of calls; another one when it is started again. */
  readonly owner: OwnerId;
  /** `host:port` of the process's probe; null when it has none. */
  readonly probe: string | null;
  /** Its end of the parser, which lives once per process. */
  readonly parser: MessagePort;
}

/** To a thread. */
export type ThreadOrder =
  | { readonly kind: 'drain'; readonly withinMs: number }
  | { readonly kind: 'figures' }
  /** To be answered at once: it lives. */
  | { readonly kind: 'pulse' };
/** From a thread. */
export type ThreadReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'figures'; readonly values: MetricsValues }
  | { readonly kind: 'pulse' }
  /** It cannot start for an expected reason; it ends by itself. An error's class does not cross threads. */
  | { readonly kind: 'failed'; readonly message: string };

export interface ThreadHostOptions {
  /** The thread's file; one in TypeScript is run through tsx, whose loader threads do not inherit. */
  readonly script: URL;
  readonly count: number;
  /** As in `ThreadData`; none when absent. */
  readonly probe?: string | null;
  /** Serves the parser on our end of the channel; answers with what stops it. */
  readonly serveParser: (port: MessagePort) => () => void;
  /** Names a thread. */
  readonly newOwner: (index: number) => OwnerId;
  /** A thread that was ready died under this name; it has said its last word. */
  readonly onDeath?: (owner: OwnerId) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
/** A thread that lived this long did not die of how it was started. */
const HEALTHY_MS = 60_000;
/** Beyond its drain time a thread may need this for ending its calls and closing. */
const CLOSE_MS = 15_000;
/** A thread that does not answer within this is left out of the figures. */
const FIGURES_MS = 1000;

interface Thread {
  readonly worker: Worker;
  /** Those who wait for its figures. */
  readonly asking: ((values: MetricsValues) => void)[];
  readonly gone: Promise<void>;
}

export class ThreadHost {
  readonly #options: ThreadHostOptions;
  readonly #threads = new Map<number, Thread>();
  readonly #restarts = new Map<number, Timer>();
  #draining: Promise<void> | null = null;

  constructor(options: ThreadHostOptions) {
    this.#options = options;
  }

  /** Threads that are there now. */
  get size(): number {
    return this.#threads.size;
  }

  /** Resolves when every thread is ready. @throws what a thread failed with; the others are ended. */
  async open(): Promise<void> {
    const indexes = Array.from({ length: this.#options.count }, (_none, index) => index);
    try {
      await Promise.all(indexes.map((index) => this.#start(index, FIRST_PAUSE_MS)));
    } catch (error) {
      await this.#end(0);
      throw error;
    }
  }

  /** The figures of every thread that answers. */
  async figures(): Promise<readonly MetricsValues[]> {
    const asked = [...this.#threads.values()].map(({ worker, asking }) => {
      const answer = new Promise<MetricsValues>((resolve) => asking.push(resolve));
      if (asking.length === 1) worker.postMessage({ kind: 'figures' } satisfies ThreadOrder);
      return withDeadline(this.#options.clock, FIGURES_MS, 'figures', answer);
    });
    const answers = await Promise.allSettled(asked);
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }

  /** Every thread lets its calls go on for `withinMs`, ends them and closes; what hangs is ended. Idempotent. */
  drain(withinMs: number): Promise<void> {
    this.#draining ??= this.#end(withinMs);
    return this.#draining;
  }

  async #end(withinMs: number): Promise<void> {
    this.#draining ??= Promise.resolve();
    for (const timer of this.#restarts.values()) timer.cancel();
    const { clock, log } = this.#options;
    await Promise.all(
      [...this.#threads.values()].map(async ({ worker, gone }) => {
        worker.postMessage({ kind: 'drain', withinMs } satisfies ThreadOrder);
        const timer = clock.after(withinMs + CLOSE_MS, () => {
          log.error('a thread did not close in time');
          void worker.terminate();
        });
        await gone;
        timer.cancel();
      }),
    );
  }

  /** Resolves when the thread is ready; rejects when it ends before. */
  #start(index: number, pauseMs: number): Promise<void> {
    const { script, count, probe = null, serveParser, newOwner, onDeath, clock } = this.#options;
    const { port1, port2 } = new MessageChannel();
    const stopParser = serveParser(port1);
    const owner = newOwner(index);
    const data: ThreadData = { index, count, owner, probe, parser: port2 };
    const worker = startThread(script, { workerData: data, transferList: [port2], name: `calls-${index}` });
    const startedMs = clock.monotonic();
    let failure: unknown = null;
    let pulse: Pulse | null = null;
    const gone = new Promise<void>((resolve) => {
      worker.once('exit', (code) => {
        stopParser();
        pulse?.close();
        this.#threads.delete(index);
        resolve();
        // One that ended as it was told has given its calls away itself.
        if (pulse !== null && !(this.#draining && code === 0)) onDeath?.(owner);
        const lived = clock.monotonic() - startedMs;
        if (pulse !== null) this.#died(index, code, failure, lived > HEALTHY_MS ? FIRST_PAUSE_MS : pauseMs);
      });
    });
    worker.once('error', (error) => {
      failure ??= error;
    });
    const asking: Thread['asking'] = [];
    this.#threads.set(index, { worker, gone, asking });
    return new Promise((resolve, reject) => {
      worker.on('message', (report: ThreadReport) => {
        switch (report.kind) {
          case 'failed':
            failure = new ExpectedFailure(report.message);
            break;
          case 'figures':
            for (const tell of asking.splice(0)) tell(report.values);
            break;
          case 'pulse':
            pulse?.answered();
            break;
          case 'ready':
            pulse ??= this.#watch(worker);
            resolve();
            break;
        }
      });
      void gone.then(() => reject(failure ?? new Error('a thread ended while starting')));
    });
  }

  #watch(worker: Worker): Pulse {
    return new Pulse({
      clock: this.#options.clock,
      ask: () => worker.postMessage({ kind: 'pulse' } satisfies ThreadOrder),
      onSilent: () => {
        this.#options.log.error('a thread has not answered for ten seconds and is ended');
        void worker.terminate();
      },
    });
  }

  #died(index: number, code: number, failure: unknown, pauseMs: number): void {
    if (this.#draining) return;
    const { clock, log } = this.#options;
    log.error({ err: failure, thread: index, code, pauseMs }, 'a thread died and is started again');
    const timer = clock.after(pauseMs, () => {
      this.#restarts.delete(index);
      const nextMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
      this.#start(index, nextMs).catch((error: unknown) => this.#died(index, 1, error, nextMs));
    });
    this.#restarts.set(index, timer);
  }
}

function startThread(script: URL, options: WorkerOptions): Worker {
  if (!script.pathname.endsWith('.ts')) return new Worker(script, options);
  const code = `import(${JSON.stringify(import.meta.resolve('tsx/esm/api'))})
    .then(({ register }) => (register(), import(${JSON.stringify(script.href)})))
    .catch((error) => setImmediate(() => { throw error; }));`;
  return new Worker(code, { ...options, eval: true });
}
