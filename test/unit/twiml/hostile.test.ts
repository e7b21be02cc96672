/** Hostile documents against the real parser process: each costs itself and nothing else (AC-71, AC-72). */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Parsed } from '../../../shared/twiml/parser.ts';
import { twimlParser } from '../../../shared/twiml/twiml-parser.ts';
import { openXmlChild, XmlChild } from '../../../shared/twiml/xml-child.ts';
import { ManualClock } from '../../support/clock.ts';

const child = openXmlChild();
const parser = twimlParser(child);
after(() => parser.close());

const parse = (source: string): Promise<Parsed> => parser.parse(source, { dialect: 'pivot', baseUrl: null });

const laughs = `<!DOCTYPE r [<!ENTITY a "ha">${'bcdefghij'
  .split('')
  .map((name, at) => `<!ENTITY ${name} "${`&${'abcdefghij'[at]};`.repeat(10)}">`)
  .join('')}]><Response><Say>&j;</Say></Response>`;

const hostile: readonly (readonly [title: string, source: string, code: number])[] = [
  ['AC-72: DOCTYPE', '<!DOCTYPE Response><Response/>', 12_100],
  ['AC-72: doctype in lower case', '<!doctype html><Response/>', 12_100],
  [
    'AC-72: external entity',
    '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><Response><Say>&x;</Say></Response>',
    12_100,
  ],
  ['AC-72: external subset', '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd"><Response/>', 12_100],
  ['AC-72: billion laughs', laughs, 12_100],
  ['undefined entity', '<Response><Say>&nbsp;</Say></Response>', 12_100],
  ['NUL', '<Response>\0</Response>', 12_100],
  ['65,537 bytes', `<Response><!--${'x'.repeat(65_537 - 28)}--></Response>`, 11_750],
  ['65,537 bytes in fewer characters', `<Response><Say>${'é'.repeat(32_757)}</Say></Response>`, 11_750],
  ['deep nesting', `<Response>${'<a>'.repeat(9000)}${'</a>'.repeat(9000)}</Response>`, 12_100],
  ['AC-71: unclosed', '<Response><Say>', 12_100],
  ['two roots', '<Response/><Response/>', 12_100],
  ['white space before the declaration', ' <?xml version="1.0"?><Response/>', 12_100],
  ['empty', '', 12_100],
  ['no XML at all', '{"a":1}', 12_100],
  ['unbound prefix with garbage', '<Response><a:b:c d="e" d="f"/></Response>', 12_100],
  ['bad characters', '<Response>\u0001</Response>', 12_100],
];

describe('AC-72: hostile documents', () => {
  for (const [title, source, code] of hostile) {
    it(title, async () => {
      const parsed = await parse(source);
      assert.equal(parsed.kind, 'refused');
      assert.equal(parsed.problems[0]?.code, code, parsed.problems[0]?.message);
      assert.equal((await parse('<Response/>')).kind, 'document');
    });
  }

  it('65,536 bytes are read', async () => {
    const parsed = await parse(`<Response><!--${'x'.repeat(65_536 - 28)}--></Response>`);
    assert.equal(parsed.kind, 'document');
  });

  it('XInclude and namespaces reach for nothing', async () => {
    const source =
      '<Response xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd" parse="text"/></Response>';
    const parsed = await parse(source);
    assert.deepEqual(parsed.kind === 'document' && parsed.document.verbs, []);
  });
});

describe('the parser process', () => {
  it('is replaced when it is killed, and reads the document it had once more', async () => {
    await parse('<Response/>');
    const before = child.pid;
    assert.ok(before);
    process.kill(before, 'SIGSTOP');
    const again = parse('<Response/>');
    const next = parse('<Response/>');
    process.kill(before, 'SIGKILL');
    assert.equal((await again).kind, 'document');
    assert.equal((await next).kind, 'document');
    assert.notEqual(child.pid, before);
  });

  it('costs nobody anything when it is killed before it has come up, and all that wait when none does', async () => {
    const killed = new XmlChild({});
    const killWhatStarts = async (times: number): Promise<void> => {
      const until = performance.now() + 20_000;
      for (let time = 0, last: number | null = null; time < times; time += 1) {
        for (; killed.pid === null || killed.pid === last; await new Promise(setImmediate))
          assert.ok(performance.now() < until, 'another one is started');
        last = killed.pid;
        process.kill(last, 'SIGKILL');
      }
    };
    const readThree = () => Promise.all([1, 2, 3].map(() => killed.read('<Response/>')));
    try {
      const lucky = readThree();
      await killWhatStarts(2);
      assert.deepEqual(
        (await lucky).map(({ kind }) => kind),
        ['tree', 'tree', 'tree'],
      );
      process.kill(killed.pid ?? assert.fail(), 'SIGKILL');
      while (killed.pid !== null) await new Promise(setImmediate);
      const unlucky = readThree();
      await killWhatStarts(3);
      assert.deepEqual(
        (await unlucky).map((read) => read.kind === 'refused' && read.problem.code),
        [12_100, 12_100, 12_100],
      );
      assert.equal((await killed.read('<Response/>')).kind, 'tree');
    } finally {
      await killed.close();
    }
  });

  it('has a second for a document, then it is replaced: 12100', async () => {
    const clock = new ManualClock();
    const slow = new XmlChild({ clock });
    try {
      await slow.read('<Response/>');
      const stuck = slow.pid;
      assert.ok(stuck);
      process.kill(stuck, 'SIGSTOP');
      const read = slow.read('<Response/>');
      clock.advance(1000);
      const answer = await read;
      assert.equal(answer.kind === 'refused' && answer.problem.code, 12_100);
      assert.equal((await slow.read('<Response/>')).kind, 'tree');
    } finally {
      await slow.close();
    }
  });

  it('refuses what it cannot hold, and everything once closed', async () => {
    const full = new XmlChild({ clock: new ManualClock() });
    const reads = Array.from({ length: 300 }, () => full.read('<Response/>'));
    const early = await Promise.race(reads.slice(257));
    assert.equal(early.kind, 'refused');
    await full.close();
    assert.ok((await Promise.all(reads)).every((read) => read.kind === 'refused'));
    assert.equal((await full.read('<Response/>')).kind, 'refused');
    assert.equal(full.pid, null);
  });
});

it('a process that is started ahead is the one that reads the first document', async () => {
  const early = openXmlChild();
  assert.equal(early.pid, null);
  early.start();
  const { pid } = early;
  assert.notEqual(pid, null);
  early.start();
  assert.equal((await early.read('<Response/>')).kind, 'tree');
  assert.equal(early.pid, pid);
  await early.close();
});
