/** What Say and Play share: a prompt that loops, is cut short by its terminators, and leaves silence behind when cut. */
import type { VerbContext } from '../call/context.ts';
import { Feed } from './feed.ts';

/** Reason of an abort that is not an Outcome: a key stopped the prompt, the document goes on. */
const KEY = Symbol('key');

interface Prompt {
  /** 0 = for ever. */
  readonly loop: number;
  readonly terminators: string;
}

/** Runs `once` as often as `loop` says, until a terminator is pressed. `once` tells how many samples it fed. */
export async function prompt(
  { loop, terminators }: Prompt,
  context: VerbContext,
  once: (feed: Feed, signal: AbortSignal) => Promise<number>,
): Promise<void> {
  await untilKey(terminators, context, async (signal) => {
    const feed = new Feed(context.leg.playout, signal);
    for (let turn = 0; loop === 0 || turn < loop; turn += 1) {
      // Nothing to hear would turn for ever without ever waiting.
      if ((await once(feed, signal)) === 0) break;
    }
    await feed.drain();
  });
}

/** Runs `work` until it is done, the document is cut short, or one of the keys is pressed. */
export async function untilKey(
  terminators: string,
  context: VerbContext,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const key = new AbortController();
  const forget = context.keys.listen((pressed) => {
    if (terminators.includes(pressed)) key.abort(KEY);
  });
  try {
    await work(AbortSignal.any([context.signal, key.signal]));
  } catch (error) {
    context.leg.playout.clear();
    if (context.signal.aborted || !key.signal.aborted) throw error;
  } finally {
    forget();
  }
}
