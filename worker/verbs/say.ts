/** Runs `<Say>`: the text is synthesised once and heard as often as asked. */

import type { SayVerb } from '../../shared/twiml/document.ts';
import { type Executor, VerbFailed } from '../call/context.ts';
import { NEXT } from '../call/outcome.ts';
import { prompt } from './prompt.ts';

/** Default voices (PROTOCOL §3.4, §9). */
const VOICE = { pivot: 'man', twilio: 'man' } as const;
const aliases: ReadonlyMap<string, string> = new Map([
  ['male', 'man'],
  ['female', 'woman'],
  ['alice', 'woman'],
]);

export const say: Executor<SayVerb> = async (verb, context) => {
  await context.answer();
  const voice = verb.voice?.toLowerCase() ?? VOICE[context.call.dialect];
  const utterance = {
    text: verb.text,
    language: (verb.language ?? 'en-us').toLowerCase(),
    voice: aliases.get(voice) ?? voice,
  };
  const rate = context.leg.playout.rate === 16_000 ? 16_000 : 8000;
  let samples: Int16Array | null = null;
  await prompt(verb, context, async (signal) => {
    samples ??= await context.synthesiser.synthesise(utterance, rate, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new VerbFailed(`speech: ${error instanceof Error ? error.message : 'failed'}`);
    });
    return [samples];
  });
  return NEXT;
};
