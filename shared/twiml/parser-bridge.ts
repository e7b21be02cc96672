/**
 * Lends one process's XML reader to its threads: libxmljs2 lives in one child per process, so the
 * main thread serves it over a MessagePort and each thread asks through its own.
 */
import type { MessagePort } from 'node:worker_threads';
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { TwimlParser } from './parser.ts';
import { twimlParser } from './twiml-parser.ts';
import { type ReadXml, unjudged, type XmlReader } from './xml-reader.ts';

/** Longer than the reader's own deadlines, its start included: only a lost main thread is caught by it. */
const DEADLINE_MS = 20_000;

interface Order {
  readonly id: number;
  readonly source: string;
}

interface Answer {
  readonly id: number;
  readonly read: ReadXml;
}

/** Main thread: answers what comes in on the port. The answer stops serving and closes the port. */
export function serveParser(port: MessagePort, reader: XmlReader): () => void {
  const serve = async (order: Order): Promise<void> => {
    port.postMessage({ id: order.id, read: await reader.read(order.source) } satisfies Answer);
  };
  port.on('message', (order: Order) => void serve(order));
  return () => port.close();
}

/** A thread's parser over its end of the port. Closing it closes the port only. */
export function remoteParser(port: MessagePort, clock: Clock = systemClock): TwimlParser {
  return twimlParser(new RemoteReader(port, clock));
}

class RemoteReader implements XmlReader {
  readonly #port: MessagePort;
  readonly #clock: Clock;
  readonly #asked = new Map<number, (read: ReadXml) => void>();
  #last = 0;
  #open = true;

  constructor(port: MessagePort, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
    port.on('message', (answer: Answer) => this.#asked.get(answer.id)?.(answer.read));
    port.on('close', () => this.#refuseAll());
  }

  read(source: string): Promise<ReadXml> {
    if (!this.#open) return Promise.resolve(unjudged('the parser is closed'));
    const id = ++this.#last;
    return new Promise((resolve) => {
      const settle = (read: ReadXml): void => {
        timer.cancel();
        this.#asked.delete(id);
        resolve(read);
      };
      const timer = this.#clock.after(DEADLINE_MS, () => settle(unjudged('the parser does not answer')));
      this.#asked.set(id, settle);
      this.#port.postMessage({ id, source } satisfies Order);
    });
  }

  async close(): Promise<void> {
    this.#refuseAll();
    this.#port.close();
  }

  #refuseAll(): void {
    this.#open = false;
    for (const settle of [...this.#asked.values()]) settle(unjudged('the parser is closed'));
  }
}
