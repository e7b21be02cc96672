/** What the audio path needs before it can be synchronous: the WASM modules. Once for each thread. */
import { warmMp3 } from './mp3.ts';
import { loadSpeex } from './speex.ts';

/** Await this before the first call; more than once is harmless. */
export async function initMedia(): Promise<void> {
  await Promise.all([loadSpeex(), warmMp3()]);
}
