/** What a stream has counted, over all its sockets and all its owners. */
import { NO_COUNTERS, type StreamCounters } from '../../shared/domain/stream.ts';
import type { Playback } from './playback.ts';
import type { Sender } from './sender.ts';
import type { Sockets } from './sockets.ts';

export interface Counted {
  readonly sender: Pick<Sender, 'framesSent' | 'bytesSent' | 'framesDropped'>;
  readonly sockets: Pick<Sockets, 'messagesReceived' | 'bytesReceived'>;
  /** Goes on from what owners before us had counted. Null for the one-way kinds. */
  readonly playback: Pick<Playback, 'bufferedMs' | 'playedMs' | 'droppedMs' | 'underruns'> | null;
}

export class Tally {
  readonly #before: StreamCounters;
  readonly #counted: Counted;
  #told = NO_COUNTERS;
  #reconnects: number;

  /** `before`: what owners before us had counted. */
  constructor(before: StreamCounters, counted: Counted) {
    this.#before = before;
    this.#reconnects = before.reconnects;
    this.#counted = counted;
  }

  reconnected(): void {
    this.#reconnects += 1;
  }

  sum(): StreamCounters {
    const before = this.#before;
    const { sender, sockets, playback } = this.#counted;
    return {
      framesSent: before.framesSent + sender.framesSent,
      bytesSent: before.bytesSent + sender.bytesSent,
      framesDropped: before.framesDropped + sender.framesDropped,
      messagesReceived: before.messagesReceived + sockets.messagesReceived,
      bytesReceived: before.bytesReceived + sockets.bytesReceived,
      bufferedMs: playback?.bufferedMs ?? 0,
      playedMs: playback?.playedMs ?? 0,
      droppedMs: playback?.droppedMs ?? 0,
      underruns: playback?.underruns ?? 0,
      reconnects: this.#reconnects,
    };
  }

  /** The sum when it is another than the last one given here, else null. */
  news(): StreamCounters | null {
    const counters = this.sum();
    const same = (Object.keys(counters) as (keyof StreamCounters)[]).every((key) => counters[key] === this.#told[key]);
    if (same) return null;
    this.#told = counters;
    return counters;
  }
}
