/**
 * `DUMP_AUDIO`: both tracks of every leg as WAV files in one folder, for listening to what was wrong.
 * Started with a leg and ended with it; the thread owns the whole and closes it, which waits for the disk.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../../shared/kernel/log.ts';
import type { Tee } from './frame.ts';
import { Recorder } from './recorder.ts';

export class AudioDump {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #writing = new Set<Promise<void>>();

  private constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Makes the folder where it is missing. @throws the system's error when it cannot be made. */
  static async open(folder: string, log: Logger): Promise<AudioDump> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new AudioDump(folder, log);
  }

  /** Takes down `<name>-inbound.wav` and `<name>-outbound.wav`; answers with the end of it. */
  start(name: string, tee: Tee): () => void {
    const file = (track: string): string => path.join(this.#folder, `${name}-${track}.wav`);
    const recorder = new Recorder({ inbound: file('inbound'), outbound: file('outbound') });
    const leave = tee.add(recorder);
    return () => {
      leave();
      const written: Promise<void> = recorder
        .close()
        .catch((error: unknown) => this.#log.warn({ err: error }, 'audio could not be written'))
        .finally(() => this.#writing.delete(written));
      this.#writing.add(written);
    };
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await Promise.all(this.#writing);
  }
}
