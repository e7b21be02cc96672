/** A client that follows a timeline as server-sent events, and what it was sent so far. */
import http from 'node:http';
import { ACCOUNT_SID, AUTH_TOKEN } from './api-fixture.ts';

const WITHIN_MS = 10_000;

export class EventListener {
  readonly ids: number[] = [];
  readonly types: string[] = [];
  comments = 0;
  readonly ended: Promise<void>;
  status = 0;
  contentType = '';
  #text = '';
  #grown: () => void = () => {};
  readonly #request: http.ClientRequest;

  constructor(sid: string, port: number, headers: Record<string, string> = {}) {
    const auth = `${ACCOUNT_SID}:${AUTH_TOKEN}`;
    const path = `/calls/${sid}/events`;
    const all = { accept: 'text/event-stream', ...headers };
    this.#request = http.get({ host: '127.0.0.1', port, path, auth, headers: all, agent: false });
    this.ended = new Promise((resolve, reject) => {
      this.#request.once('error', reject);
      this.#request.once('response', (response) => {
        this.status = response.statusCode ?? 0;
        this.contentType = response.headers['content-type'] ?? '';
        response.setEncoding('utf8').on('data', (text: string) => this.#read(text));
        response.once('close', resolve);
      });
    });
    this.ended.catch(() => undefined);
  }

  /** Until so many events are there. */
  has(count: number): Promise<void> {
    return this.until(() => this.ids.length >= count);
  }

  async until(isSo: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(WITHIN_MS);
    while (!isSo()) {
      await new Promise<void>((resolve, reject) => {
        this.#grown = resolve;
        signal.addEventListener('abort', () =>
          reject(new Error(`only ${this.ids.length} events and ${this.comments} comments`)),
        );
      });
    }
  }

  leave(): void {
    this.#request.destroy();
  }

  #read(text: string): void {
    this.#text += text;
    const blocks = this.#text.split('\n\n');
    this.#text = blocks.pop() ?? '';
    for (const block of blocks) {
      if (block.startsWith(':')) this.comments += 1;
      const id = /^id: (\d+)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (id === undefined || data === undefined) continue;
      this.ids.push(Number(id));
      this.types.push(JSON.parse(data).type);
    }
    this.#grown();
  }
}
