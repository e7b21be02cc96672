/**
 * Every document under test/vectors/twiml through the real parser process: what is beside it in JSON is
 * what it means. A vector without `expect` fails.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ParseContext } from '../../../shared/twiml/parser.ts';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';

const folder = fileURLToPath(new URL('../../vectors/twiml/', import.meta.url));
const parser = openTwimlParser();
after(() => parser.close());

interface Vector extends ParseContext {
  readonly expect: unknown;
}

describe('TwiML vectors', () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.xml'))) {
    const name = file.slice(0, -'.xml'.length);
    const title = name
      .replace(/^ac-(\d+)-/, 'AC-$1: ')
      .replaceAll('-', ' ')
      .replace(/^AC (\d+)/, 'AC-$1');
    it(title, async () => {
      const vector: Vector = JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8'));
      const parsed = await parser.parse(readFileSync(`${folder}${file}`, 'utf8'), vector);
      assert.deepEqual(JSON.parse(JSON.stringify(parsed)), vector.expect);
    });
  }
});
