/** `<Pause>`: PROTOCOL §3.4, §9. */
import { Attributes } from '../attributes.ts';
import { nothing } from '../content.ts';
import type { PauseVerb } from '../document.ts';
import type { RawElement } from '../element.ts';
import type { Reading } from '../reading.ts';

const MAX_SECONDS = 3600;

export function readPause(element: RawElement, reading: Reading): readonly PauseVerb[] {
  const attributes = new Attributes(element, reading);
  const seconds = attributes.integer('length', { min: 1, max: MAX_SECONDS, otherwise: 1, code: 13_910 });
  attributes.done();
  nothing(element, reading);
  return [{ verb: 'Pause', lengthMs: seconds * 1000, line: element.line }];
}
