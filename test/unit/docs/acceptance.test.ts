/** Each check of docs/protocol.md is proven by a test that says so in its title, but for those it says are not there yet. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

const page = readFileSync('docs/protocol.md', 'utf8');

/** `30, 31, 73 to 75` as numbers. */
const numbersOf = (text: string): number[] =>
  [...text.matchAll(/(\d+)(?: to (\d+))?/g)].flatMap(([, first, last = first]) =>
    Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index),
  );

/** What the page says is not there yet. */
const missing = new Set(numbersOf(/not there yet: ([^(]*)/.exec(page)?.[1] ?? ''));
const all = [...page.matchAll(/\bAC-(\d+)[^:\n]{0,12}: /g)].map(([, number]) => Number(number));
const checks = [...new Set(all)].filter((number) => !missing.has(number));

const titleStart = /\b(?:it|test|describe)\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;

function titles(): { readonly file: string; readonly title: string }[] {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).map((name) => path.join('test', name));
  const written = files
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(titleStart)].map(([, one, two, three]) => ({
        file,
        title: one ?? two ?? three ?? '',
      })),
    );
  // A TwiML vector is a test of its own, named after its file.
  const vectors = files
    .filter((file) => file.startsWith('test/vectors/twiml/') && file.endsWith('.xml'))
    .map((file) => ({ file, title: path.basename(file).replace(/^ac-(\d+)-/, 'AC-$1: ') }));
  return [...written, ...vectors];
}

describe('acceptance checks', () => {
  it('are found', () =>
    assert.deepEqual(
      [...new Set(all)].sort((a, b) => a - b),
      numbersOf('1 to 93'),
    ));

  const named = new Map<number, string[]>();
  for (const { file, title } of titles()) {
    for (const [, number] of title.matchAll(/\bAC-(\d+)\b/g)) {
      named.set(Number(number), [...(named.get(Number(number)) ?? []), file]);
    }
  }

  for (const number of checks) {
    it(`a test says that it proves check ${number}`, () => {
      assert.ok((named.get(number) ?? []).length > 0, `AC-${number}`);
    });
  }
});
