/** Does what a script asks once the call is up: sound, digits and the hang-up, each at its time. */
import { constants, createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { ExpectedFailure } from '../../shared/kernel/expected-failure.ts';
import { decodeAudio } from '../media/audio-file.ts';
import { AudioFileError } from '../media/audio-file-error.ts';
import { openSynthesiser } from '../speech/open-synthesiser.ts';
import type { PhoneScript } from './cli-arguments.ts';
import type { PhoneCall } from './phone-call.ts';
import { tone } from './sounds.ts';

const RATE = 8000;
const SPEECH_DEADLINE_MS = 10_000;

/** Whether the files of a script are there and may be written, before anybody is called. @throws ExpectedFailure */
export async function checkFiles({ play, record }: Pick<PhoneScript, 'play' | 'record'>): Promise<void> {
  const [mayRead, mayWrite] = [constants.R_OK, constants.W_OK];
  if (play !== null && !(await may(play, mayRead))) throw new ExpectedFailure(`${play} cannot be read`);
  if (record === null) return;
  const place = (await may(record, constants.F_OK)) ? record : path.dirname(record);
  if (!(await may(place, mayWrite))) throw new ExpectedFailure(`${record} cannot be written`);
}

const may = (file: string, mode: number): Promise<boolean> =>
  access(file, mode).then(
    () => true,
    () => false,
  );

/** Resolves when the script is done; the call may go on. @throws ExpectedFailure for a file that is no sound. */
export async function runScript(call: PhoneCall, script: PhoneScript): Promise<void> {
  if (script.echo) call.echo();
  if (script.toneHertz !== null) void keepToning(call, script.toneHertz);
  const parts = [say(call, script), playAll(call, script), pressAll(call, script)];
  if (script.hangupAfterMs !== null) parts.push(hangupAfter(call, script.hangupAfterMs));
  try {
    await Promise.all(parts);
  } catch (error) {
    if (call.over.aborted) return;
    call.hangup();
    throw error;
  }
  const hasSpoken = script.play !== null || script.say !== null;
  if (script.hangupAfterMs === null && hasSpoken && !script.echo && script.toneHertz === null) call.hangup();
}

async function say(call: PhoneCall, script: PhoneScript): Promise<void> {
  if (script.say === null) return;
  const synthesiser = await openSynthesiser({ clock: systemClock });
  try {
    const utterance = { text: script.say, language: 'en-us', voice: 'woman' };
    const signal = AbortSignal.any([call.over, AbortSignal.timeout(SPEECH_DEADLINE_MS)]);
    await call.play(await synthesiser.synthesise(utterance, RATE, signal));
  } finally {
    await synthesiser.close();
  }
}

async function playAll(call: PhoneCall, script: PhoneScript): Promise<void> {
  if (script.play === null) return;
  try {
    for await (const samples of decodeAudio(createReadStream(script.play), RATE)) {
      if (call.over.aborted) return;
      await call.play(samples);
    }
  } catch (error) {
    const told = error instanceof AudioFileError || (error instanceof Error && 'code' in error);
    throw told ? new ExpectedFailure(`${script.play}: ${error.message}`) : error;
  }
}

async function pressAll(call: PhoneCall, script: PhoneScript): Promise<void> {
  if (script.press === null) return;
  await pause(systemClock, script.pressAtMs, call.over);
  await call.press(script.press);
}

async function hangupAfter(call: PhoneCall, ms: number): Promise<void> {
  await pause(systemClock, ms, call.over);
  call.hangup();
}

async function keepToning(call: PhoneCall, hertz: number): Promise<void> {
  const second = tone(hertz, 1000);
  while (!call.over.aborted) await call.play(second);
}
