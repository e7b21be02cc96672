/**
 * One far party of a call as the call sees it: its signalling in words, its audio as a tee and a
 * playout queue. The call owns it and closes it; the implementation is `sip-leg.ts`.
 */

import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { CallLetter } from '../../shared/domain/letter.ts';
import type { LegId } from '../../shared/kernel/ids.ts';
import type { Tee } from '../media/frame.ts';
import type { PlayoutQueue } from '../media/playout-queue.ts';
import type { RtpFigures } from '../rtp/session.ts';

/** Letters that concern a leg. */
export type LegLetter = Extract<CallLetter, { readonly leg: LegId }>;

export interface LegDelegate {
  onRinging(sipCode: number): void;
  /** Media flows from here on. */
  onAnswered(): void;
  /** Final: not answered; `ours` when we had no media for it. */
  onFailed(sipCode: number, reason: string, ours: boolean): void;
  /** Final: the far end is gone. */
  onEnded(by: 'bye' | 'cancel' | 'lost' | 'media-timeout', sipCode: number | null): void;
  /** What `find` found. */
  onFound(stage: FoundStage): void;
  onDigit(digit: string, by: 'rfc4733' | 'info' | 'tone', durationMs: number): void;
  /** A bug in its sound: the leg is hung up and closed. Told once, as the last thing. */
  onBug(error: unknown): void;
  /** Something for the timeline. */
  onEntry(entry: TimelineEntry): void;
}

/** How far a leg is that another owner set up. */
export type FoundStage = Extract<CallLetter, { readonly kind: 'found' }>['stage'];

export interface DialOrder {
  readonly to: string;
  readonly from: string;
  readonly callerName: string | null;
  readonly trunk: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly ringTimeoutMs: number;
  /** When the call was asked for. */
  readonly orderedAt?: string;
}

export interface Leg {
  readonly id: LegId;
  readonly state: 'idle' | 'dialling' | 'ringing' | 'up' | 'ended';
  /** Complete from construction; silent until media flows. */
  readonly tee: Tee;
  readonly playout: PlayoutQueue;
  /** Figures of the media; null before its sockets opened. */
  readonly figures: RtpFigures | null;
  /** Outbound: sends our offer. */
  dial(order: DialOrder): void;
  /** Inbound: 180. */
  ring(): void;
  /** Inbound: 200 with our answer; `onAnswered` follows when media is up. */
  answer(): void;
  reject(sipCode: number, reason: string): void;
  /** Of a call that was being set up when its owner died: how far is it? `onFound` follows. */
  find(): void;
  /** Waits for the answer to a call an owner before us dialled, then moves its media here; `onAnswered` or `onFailed` follows. */
  join(): void;
  /** Of a call that is up and whose owner died: moves the far end's media here; `onAnswered` or `onFailed` follows. */
  takeOver(): void;
  /** Asks for the end; the leg is silent from now on. Idempotent. */
  hangup(): void;
  /** Keys that were asked for and are not pressed to their end, pauses among them. */
  readonly keysWaiting: number;
  /** Presses digits towards the far party (RFC 4733; `w` = 0.5 s, `W` = 1 s); resolves when the last one is out. */
  press(digits: string, signal?: AbortSignal): Promise<void>;
  /** A letter of the gateway for this leg. */
  deliver(letter: LegLetter): void;
  /** Frees port, sockets and beat. Says nothing to the far end: `hangup` does. Idempotent. */
  close(): void;
}
