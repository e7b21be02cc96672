/**
 * Owns the parser process: starts it, hands it one document at a time, kills and replaces it when it
 * is late or dies. A deadline, or a second crash over it, costs the document (12100), never the next; those that wait are
 * refused when no process comes up at all.
 * Closed by whoever opened it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { type Logger, silentLogger } from '../kernel/log.ts';
import { type ReadXml, refuseUnseen, unjudged, type XmlReader } from './xml-reader.ts';

/** The most a document may take, from the moment the process has it. */
const DEADLINE_MS = 1000;
const START_DEADLINE_MS = 15_000;
/** Processes that die before they have come up, one after the other, until none is expected to. */
const MAX_FAILED_STARTS = 3;
/** Documents waiting; at 64 kB each this bounds memory at 16 MB. */
const MAX_WAITING = 256;

export interface XmlChildOptions {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly deadlineMs?: number;
}

interface Waiting {
  readonly source: string;
  readonly answer: (read: ReadXml) => void;
  /** A process has died over it: that may have been chance, a second time is not. */
  readonly again: boolean;
}

type State =
  | { readonly at: 'down' }
  | { readonly at: 'starting'; readonly child: ChildProcess }
  | { readonly at: 'idle'; readonly child: ChildProcess }
  | { readonly at: 'reading'; readonly child: ChildProcess; readonly document: Waiting }
  | { readonly at: 'closed' };

/** Opens a reader with a process of its own; the process starts with the first document, or when told to. */
export function openXmlChild(options: XmlChildOptions = {}): XmlChild {
  return new XmlChild(options);
}

export class XmlChild implements XmlReader {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #deadlineMs: number;
  readonly #waiting: Waiting[] = [];
  #state: State = { at: 'down' };
  #timer: { readonly cancel: () => void } | null = null;
  #failedStarts = 0;

  constructor(options: XmlChildOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLogger;
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  }

  /** The process, for whoever watches it; null while there is none. */
  get pid(): number | null {
    return 'child' in this.#state ? (this.#state.child.pid ?? null) : null;
  }

  /** Starts the process, so that the first document need not wait for it. */
  start(): void {
    if (this.#state.at === 'down') this.#start();
  }

  read(source: string): Promise<ReadXml> {
    const refused = refuseUnseen(source);
    if (refused) return Promise.resolve(refused);
    if (this.#state.at === 'closed') return Promise.resolve(unjudged('the parser is closed'));
    if (this.#waiting.length >= MAX_WAITING) return Promise.resolve(unjudged('too many documents are waiting'));
    return new Promise((answer) => {
      this.#waiting.push({ source, answer, again: false });
      this.#proceed();
    });
  }

  /** Ends the process; what waits is refused. Idempotent. */
  async close(): Promise<void> {
    const state = this.#state;
    if (state.at === 'closed') return;
    this.#stopTimer();
    this.#state = { at: 'closed' };
    if (state.at === 'reading') state.document.answer(unjudged('the parser is closed'));
    this.#refuseWaiting('the parser is closed');
    if ('child' in state) await ended(state.child);
  }

  /** Takes the next step the state allows. */
  #proceed(): void {
    if (this.#waiting.length === 0) return;
    if (this.#state.at === 'down') {
      this.#start();
    } else if (this.#state.at === 'idle') {
      const document = this.#waiting.shift();
      if (document) this.#hand(this.#state.child, document);
    }
  }

  #hand(child: ChildProcess, document: Waiting): void {
    this.#state = { at: 'reading', child, document };
    this.#setTimer(this.#deadlineMs, () => this.#gone(child, `not read within ${this.#deadlineMs} ms`));
    child.send({ source: document.source }, (error) => {
      if (error) this.#died(child, 'the parser process cannot be reached');
    });
  }

  #start(): void {
    const child = fork(childFile(), {
      execArgv: childArguments(),
      env: {},
      serialization: 'json',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#state = { at: 'starting', child };
    this.#setTimer(START_DEADLINE_MS, () => this.#gone(child, 'the parser process did not start'));
    child.on('message', (message) => this.#heard(child, message));
    child.on('exit', (code, signal) => this.#died(child, `the parser process ended (${signal ?? code})`));
    child.on('error', () => this.#gone(child, 'the parser process cannot be run'));
  }

  #heard(child: ChildProcess, message: unknown): void {
    const state = this.#state;
    if (!('child' in state) || state.child !== child) return;
    this.#stopTimer();
    this.#failedStarts = 0;
    this.#state = { at: 'idle', child };
    if (state.at === 'reading') {
      state.document.answer(isReadXml(message) ? message : unjudged('the parser process answered nonsense'));
    }
    this.#proceed();
  }

  /** It died by itself: the document it had is read once more by the next one, first of all; who waits goes on waiting. */
  #died(child: ChildProcess, why: string): void {
    const state = this.#state;
    if (!('child' in state) || state.child !== child) return;
    if (state.at === 'reading' && !state.document.again) {
      this.#waiting.unshift({ ...state.document, again: true });
      this.#state = { at: 'idle', child };
    }
    if (state.at === 'starting') {
      this.#failedStarts += 1;
      if (this.#failedStarts < MAX_FAILED_STARTS) this.#state = { at: 'idle', child };
      else this.#failedStarts = 0;
    }
    this.#gone(child, why);
  }

  /** The process is lost or no longer wanted; costs the document it had, or all that wait when none comes up. */
  #gone(child: ChildProcess, why: string): void {
    const state = this.#state;
    if (!('child' in state) || state.child !== child) return;
    this.#stopTimer();
    this.#state = { at: 'down' };
    child.kill('SIGKILL');
    this.#log.warn({ why }, 'the parser process is replaced');
    if (state.at === 'reading') state.document.answer(unjudged(why));
    if (state.at === 'starting') this.#refuseWaiting(why);
    this.#proceed();
  }

  #refuseWaiting(why: string): void {
    for (const { answer } of this.#waiting.splice(0)) answer(unjudged(why));
  }

  #setTimer(afterMs: number, fire: () => void): void {
    this.#stopTimer();
    this.#timer = this.#clock.after(afterMs, fire);
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}

/** The child's file beside this one, compiled or not. */
function childFile(): string {
  return fileURLToPath(new URL(`./parser-process${extname(import.meta.url)}`, import.meta.url));
}

/** Its own few arguments: never the parent's, which may say to inspect or to test. */
function childArguments(): string[] {
  const memory = '--max-old-space-size=64';
  return extname(import.meta.url) === '.ts' ? [memory, '--import', import.meta.resolve('tsx')] : [memory];
}

function isReadXml(message: unknown): message is ReadXml {
  return typeof message === 'object' && message !== null && ('root' in message || 'problem' in message);
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      resolve();
      return;
    }
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
