/** An application that speaks without a pause, at the pace of speech: what is due is said, however late the timer is. */
import type { WebSocket } from 'ws';

const TALK_MS = 100;
/** 100 ms of a loud square wave, µ-law. */
const TALK = Buffer.from(Uint8Array.from({ length: 800 }, (_, i) => ((i >> 2) % 2 === 0 ? 0x10 : 0x90))).toString(
  'base64',
);
const LOOK_MS = 10;

export class Talker {
  readonly #socket: WebSocket;
  readonly #media: string;
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout;
  #said = 0;

  constructor(socket: WebSocket, streamSid: string) {
    this.#socket = socket;
    this.#media = JSON.stringify({ event: 'media', streamSid, media: { payload: TALK } });
    this.#timer = setInterval(() => this.#say(), LOOK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #say(): void {
    for (const due = Math.floor((performance.now() - this.#began) / TALK_MS); this.#said < due; this.#said++) {
      this.#socket.send(this.#media);
    }
  }
}
