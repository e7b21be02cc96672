/** How a call ended, as data: never an exception, never derived from flags. */

/** Final statuses of a call. */
export type FinalStatus = 'completed' | 'busy' | 'failed' | 'no-answer' | 'canceled';

/** Who brought the end about. */
export type Blame = 'caller' | 'callee' | 'application' | 'carrier' | 'platform' | 'api';

/** `cause` is a constant from the table in `docs/endings.md`; `detail` a sentence for people. */
export interface Ending {
  readonly status: FinalStatus;
  readonly cause: string;
  readonly blame: Blame;
  /** The SIP final response or, for a BYE with a Reason header, its cause; null when none was involved. */
  readonly sipCode: number | null;
  readonly detail: string | null;
}
