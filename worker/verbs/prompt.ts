/** What Say and Play share: a prompt that loops, is cut short by its terminators, and leaves silence behind when cut. */
import { unlessAborted } from '../../shared/kernel/deadline.ts';
import type { VerbContext } from '../call/context.ts';
import { feedPlayout } from '../media/feed.ts';
import { looped, type Sound } from '../media/looped.ts';

/** Reason of an abort that is not an Outcome: a key stopped the prompt, the document goes on. */
const KEY = Symbol('key');

interface Prompt {
  /** 0 = for ever. */
  readonly loop: number;
  readonly terminators: string;
}

/** Plays what `sound` makes as often as `loop` says, to the end or until a terminator is pressed. */
export async function prompt(
  { loop, terminators }: Prompt,
  context: VerbContext,
  sound: (signal: AbortSignal) => Promise<Sound>,
): Promise<void> {
  const { playout } = context.leg;
  await untilKey(terminators, context, async (signal) => {
    try {
      const turns = looped(loop, playout.rate, () => sound(signal));
      await feedPlayout(playout, turns, context.clock, signal);
    } finally {
      // What came before a damage is sound, and is heard.
      if (!signal.aborted) await unlessAborted(signal, heard(context));
    }
  });
}

/** Resolves when everything queued so far has been heard. */
function heard({ leg }: VerbContext): Promise<void> {
  return new Promise((resolve) => leg.playout.mark(() => resolve()));
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
    if (!context.signal.aborted && !key.signal.aborted) throw error;
    context.leg.playout.clear();
    if (context.signal.aborted) throw error;
  } finally {
    forget();
  }
}
