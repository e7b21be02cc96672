/** Runs `<Play>`: a file, decoded only as far as it is heard, or digits pressed towards the far party (AC-76). */

import { redactDigits } from '../../shared/kernel/redact.ts';
import type { PlayVerb } from '../../shared/twiml/document.ts';
import { type Executor, type VerbContext, VerbFailed } from '../call/context.ts';
import { NEXT } from '../call/outcome.ts';
import { decodeAudio } from '../media/audio-file.ts';
import { AudioFileError } from '../media/audio-file-error.ts';
import { prompt, untilKey } from './prompt.ts';

/** The largest file played: forty minutes of G.711 as WAV, two hours of speech as MP3. */
const MAX_BYTES = 32 * 1024 * 1024;
const FETCH_MS = 15_000;

export const play: Executor<PlayVerb> = async (verb, context) => {
  await context.answer();
  if (verb.digits !== null) await press(verb, verb.digits, context);
  else if (verb.url !== null) await playFile(verb, verb.url, context);
  return NEXT;
};

async function press(verb: PlayVerb, digits: string, context: VerbContext): Promise<void> {
  await untilKey(verb.terminators, context, async (signal) => {
    for (let turn = 0; verb.loop === 0 || turn < verb.loop; turn += 1) {
      context.entry({ type: 'dtmf.sent', digits: redactDigits(digits), by: 'document' });
      await context.leg.press(digits, signal);
    }
  });
}

async function playFile(verb: PlayVerb, url: string, context: VerbContext): Promise<void> {
  let file: Buffer | null = null;
  try {
    await prompt(verb, context, async (signal) => {
      file ??= await load(url, context, signal);
      return decodeAudio([file], context.leg.playout.rate);
    });
  } catch (error) {
    if (!(error instanceof AudioFileError)) throw error;
    throw new VerbFailed(`12300 ${error.message}`);
  }
}

/** Requests for files carry no parameters (PROTOCOL §7.1). */
async function load(url: string, { fetcher }: VerbContext, signal: AbortSignal): Promise<Buffer> {
  const order = { url, method: 'GET', fields: {}, timeoutMs: FETCH_MS, maxBytes: MAX_BYTES, signal } as const;
  const answer = await fetcher.fetch(order);
  if (answer.kind === 'failed') throw new VerbFailed(`${answer.code} ${answer.detail}`);
  return answer.body;
}
