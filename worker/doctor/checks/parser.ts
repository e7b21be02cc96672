/** Whether the parser process comes up and reads a document: libxmljs2 is native and may not fit this machine. */
import type { Clock } from '../../../shared/kernel/clock.ts';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';
import { type Finding, fault, ok } from '../finding.ts';

const DOCUMENT = '<Response><Say>Hello.</Say></Response>';

export async function checkParser(clock: Clock): Promise<Finding> {
  const began = clock.monotonic();
  const parser = openTwimlParser({ clock });
  try {
    const parsed = await parser.parse(DOCUMENT, { dialect: 'pivot', baseUrl: null, allowInsecureWs: true });
    const ms = Math.round(clock.monotonic() - began);
    if (parsed.kind === 'document') return ok('parser', `reads a document ${ms} ms after its start`);
    const why = parsed.problems.map(({ message }) => message).join(', ');
    return fault(
      'parser',
      `no document can be read: ${why}`,
      'Compile libxmljs2 for this Node: npm rebuild libxmljs2 (needs g++, make, python3).',
    );
  } finally {
    await parser.close();
  }
}
