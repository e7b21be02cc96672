/**
 * The second engine: the `espeak-ng` program, if the machine has it, for languages flite does not speak.
 * It is GPL and so never linked, only run: one process an utterance, text on its standard input, a WAV
 * on its output, with a deadline. Owned by `open-synthesiser.ts`.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../../shared/kernel/clock.ts';
import { decodeAudio } from '../media/audio-file.ts';
import { initMedia } from '../media/init.ts';
import { SpeechFailed } from './speech-failed.ts';
import type { Synthesiser, Utterance } from './synthesiser.ts';

type Child = ChildProcessByStdio<Writable, Readable, null>;

export interface EspeakOptions {
  readonly clock: Clock;
  /** Program to run; default `espeak-ng`, found by PATH. */
  readonly program?: string;
  /** Processes at a time; default 2. More orders than sixteen times that are refused. */
  readonly processes?: number;
  readonly deadlineMs?: number;
}

const MAX_MS = 15 * 60_000;
const PROBE_MS = 5000;

export class Espeak implements Synthesiser {
  readonly #clock: Clock;
  readonly #program: string;
  readonly #languages: ReadonlySet<string>;
  readonly #processes: number;
  readonly #deadlineMs: number;
  readonly #stops = new Set<(reason: unknown) => void>();
  #running = 0;
  #waiting: (() => void)[] = [];

  private constructor(options: EspeakOptions, languages: ReadonlySet<string>) {
    this.#clock = options.clock;
    this.#program = options.program ?? 'espeak-ng';
    this.#processes = options.processes ?? 2;
    this.#deadlineMs = options.deadlineMs ?? 20_000;
    this.#languages = languages;
  }

  /** Null when the program is not there or does not answer. */
  static async open(options: EspeakOptions): Promise<Espeak | null> {
    await initMedia();
    const listing = await listVoices(options.clock, options.program ?? 'espeak-ng');
    const languages = parseVoices(listing);
    return languages.size === 0 ? null : new Espeak(options, languages);
  }

  /** How many it can speak. */
  get languages(): number {
    return this.#languages.size;
  }

  /** The voice for a language: the same, or its main language, or a region of it; null when there is none. */
  voiceFor(language: string): string | null {
    const wanted = language.toLowerCase();
    const main = wanted.split('-')[0] ?? wanted;
    const alias = main === 'zh' ? 'cmn' : main === 'no' ? 'nb' : main;
    for (const name of [wanted, alias]) if (this.#languages.has(name)) return name;
    return [...this.#languages].find((name) => name.startsWith(`${alias}-`)) ?? null;
  }

  async synthesise(utterance: Utterance, rate: 8000 | 16000, signal: AbortSignal): Promise<Int16Array> {
    const voice = this.#voice(utterance);
    signal.throwIfAborted();
    if (utterance.text.trim() === '') return new Int16Array(0);
    if (this.#waiting.length >= 16 * this.#processes) {
      throw new SpeechFailed('busy', 'Too many texts are waiting to be spoken.');
    }
    return await this.#guarded(signal, async (stop) => {
      await this.#turn(stop);
      try {
        return await this.#speak(voice, utterance.text, rate, stop);
      } finally {
        this.#running--;
        this.#waiting.shift()?.();
      }
    });
  }

  async close(): Promise<void> {
    for (const stop of [...this.#stops]) stop(new SpeechFailed('closed', 'The synthesiser is closed.'));
  }

  #voice({ voice, language }: Utterance): string {
    const own = /^espeak:([a-z0-9-]+(?:\+[a-z0-9-]+)?)$/i.exec(voice)?.[1];
    if (own) return own;
    const name = this.voiceFor(language);
    if (!name) throw new SpeechFailed('no-voice', `There is no voice for ${language}.`);
    return `${name}+${voice === 'man' ? 'm3' : 'f3'}`;
  }

  /** Runs `work` with a signal that also knows the deadline and `close`. */
  async #guarded<T>(signal: AbortSignal, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    const stop = new AbortController();
    const abort = (reason: unknown): void => stop.abort(reason);
    const aborted = (): void => abort(signal.reason);
    const late = this.#clock.after(this.#deadlineMs, () =>
      abort(new SpeechFailed('deadline', `Not spoken within ${this.#deadlineMs} ms.`)),
    );
    signal.addEventListener('abort', aborted, { once: true });
    this.#stops.add(abort);
    try {
      return await work(stop.signal);
    } finally {
      late.cancel();
      signal.removeEventListener('abort', aborted);
      this.#stops.delete(abort);
    }
  }

  /** Waits until a process may be started, and counts it. */
  async #turn(stop: AbortSignal): Promise<void> {
    if (this.#running >= this.#processes) {
      await new Promise<void>((resolve, reject) => {
        const go = (): void => {
          stop.removeEventListener('abort', leave);
          resolve();
        };
        const leave = (): void => {
          this.#waiting = this.#waiting.filter((other) => other !== go);
          reject(stop.reason);
        };
        this.#waiting.push(go);
        stop.addEventListener('abort', leave, { once: true });
      });
    }
    this.#running++;
  }

  async #speak(voice: string, text: string, rate: number, stop: AbortSignal): Promise<Int16Array> {
    stop.throwIfAborted();
    const child = spawn(this.#program, ['--stdout', '--stdin', '-b', '1', '-v', voice], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const ended = exitOf(child);
    const kill = (): void => void child.kill('SIGKILL');
    stop.addEventListener('abort', kill, { once: true });
    try {
      child.stdin.on('error', () => {});
      child.stdin.end(text);
      const samples = await collect(decodeAudio(child.stdout, rate), (rate * MAX_MS) / 1000);
      stop.throwIfAborted();
      return samples;
    } catch (error) {
      stop.throwIfAborted();
      throw new SpeechFailed('engine', `espeak-ng: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      stop.removeEventListener('abort', kill);
      child.kill('SIGKILL');
      await ended;
    }
  }
}

/** Resolves when the process is gone, or could not be started. */
function exitOf(child: Child): Promise<void> {
  return new Promise((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
}

async function collect(pieces: AsyncIterable<Int16Array>, most: number): Promise<Int16Array> {
  const parts: Int16Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    parts.push(piece);
    length += piece.length;
    if (length > most) throw new Error('the speech is too long');
  }
  const samples = new Int16Array(length);
  let at = 0;
  for (const part of parts) {
    samples.set(part, at);
    at += part.length;
  }
  return samples;
}

/** What `espeak-ng --voices` prints; empty when there is no such program. */
function listVoices(clock: Clock, program: string): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(program, ['--voices'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    const late = clock.after(PROBE_MS, () => child.kill('SIGKILL'));
    child.stdout.on('data', (bytes: Buffer) => {
      if (text.length < 100_000) text += bytes.toString('utf8');
    });
    child.once('error', () => {
      late.cancel();
      resolve('');
    });
    child.once('close', () => {
      late.cancel();
      resolve(text);
    });
  });
}

/** The second column: ` 5  de              --/M      German             gmw/de`. */
function parseVoices(listing: string): ReadonlySet<string> {
  const languages = listing
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/)[1]?.toLowerCase());
  return new Set(languages.filter((language) => language !== undefined));
}
