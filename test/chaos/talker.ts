/**
 * An application that speaks without a pause, at the pace of speech, and marks every tenth of a second of it: how long a
 * mark takes is how long the caller waits for the words before it. Can be held back, and then says all it owes at once.
 */
import type { WebSocket } from 'ws';

const TALK_MS = 100;
/** 100 ms of a loud square wave, µ-law. */
const TALK = Buffer.from(Uint8Array.from({ length: 800 }, (_, i) => ((i >> 2) % 2 === 0 ? 0x10 : 0x90))).toString(
  'base64',
);
const LOOK_MS = 10;
/** A second of them. */
const MARKS = 10;

export class Talker {
  readonly #socket: WebSocket;
  readonly #streamSid: string;
  readonly #media: string;
  readonly #sentAt = new Map<string, number>();
  readonly #waits: number[] = [];
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout;
  #said = 0;
  #heldUntil = 0;

  constructor(socket: WebSocket, streamSid: string) {
    this.#socket = socket;
    this.#streamSid = streamSid;
    this.#media = JSON.stringify({ event: 'media', streamSid, media: { payload: TALK } });
    this.#timer = setInterval(() => this.#say(), LOOK_MS);
  }

  /** Median of the last second's marks, from being sent to being played. */
  get markMs(): number | null {
    const sorted = [...this.#waits].sort((one, other) => one - other);
    return sorted[sorted.length >> 1] ?? null;
  }

  hold(ms: number): void {
    this.#heldUntil = performance.now() + ms;
  }

  played(name: string): void {
    const sentAt = this.#sentAt.get(name);
    if (sentAt === undefined) return;
    this.#sentAt.delete(name);
    this.#waits.push(performance.now() - sentAt);
    if (this.#waits.length > MARKS) this.#waits.shift();
  }

  /** Says something else, once. */
  say(payload: string): void {
    this.#socket.send(JSON.stringify({ event: 'media', streamSid: this.#streamSid, media: { payload } }));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #say(): void {
    const now = performance.now();
    if (now < this.#heldUntil) return;
    for (const due = Math.floor((now - this.#began) / TALK_MS); this.#said < due; this.#said++) {
      const name = String(this.#said);
      this.#sentAt.set(name, now);
      this.#socket.send(this.#media);
      this.#socket.send(JSON.stringify({ event: 'mark', streamSid: this.#streamSid, mark: { name } }));
    }
  }
}
