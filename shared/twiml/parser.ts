/**
 * Reads TwiML. libxmljs2 lives in a child process (`parser-process.ts`) behind this port: a crash
 * or a deadline of 1 s costs one document (error 12100).
 */
import type { Document } from './document.ts';
import type { Problem } from './problems.ts';

export type Parsed =
  | { readonly kind: 'document'; readonly document: Document; readonly warnings: readonly Problem[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

export interface TwimlParser {
  /**
   * @param source the body as it came, at most 64 kB.
   * @param context what defaults depend on: the dialect, and the URL relative ones are resolved against (null for inline documents).
   */
  parse(
    source: string,
    context: { readonly dialect: 'pivot' | 'twilio'; readonly baseUrl: string | null },
  ): Promise<Parsed>;
  close(): Promise<void>;
}
