/**
 * Runs the documents of a call, one after the other, until one of them or somebody outside ends it.
 * Verbs answer with an Outcome; a cancellation is an abort whose reason is one. What a document that
 * cannot be had means is decided here (PROTOCOL §3.3, §7.3; AC-33, AC-68).
 */
import type { CallRecord, Checkpoint, DocumentSource, KeptCookie } from '../../shared/domain/call.ts';
import type { Ending } from '../../shared/domain/ending.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import { unlessAborted } from '../../shared/kernel/deadline.ts';
import { redactUrl } from '../../shared/kernel/redact.ts';
import type { Document, Verb } from '../../shared/twiml/document.ts';
import { execute } from '../verbs/executors.ts';
import { checkpoint, decidedOn } from './checkpoint.ts';
import { type VerbContext, VerbFailed } from './context.ts';
import { type Documents, type Loaded, speaking } from './documents.ts';
import type { Cause } from './ending.ts';
import { NEXT, type Outcome, outcomeOf } from './outcome.ts';
import { Pace } from './pace.ts';
import type { Journal } from './ports.ts';

const ALL_SKIPPED = 'the document ended: every verb was skipped';
const APOLOGY = 'We are sorry. An application error has occurred. Goodbye.';

export interface InterpreterPorts {
  readonly call: CallRecord;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly documents: Documents;
  /** What goes with each request, by PROTOCOL §3.2 and §7.1. */
  readonly parameters: (extra: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;
  /** What the application's servers have set. */
  readonly cookies: () => readonly KeptCookie[];
  /** The context of one document. */
  readonly context: (source: DocumentSource, signal: AbortSignal) => VerbContext;
  readonly ending: (cause: Cause, detail?: string) => Ending;
  /** A document begins with this verb; `isCut`: an owner before us was in it. */
  readonly begins: (verb: Verb | undefined, isCut: boolean) => void;
  /** Resolves when streams that are opening are open or given up (AC-1). */
  readonly streamsOpened: () => Promise<void>;
}

interface Step {
  readonly document: DocumentSource;
  readonly fields: Readonly<Record<string, string>>;
  /** The verb an owner before us was at; null to run from the first one. */
  readonly from: number | null;
}

export class Interpreter {
  readonly #ports: InterpreterPorts;
  readonly #pace: Pace;
  #controller = new AbortController();
  /** What came while there was no document to be cut short, or while the one that is cut lets go. */
  #waiting: Outcome | null = null;
  #running = false;
  #first = true;
  /** The last document had nothing that can be run. */
  #skipped = false;

  constructor(ports: InterpreterPorts) {
    this.#ports = ports;
    this.#pace = new Pace(ports.clock);
  }

  /** Cuts short whatever runs: with another document, or with the end. The end is final. */
  interrupt(outcome: Outcome): void {
    if (this.#running && !this.#controller.signal.aborted) this.#controller.abort(outcome);
    else if (this.#waiting?.kind !== 'end') this.#waiting = outcome;
  }

  /** Another document in the place of what runs. Written down at once: who asked is told that it was. */
  replace(document: DocumentSource): void {
    this.#decide(document, {});
    this.interrupt({ kind: 'replace', document });
  }

  /** Runs until the call should end, and says how; `from`: where an owner before us was. Rejects for bugs only. */
  async run(first: DocumentSource, from: Checkpoint | null = null): Promise<Ending> {
    let step: Step = { document: from?.document ?? first, fields: from?.fields ?? {}, from: from?.verb ?? null };
    for (;;) {
      const outcome = await this.#interruptible((signal) => this.#runStep(step, signal));
      switch (outcome.kind) {
        case 'end': {
          return outcome.ending;
        }
        case 'next': {
          return this.#ports.ending('document_ended', this.#skipped ? ALL_SKIPPED : undefined);
        }
        case 'goto': {
          this.#decide(outcome.document, outcome.fields);
          step = { ...outcome, from: null };
          break;
        }
        case 'replace': {
          step = { document: outcome.document, fields: {}, from: null };
          break;
        }
      }
    }
  }

  /** An owner after us goes on with it, and not with the verb that led there. */
  #decide(document: DocumentSource, fields: Readonly<Record<string, string>>): void {
    this.#ports.journal.patch({ checkpoint: decidedOn(document, fields, this.#ports.cookies()) });
  }

  /** An interruption wins, also when it comes in the same moment as the result. */
  async #interruptible(work: (signal: AbortSignal) => Promise<Outcome>): Promise<Outcome> {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) return waiting;
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    this.#running = true;
    try {
      const outcome = await work(signal);
      return outcomeOf(signal) ?? outcome;
    } catch (error) {
      const outcome = outcomeOf(signal);
      if (outcome === null) throw error;
      return outcome;
    } finally {
      this.#running = false;
    }
  }

