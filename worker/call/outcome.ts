/** What a verb leads to. Control flow is a value: nothing throws to jump, and a cancellation carries one of these. */
import type { DocumentSource } from '../../shared/domain/call.ts';
import type { Ending } from '../../shared/domain/ending.ts';

export type Outcome =
  | { readonly kind: 'next' }
  /** The document says where to go on; `fields` go with the request. */
  | { readonly kind: 'goto'; readonly document: DocumentSource; readonly fields: Readonly<Record<string, string>> }
  /** Somebody outside put another document in its place. */
  | { readonly kind: 'replace'; readonly document: DocumentSource }
  | { readonly kind: 'end'; readonly ending: Ending };

export const NEXT: Outcome = { kind: 'next' };

/** The outcome an aborted signal carries; null while it is not aborted. Only `Interpreter` aborts, so its reason is one. */
export function outcomeOf(signal: AbortSignal): Outcome | null {
  if (!signal.aborted) return null;
  const reason: unknown = signal.reason;
  return isOutcome(reason) ? reason : NEXT;
}

const isOutcome = (value: unknown): value is Outcome => typeof value === 'object' && value !== null && 'kind' in value;
