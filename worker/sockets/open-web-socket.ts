/** A WebSocket between the end of its upgrade and the last byte: the client's side, without extensions. */

export interface OpenWebSocketDelegate {
  /** The text is UTF-8 and at most 1 MiB. */
  onText(text: string): void;
  onBinary(bytes: Buffer): void;
  /** It is answered without being asked for. */
  onPing(): void;
  onPong(): void;
  /**
   * The app broke a rule of RFC 6455, named as in `unexpected_mask`. It is told by a close frame; nothing more is read, and
   * whoever waits for `onGone` has to bound the wait.
   */
  onBroken(rule: string): void;
  /** The app said goodbye with this code and was answered: whoever waits for `onGone` has to bound the wait. */
  onClosing(code: number): void;
  /**
   * Final, once; not told after `terminate`. `code`: of the app's close frame, 1005 when it had none, 1006 when none came.
   */
  onGone(code: number): void;
}

export interface OpenWebSocket {
  sendText(text: string): void;
  /** The bytes are copied before this returns. */
  sendBinary(bytes: Uint8Array): void;
  ping(): void;
  /** Hands to the kernel what was given so far, so that the two figures below are true of it. */
  push(): void;
  /** Bytes that the kernel was seen not to take yet. */
  readonly bufferedBytes: number;
  /** Messages given that the kernel has not taken whole; still true of a socket that is gone. */
  readonly unsent: number;
  /** Stops and starts reading. Of what came before it is stopped a few messages more may be told, the others when it starts again. */
  setReading(reading: boolean): void;
  /** Sends a close frame; `onGone` follows when the app has answered, and perhaps never. */
  close(code: number): void;
  /** Gone at once, without a word. */
  terminate(): void;
}

export const MAX_MESSAGE_BYTES = 1_048_576;
export const MAX_FRAGMENTS = 1_024;
export const MAX_PENDING_PONGS = 32;
/** Close codes of RFC 6455 §7.4.1 that stand for something missing. */
export const NO_CLOSE_CODE = 1005;
export const NO_CLOSE_FRAME = 1006;
