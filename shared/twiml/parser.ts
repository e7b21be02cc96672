/**
 * Reads TwiML. libxmljs2 lives in a child process (`parser-process.ts`) behind this port: a crash
 * or a deadline of 1 s costs one document (error 12100).
 */
import type { Dialect } from '../domain/dialect.ts';
import type { Document } from './document.ts';
import type { Problem } from './problems.ts';

export type Parsed =
  | { readonly kind: 'document'; readonly document: Document; readonly warnings: readonly Problem[] }
  | {
      readonly kind: 'refused';
      readonly problems: readonly Problem[];
      /** The parser failed and the document was not judged: it may be a good one. */
      readonly unjudged?: true;
    };

/** What defaults and addresses depend on. */
export interface ParseContext {
  readonly dialect: Dialect;
  /** What relative URLs are resolved against; null for inline documents. */
  readonly baseUrl: string | null;
  /** Whether `ws://` may be used in the Twilio dialect too (PROTOCOL §0 row 22); no by default. */
  readonly allowInsecureWs?: boolean;
}

export interface TwimlParser {
  /**
   * @param source the body as it came, at most 64 kB.
   * Never rejects: what cannot be read is `refused`.
   */
  parse(source: string, context: ParseContext): Promise<Parsed>;
  close(): Promise<void>;
}
