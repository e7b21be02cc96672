/** What the kinds of stream differ in: PROTOCOL §2.4–§2.6, §4.3, §14.1. The session owns its mode and closes it. */
import type { StreamError } from '../../../shared/domain/stream.ts';
import type { ControlMessage } from '../messages/encode.ts';
import type { Playback } from '../playback.ts';

export interface Mode {
  /** JSON text, or bare binary audio and not a word. */
  readonly wire: 'json' | 'binary';
  /** Whether the caller's digits are told to the app. */
  readonly tellsDigits: boolean;
  /** Null for the one-way kinds. */
  readonly playback: Playback | null;
  /** A socket is open, the first or another: what comes over it continues nothing that came over the one before. */
  begin(): void;
  onText(text: string): void;
  onBinary(bytes: Buffer): void;
  beat(): void;
  /** The stream is over: audio that waits is dropped and pending marks come back through the playback. */
  end(): void;
}

/** What a mode asks of its session. */
export interface ModeDelegate {
  send(message: ControlMessage): void;
  /** What the app sent costs more than its bytes: as much as so many more of them, for which its socket has to wait. */
  charge(bytes: number): void;
  /** Told every time; the session warns once for each code and detail, up to a bound. */
  warn(warning: StreamError, detail: string): void;
  /** A file of the app's could not be played; each one is told. */
  broken(detail: string): void;
  cleared(playedMs: number, droppedMs: number): void;
  /** A mark was passed or came back. */
  mark(name: string, playedMs: number, cleared: boolean): void;
  press(digits: string): void;
  hangup(): void;
}
