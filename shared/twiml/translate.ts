/** Raw tree → `Document`, pure. Verbs and nouns have a file each; unknown ones are skipped with 12200 (AC-71). */
import type { Verb } from './document.ts';
import { elementsOf, type RawElement } from './element.ts';
import type { ParseContext, Parsed } from './parser.ts';
import { codes, Reading } from './reading.ts';
import { readConnect } from './verbs/connect.ts';
import { readHangup } from './verbs/hangup.ts';
import { readPause } from './verbs/pause.ts';
import { readPlay } from './verbs/play.ts';
import { readRedirect } from './verbs/redirect.ts';
import { readReject } from './verbs/reject.ts';
import { readSay } from './verbs/say.ts';
import { readStart } from './verbs/start.ts';
import { readStop } from './verbs/stop.ts';

/** Reads one element into the verbs it stands for: none when it is skipped, several when it holds several nouns. */
export type VerbReader = (element: RawElement, reading: Reading) => readonly Verb[];

const readers = {
  Say: readSay,
  Play: readPlay,
  Pause: readPause,
  Hangup: readHangup,
  Reject: readReject,
  Redirect: readRedirect,
  Start: readStart,
  Stop: readStop,
  Connect: readConnect,
} as const satisfies Record<Verb['verb'], VerbReader>;

const isVerb = (name: string): name is Verb['verb'] => Object.hasOwn(readers, name);

/** Never throws; every problem of the document is reported, with element and line. */
export function translate(root: RawElement, context: ParseContext): Parsed {
  const reading = new Reading(context);
  if (root.name !== 'Response') {
    reading.refuse(root, 12_102, `the root element is ${root.name}, not Response`);
    return { kind: 'refused', problems: reading.problems };
  }
  for (const [name] of root.attributes) reading.warn(root, codes.schema, `unknown attribute ${name}`, name);
  if (root.children.some((child) => typeof child === 'string' && child.trim() !== '')) {
    reading.warn(root, codes.schema, 'text between verbs is ignored');
  }
  const elements = elementsOf(root);
  const verbs = elements.flatMap((element) => readVerb(element, reading));
  const document = verbs.length === 0 && elements.length > 0 ? { verbs, allSkipped: true as const } : { verbs };
  return reading.problems.some((problem) => problem.severity === 'error')
    ? { kind: 'refused', problems: reading.problems }
    : { kind: 'document', document, warnings: reading.problems };
}

function readVerb(element: RawElement, reading: Reading): readonly Verb[] {
  if (isVerb(element.name)) return readers[element.name](element, reading);
  const hint = Object.keys(readers).find((name) => name.toLowerCase() === element.name.toLowerCase());
  const why = hint === undefined ? '' : `; the verb is written ${hint}`;
  reading.warn(element, codes.schema, `unknown verb ${element.name} is skipped${why}`);
  return [];
}
