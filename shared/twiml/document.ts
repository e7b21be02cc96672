/** A parsed TwiML response: nothing behind the parser sees a raw attribute. Times are milliseconds. */
import type { HttpMethod } from '../domain/call.ts';
import type { StreamError, StreamSpec } from '../domain/stream.ts';

export interface Document {
  readonly verbs: readonly Verb[];
  /** There were elements, and not one is a verb that can be run. */
  readonly allSkipped?: true;
}

interface Placed {
  /** Line of the element in the source. */
  readonly line: number;
}

export interface SayVerb extends Placed {
  readonly verb: 'Say';
  readonly text: string;
  readonly voice: string | null;
  readonly language: string | null;
  /** 0 = for ever. */
  readonly loop: number;
  /** Keys that stop it (Pivot: any key by default; Twilio: none). */
  readonly terminators: string;
}

export interface PlayVerb extends Placed {
  readonly verb: 'Play';
  /** Absolute; as written when it cannot be resolved (the fetch then fails with 11100); null when only digits are to be pressed. */
  readonly url: string | null;
  readonly digits: string | null;
  readonly loop: number;
  readonly terminators: string;
}

export interface PauseVerb extends Placed {
  readonly verb: 'Pause';
  readonly lengthMs: number;
}

export interface HangupVerb extends Placed {
  readonly verb: 'Hangup';
}

export interface RejectVerb extends Placed {
  readonly verb: 'Reject';
  readonly reason: 'rejected' | 'busy';
}

export interface RedirectVerb extends Placed {
  readonly verb: 'Redirect';
  /** Absolute; as written when it cannot be resolved (the fetch then fails with 11100). */
  readonly url: string;
  readonly method: HttpMethod;
}

/**
 * The name of a stream without one is drawn when it starts (Pivot), or is its sid (Twilio).
 * A stream that can never start (bad URL, AC-37; bad track, AC-38) carries its `fault`: it fails in
 * its turn, with a callback, and the rest of the document runs.
 */
export type StreamNoun = Omit<StreamSpec, 'name'> & {
  readonly name: string | null;
  readonly fault: StreamError | null;
};

export interface StartVerb extends Placed {
  readonly verb: 'Start';
  readonly stream: StreamNoun;
}

export interface StopVerb extends Placed {
  readonly verb: 'Stop';
  /** Which: by sid, by name, or all of them. */
  readonly target: { readonly by: 'sid' | 'name'; readonly value: string } | { readonly by: 'all' };
}

export interface ConnectVerb extends Placed {
  readonly verb: 'Connect';
  readonly stream: StreamNoun;
  /** Further ones in the same Connect: refused, as a call has one two-way stream (AC-28). */
  readonly more: readonly StreamNoun[];
  /** Requested after a stream of the twilio dialect; null for the next verb. Always null in pivot. */
  readonly action: string | null;
  readonly method: HttpMethod;
}

export type Verb =
  | SayVerb
  | PlayVerb
  | PauseVerb
  | HangupVerb
  | RejectVerb
  | RedirectVerb
  | StartVerb
  | StopVerb
  | ConnectVerb;