  async #runStep({ document: source, fields, from }: Step, signal: AbortSignal): Promise<Outcome> {
    const { documents, parameters, streamsOpened, ending } = this.#ports;
    if (!(await this.#pace.turn(signal))) return { kind: 'end', ending: ending('document_loop') };
    const loaded = await documents.load(source, parameters(fields), signal);
    const first = this.#first;
    this.#first = false;
    const outcome =
      loaded.kind === 'document'
        ? await this.#runDocument(loaded.document, source, signal, from)
        : await this.#runFallback(loaded, first, signal);
    if (outcome.kind === 'next') await unlessAborted(signal, streamsOpened());
    return outcome;
  }

  /** The fallback document; else Pivot hangs up and Twilio apologises first. Pivot asks it for the first document only. */
  async #runFallback(
    failed: Extract<Loaded, { kind: 'failed' }>,
    first: boolean,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { call, documents, parameters } = this.#ports;
    const { fallbackUrl } = call.plan;
    if (fallbackUrl !== null && (first || call.dialect === 'twilio')) {
      const source = { kind: 'url', url: fallbackUrl, method: fallbackMethod(call) } as const;
      const fields = parameters({ ErrorCode: String(failed.code), ErrorUrl: failed.url ?? '' });
      const loaded = await documents.load(source, fields, signal);
      if (loaded.kind === 'document') return await this.#runDocument(loaded.document, source, signal);
    }
    if (call.dialect === 'twilio') {
      await this.#runDocument(speaking(APOLOGY), { kind: 'inline', twiml: '' }, signal);
    }
    const where = failed.url === null ? '' : ` (${redactUrl(failed.url)})`;
    return { kind: 'end', ending: this.#ports.ending('document_failed', `${failed.code} ${failed.detail}${where}`) };
  }

  async #runDocument(
    document: Document,
    source: DocumentSource,
    signal: AbortSignal,
    from: number | null = null,
  ): Promise<Outcome> {
    const context = this.#ports.context(source, signal);
    this.#skipped = document.allSkipped === true;
    const verbs = [...document.verbs.entries()].filter(([index, verb]) => from === null || !isDone(verb, index, from));
    this.#ports.begins(verbs[0]?.[1], from !== null && verbs[0]?.[0] === from);
    for (const [index, verb] of verbs) {
      // Cut short while it was parsed, or between two verbs: not each of them looks at its signal.
      const interrupted = outcomeOf(signal);
      if (interrupted !== null) return interrupted;
      this.#ports.journal.patch({ checkpoint: checkpoint(source, index, this.#ports.cookies()) });
      const outcome = await this.#runVerb(verb, index, context);
      if (outcome.kind !== 'next') return outcome;
    }
    return NEXT;
  }

  async #runVerb(verb: Verb, index: number, context: VerbContext): Promise<Outcome> {
    const place = { verb: verb.verb, index };
    this.#entry({ type: 'verb.started', ...place });
    try {
      const outcome = await execute(verb, context);
      this.#entry({ type: 'verb.ended', ...place, outcome: outcome.kind });
      return outcome;
    } catch (error) {
      const interrupted = outcomeOf(context.signal);
      if (interrupted !== null) {
        this.#entry({ type: 'verb.ended', ...place, outcome: interrupted.kind });
        return interrupted;
      }
      if (!(error instanceof VerbFailed)) throw error;
      this.#entry({ type: 'verb.failed', ...place, detail: error.message });
      return NEXT;
    }
  }

  #entry(entry: TimelineEntry): void {
    this.#ports.journal.entry(entry);
  }
}

/** Of a document that is gone on with: a stream that was started is opened again by the call, not by its verb. */
const isDone = (verb: Verb, index: number, from: number): boolean =>
  index < from || (index === from && verb.verb === 'Start');

/** As the primary; an inline one has no method, so the dialect's own. */
function fallbackMethod({ plan, dialect }: CallRecord): 'GET' | 'POST' {
  if (plan.document.kind === 'url') return plan.document.method;
  return dialect === 'pivot' ? 'GET' : 'POST';
}
