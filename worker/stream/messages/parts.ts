/**
 * How many values a JSON text can have, before it is parsed: that is what parsing costs, far more than its length. Commas
 * and opening brackets are counted; base64 has none. Pure.
 */

/** No message has nearly as many, whatever an app adds to it. */
export const MAX_PARTS = 1_024;

/** Those of the strings are counted too: never too few. At most `MAX_PARTS` and one more. */
export function partsOf(text: string): number {
  let parts = 0;
  for (const sign of [',', '{', '[']) {
    for (let at = text.indexOf(sign); at >= 0 && parts <= MAX_PARTS; at = text.indexOf(sign, at + 1)) parts += 1;
  }
  return parts;
}

/** As many as messages have: they cost nothing more than their coming in. */
const USUAL_PARTS = 16;
/** What each beyond them costs: as much as so many bytes more. */
const PART_COST = 256;

export const costOfParts = (parts: number): number => Math.max(0, parts - USUAL_PARTS) * PART_COST;
