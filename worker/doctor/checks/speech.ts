/** Which languages `<Say>` has: English comes with us, the others are the program espeak-ng's. */
import type { Clock } from '../../../shared/kernel/clock.ts';
import { Espeak } from '../../speech/espeak.ts';
import { type Finding, ok } from '../finding.ts';

/** `program`: what a test gives in place of espeak-ng. */
export async function checkSpeech(clock: Clock, program?: string): Promise<Finding> {
  const espeak = await Espeak.open({ clock, ...(program === undefined ? {} : { program }) });
  if (espeak === null) return ok('speech', 'English alone; for other languages install espeak-ng');
  const { languages } = espeak;
  await espeak.close();
  return ok('speech', `English, and ${languages} languages and accents by espeak-ng`);
}
