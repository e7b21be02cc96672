/** What can be wrong with a document: PROTOCOL §8. A warning uses the default and goes on; an error refuses. */
export interface Problem {
  readonly severity: 'warning' | 'error';
  /** Twilio's code: 12100, 12102, 12200, 13xxx … */
  readonly code: number;
  readonly message: string;
  /** Element the problem is in, as written; null for the document. */
  readonly element: string | null;
  readonly attribute: string | null;
  /** Line in the source, from 1. */
  readonly line: number | null;
}
