/** `<Say>`: PROTOCOL §3.4, §9. */
import { Attributes } from '../attributes.ts';
import type { SayVerb } from '../document.ts';
import { type RawElement, textOf } from '../element.ts';
import { codes, type Reading } from '../reading.ts';
import { loopOf } from './loop.ts';
import { terminatorsOf } from './terminators.ts';

/** The most characters said: the rest is cut with a warning (13521). */
const MAX_TEXT = { pivot: 4000, twilio: 4096 } as const;

/** Marks inside the text; their words are said, their effects are not. */
const ssml: ReadonlySet<string> = new Set([
  'break',
  'emphasis',
  'lang',
  'p',
  'phoneme',
  'prosody',
  's',
  'say-as',
  'sub',
  'w',
  'amazon:effect',
  'amazon:domain',
  'amazon:emotion',
]);

export function readSay(element: RawElement, reading: Reading): readonly SayVerb[] {
  const attributes = new Attributes(element, reading);
  const verb = {
    verb: 'Say' as const,
    voice: attributes.word('voice'),
    language: attributes.word('language'),
    loop: loopOf(attributes, reading, 13_510),
    terminators: terminatorsOf(attributes, reading),
    line: element.line,
  };
  if (reading.dialect === 'pivot') attributes.ignore('engine');
  attributes.done();
  const text = cut(spoken(element, reading), element, reading);
  if (text === '') {
    reading.warn(element, 13_520, 'there is nothing to say');
    return [];
  }
  return [{ ...verb, text }];
}

function spoken(element: RawElement, reading: Reading): string {
  const text = element.children.map((child) => {
    if (typeof child === 'string') return child;
    if (ssml.has(child.name)) return ` ${textOf(child)} `;
    reading.warn(child, codes.schema, `${child.name} is not allowed in Say`);
    return ' ';
  });
  return text.join('').replace(/\s+/g, ' ').trim();
}

function cut(text: string, element: RawElement, reading: Reading): string {
  const most = MAX_TEXT[reading.dialect];
  if (text.length <= most) return text;
  reading.warn(element, 13_521, `only the first ${most} characters are said`);
  return text.slice(0, most);
}
