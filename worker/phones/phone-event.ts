/** What happens in a call of a phone, as its scripts, listeners and tests are told. */
import type { TimelineEntry } from '../../shared/domain/event.ts';
import { ExpectedFailure } from '../../shared/kernel/expected-failure.ts';

/** How a call of a phone ended. */
export interface PhoneEnding {
  readonly by: 'us' | 'bye' | 'cancel' | 'lost' | 'failed' | 'silence';
  readonly code: number | null;
  readonly reason: string;
}

/** What a listener is told, for printing and for tests. */
export type PhoneEvent =
  | { readonly type: 'ringing'; readonly code: number; readonly earlyMedia: boolean }
  | { readonly type: 'answered' }
  | { readonly type: 'ended'; readonly ending: PhoneEnding }
  | {
      readonly type: 'digit';
      readonly digit: string;
      readonly by: 'rfc4733' | 'tone' | 'info';
      readonly durationMs: number;
    }
  | TimelineEntry;

/** Expected failure: the call came to nothing. */
export class CallFailed extends ExpectedFailure {
  override readonly name = 'CallFailed';
  readonly code: number | null;
  constructor(ending: PhoneEnding) {
    super(`the call ended before it was answered: ${ending.code ?? ''} ${ending.reason}`.trim());
    this.code = ending.code;
  }
}
