/**
 * Streams that an owner of the call before this one had open: kept until the far end has followed, then opened again;
 * or written off when the call ends before that (AC-85). What the API asks of them meanwhile is kept too. The session owns it.
 */
import type { CallLetter, StreamUpdate } from '../../shared/domain/letter.ts';
import { isLive, isTwoWay, type StreamRecord } from '../../shared/domain/stream.ts';
import type { StreamSid } from '../../shared/kernel/ids.ts';
import type { Journal } from './ports.ts';
import type { CallStreams } from './streams.ts';

export class LeftStreams {
  #records: readonly StreamRecord[] = [];
  /** Of each what was asked, merged: the last word counts. */
  readonly #changes = new Map<StreamSid, StreamUpdate>();
  #loading: Promise<void> | null = null;

  /** Until they are known; null when nobody asked, or it is done. */
  get loading(): Promise<void> | null {
    return this.#loading;
  }

  /** Rejects when the journal cannot be read: then there are none. */
  load(journal: Journal): Promise<void> {
    this.#loading = this.#load(journal).finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** Whether this letter is done with, or kept, because its stream is one of these. */
  keeps(letter: Exclude<CallLetter, { leg: unknown }>): boolean {
    if (!('stream' in letter) || !this.#records.some(({ sid }) => sid === letter.stream)) return false;
    switch (letter.kind) {
      case 'stream-start':
        return true;
      case 'stream-stop':
        this.#records = this.#records.filter(({ sid }) => sid !== letter.stream);
        return false;
      case 'stream-update':
        this.#changes.set(letter.stream, { ...this.#changes.get(letter.stream), ...letter });
        return true;
    }
  }

  /** The far end has followed. A two-way stream of the document is its verb's to go on with. */
  reopen(streams: CallStreams): void {
    for (const record of this.#take()) {
      if (record.origin === 'document' && isTwoWay(record.spec.mode)) streams.keep(record);
      else streams.reopen(record);
    }
    for (const change of this.#changes.values()) streams.update(change);
    this.#changes.clear();
  }

  writeOff(streams: CallStreams): void {
    for (const record of this.#take()) streams.writeOff(record, 'error');
  }

  async #load(journal: Journal): Promise<void> {
    this.#records = (await journal.streams()).filter(({ status }) => isLive(status));
  }

  #take(): readonly StreamRecord[] {
    const records = this.#records;
    this.#records = [];
    return records;
  }
}
