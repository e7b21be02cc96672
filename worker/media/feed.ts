/**
 * From a file that can be read fast to a leg that plays slowly: keeps a second in the playout and
 * waits while there is more. For `<Play>`, `<Say>` and Pivot's files; who calls sets the mark behind it.
 */
import type { Clock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import type { PlayoutQueue } from './playout-queue.ts';

const AHEAD_MS = 2000;
const LOOK_MS = 200;

/**
 * Enqueues all samples, never much more than two seconds ahead; answers with how many.
 * Rejects with the signal's reason, or with what the source throws; what is queued stays queued.
 */
export async function feedPlayout(
  playout: PlayoutQueue,
  source: Iterable<Int16Array> | AsyncIterable<Int16Array>,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  const most = (AHEAD_MS * playout.rate) / 1000;
  let total = 0;
  for await (const samples of source) {
    for (let at = 0; at < samples.length; ) {
      signal.throwIfAborted();
      const room = most - playout.queuedSamples;
      if (room <= 0) {
        await pause(clock, LOOK_MS, signal);
        continue;
      }
      const taken = playout.enqueue(samples.subarray(at, at + room));
      at += taken;
      total += taken;
    }
  }
  return total;
}
