/**
 * A speech model that says what a test tells it to: the few events of the OpenAI Realtime API that a telephone
 * transport lives on, over a WebSocket on a free port. Whoever opens it closes it.
 */
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { systemClock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import type { Owner } from './suite.ts';

// biome-ignore lint/suspicious/noExplicitAny: events are what is tested.
type ModelEvent = any;

export class RealtimeModel {
  /** Everything it was sent but audio, in order. */
  readonly events: ModelEvent[] = [];
  readonly #heard: Buffer[] = [];
  readonly #server: WebSocketServer;
  #socket: WebSocket | null = null;
  #waiting: (() => void)[] = [];
  #serial = 0;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#socket = socket;
      socket.on('error', () => {});
      socket.on('message', (data) => this.#take(JSON.parse(data.toString())));
      this.#say({ type: 'session.created', session: {} });
    });
  }

  static async start(owner: Owner): Promise<RealtimeModel> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await new Promise((resolve) => server.once('listening', resolve));
    const model = new RealtimeModel(server);
    owner.after(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    return model;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Everything heard so far, as the transport passed it on: µ-law at 8 kHz. */
  get heard(): Buffer {
    return Buffer.concat(this.#heard);
  }

  get heardMs(): number {
    return this.#heard.reduce((sum, piece) => sum + piece.length, 0) / 8;
  }

  /** A response of one item, all at once, in deltas of `deltaMs`; `audio` is µ-law. Left open without `done`. */
  speak(item: string, audio: Buffer, { deltaMs = 20, done = true } = {}): void {
    const response = { id: `response-${item}`, object: 'realtime.response' };
    const place = { response_id: response.id, item_id: item, output_index: 0, content_index: 0 };
    this.#say({ type: 'response.created', response: { ...response, status: 'in_progress' } });
    for (let at = 0; at < audio.length; at += deltaMs * 8) {
      const delta = audio.subarray(at, at + deltaMs * 8).toString('base64');
      this.#say({ type: 'response.output_audio.delta', ...place, delta });
    }
    if (!done) return;
    this.#say({ type: 'response.output_audio.done', ...place });
    this.#say({ type: 'response.done', response: { ...response, status: 'completed', output: [] } });
  }

  /** The caller has begun to speak: whatever is being said is interrupted. */
  hearSpeech(): void {
    this.#say({ type: 'input_audio_buffer.speech_started', item_id: 'caller', audio_start_ms: 0 });
  }

  /** Resolves as soon as `ready` holds; looked at after each event. */
  until(what: string, ready: () => boolean, withinMs = 15_000): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!ready()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    };
    return withDeadline(systemClock, withinMs, what, wait());
  }

  #say(event: object): void {
    this.#serial += 1;
    this.#socket?.send(JSON.stringify({ event_id: `event-${this.#serial}`, ...event }));
  }

  #take(event: ModelEvent): void {
    if (event.type === 'input_audio_buffer.append') this.#heard.push(Buffer.from(event.audio, 'base64'));
    else {
      this.events.push(event);
      if (event.type === 'session.update') this.#say({ type: 'session.updated', session: event.session });
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
