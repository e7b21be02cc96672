/** A number of ours, answered with a document. `*` is the default number. */
import type { HttpMethod } from './call.ts';
import type { Dialect } from './dialect.ts';

export interface NumberRecord {
  readonly number: string;
  /** Exactly one of `voiceUrl` and `twiml` is set. */
  readonly voiceUrl: string | null;
  readonly voiceMethod: HttpMethod;
  readonly voiceFallbackUrl: string | null;
  readonly twiml: string | null;
  readonly statusCallback: string | null;
  readonly dialect: Dialect;
}
