/** What a verb sees of the call it runs in. Made anew for each document; `signal` carries the Outcome that cuts it short. */
import type { CallRecord, DocumentSource } from '../../shared/domain/call.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { Verb } from '../../shared/twiml/document.ts';
import type { Fetcher } from '../fetch/fetcher.ts';
import type { Leg } from '../leg/leg.ts';
import type { Synthesiser } from '../speech/synthesiser.ts';
import type { Cause } from './ending.ts';
import type { Keys } from './keys.ts';
import type { Outcome } from './outcome.ts';
import type { CallStreams } from './streams.ts';

export interface VerbContext {
  readonly call: CallRecord;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly leg: Leg;
  readonly keys: Keys;
  readonly streams: CallStreams;
  readonly fetcher: Fetcher;
  readonly synthesiser: Synthesiser;
  /** Where this document came from. */
  readonly source: DocumentSource;
  readonly isAnswered: () => boolean;
  /** Answers the call if it is not answered yet; resolves when media flows. */
  readonly answer: () => Promise<void>;
  readonly end: (cause: Cause, detail?: string) => Outcome;
  readonly entry: (entry: TimelineEntry) => void;
}

/** Runs one verb. Rejects with the signal's reason when cut short, with `VerbFailed` when it cannot be done. */
export type Executor<V extends Verb> = (verb: V, context: VerbContext) => Promise<Outcome>;

/** An expected failure of one verb: it is written down and the next verb runs. */
export class VerbFailed extends Error {
  override readonly name = 'VerbFailed';
}
