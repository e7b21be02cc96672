/** The app's end of a two-way stream in the Twilio dialect, as a benchmark plays it: sends tones, waits for messages. */
import { performance } from 'node:perf_hooks';
import type { WebSocket } from 'ws';

/** 20 ms of a loud square wave at 1 kHz, µ-law. */
const TONE_FRAME = Buffer.from(Uint8Array.from({ length: 160 }, (_, i) => (Math.floor(i / 4) % 2 === 0 ? 0x10 : 0x90)));

interface Message {
  readonly event: string;
  readonly streamSid: string;
  readonly mark: { readonly playedMs: number };
}

export class AppSide {
  /** When the message `first` answered with came. */
  at = 0;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, (message: Message) => void>();
  #streamSid = '';

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message;
      if (message.event === 'start') this.#streamSid = message.streamSid;
      const take = this.#waiting.get(message.event);
      if (!take) return;
      this.at = performance.now();
      this.#waiting.delete(message.event);
      take(message);
    });
  }

  first(event: string): Promise<Message> {
    return new Promise((resolve) => this.#waiting.set(event, resolve));
  }

  tone(frames: number): void {
    const payload = Buffer.concat(Array.from({ length: frames }, () => TONE_FRAME)).toString('base64');
    this.send({ event: 'media', media: { payload } });
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify({ streamSid: this.#streamSid, ...message }));
  }
}
