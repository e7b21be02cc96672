/** Each acceptance check of the protocol reference that is about streams is proven by a test that says so in its title. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

/** From one number to another, both included. */
const between = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** Streams of both dialects, their limits, callbacks, codes and signatures, Twilio's REST routes for them, and what we add. */
const checks = [...between(1, 29), ...between(35, 56), ...between(83, 93)];

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
