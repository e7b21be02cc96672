/** What the run asks of the telephone side, and what that answers: see `phones.ts`. */
import type { Heard } from './hearing.ts';

export type PhoneOrder =
  /** The phone `number` calls the SIP URI `to`. */
  | { readonly kind: 'dial'; readonly number: string; readonly to: string }
  /** When `number` is called it rings this long; 0 answers at once, −1 never. */
  | { readonly kind: 'ring-for'; readonly number: string; readonly ms: number }
  | { readonly kind: 'hang-up'; readonly number: string }
  /** All sound of all phones is held back for so long, then sent at once. */
  | { readonly kind: 'hold'; readonly ms: number }
  /** What the network does to all sound of all phones from now on; drawn from the seed, so the same each time. */
  | { readonly kind: 'weather'; readonly loss: number; readonly jitterMs: number; readonly seed: number }
  /** Its line is closed: the number may be used again, as if for the first time. */
  | { readonly kind: 'drop'; readonly number: string }
  /** Silence and sources are counted from here on. */
  | { readonly kind: 'mark' }
  /** One RTP packet with this word as its payload. */
  | { readonly kind: 'poison'; readonly number: string; readonly word: string }
  | { readonly kind: 'report' }
  /** All lines are closed, for the next run. */
  | { readonly kind: 'forget' };

export type PhoneReply =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'lines'; readonly lines: readonly LineReport[] };

/** A call as its phone saw it. */
export interface LineReport extends Heard {
  readonly number: string;
  readonly state: 'new' | 'ringing' | 'up' | 'ended';
  /** INVITEs that made a dialog, either way: one is right. */
  readonly dialogs: number;
  /** Re-INVITEs and UPDATEs that moved the media. */
  readonly reoffers: number;
  readonly byes: number;
  /** The code our INVITE failed with. */
  readonly failed: number | null;
}
