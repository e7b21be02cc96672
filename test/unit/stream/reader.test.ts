/** The quick reader never says anything else than the slow one: messages alike, nearly alike, and forged. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeMessage } from '../../../worker/stream/messages/decode.ts';
import { MessageReader } from '../../../worker/stream/messages/reader.ts';

const sid = 'MZ7d0f4c1b2a3948576655443322110f0e';
const media = (payload: string, more: object = {}): string =>
  JSON.stringify({ event: 'media', streamSid: sid, media: { payload, ...more } });

/** Reads all with one reader, and each in full; they must agree. */
function agree(texts: readonly string[]): void {
  for (const dialect of ['pivot', 'twilio'] as const) {
    const reader = new MessageReader(sid, dialect);
    for (const text of texts)
      assert.deepEqual(reader.read(text), decodeMessage(text, sid, dialect), text.slice(0, 300));
  }
}

/** Shapes in which apps write media: orders of keys, spaces, formats, and traps for whoever guesses. */
const shapes: readonly ((payload: string) => string)[] = [
  (payload) => media(payload),
  (payload) => media(payload, { format: { encoding: 'audio/L16', sampleRate: 24000 } }),
  (payload) => `{"media":{"payload":"${payload}"},"streamSid":"${sid}","event":"media"}`,
  (payload) => `{ "event" : "media", "streamSid" : "${sid}",\n "media" : { "track" : "x", "payload" : "${payload}" } }`,
  (payload) => `{"event":"media","streamSid":"${sid}","x":{"payload":"${payload}"},"media":{"payload" :"QUFB"}}`,
  (payload) => `{"event":"media","streamSid":"${sid}","x":"\\"payload\\":\\"QUFB\\"","media":{"payload":"${payload}"}}`,
  (payload) => `{"event":"media","streamSid":"${sid}","media":{"payload":"QUFB"},"media":{"payload":"${payload}"}}`,
  (payload) =>
    `{"event":"media","streamSid":"${sid}","media":{"payload":"${payload}"},"media":{"p\\u0061yload":"QUFB"}}`,
  (payload) => `{"event":"media","media":{"payload":"${payload}"}}`,
  (payload) => `{"event":"media","streamSid":"MZ0","media":{"payload":"${payload}"}}`,
  (payload) => `{"event":"mark","streamSid":"${sid}","media":{"payload":"${payload}"}}`,
];
const payloads = [
  'QUFB',
  'AAEC/+8=',
  'AA==',
  'AA=A',
  '=AAA',
  '',
  'A',
  'QUFBQ',
  'A"AA',
  'AA\\u0041',
  'AAA\\',
  'AAA\u0000',
];
const traps = ['QU"B', 'AAA"', 'AA","x":"AA', '","event":"mark","a":"', 'QUFB"},"event":"clear","y":{"payload":"QUFB'];

describe('the reader of messages', () => {
  for (const [index, shape] of shapes.entries()) {
    it(`agrees with the decoder on shape ${index}, and on others after it`, () => {
      agree([shape('QUFB'), ...payloads.map(shape), ...traps.map(shape), ...shapes.map((other) => other('QkJC'))]);
    });
  }

  it('agrees on random payloads and on messages with one character changed', () => {
    const shape = fc.constantFrom(...shapes);
    const change = fc.record({ at: fc.nat(400), what: fc.string({ maxLength: 3 }), cut: fc.nat(3) });
    const payload = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    fc.assert(
      fc.property(shape, payload, payload, change, (write, first, second, { at, what, cut }) => {
        const text = write(second);
        agree([write(first), text, text.slice(0, at) + what + text.slice(at + cut), text]);
      }),
      { seed: 20_261_123, numRuns: 2_000 },
    );
  });

  it('parses no more once it knows how the app writes', (t) => {
    const reader = new MessageReader(sid, 'twilio');
    reader.read(media('QUFB'));
    const parse = t.mock.method(JSON, 'parse');
    for (const payload of ['QkJC', 'AAEC/+8=', 'AA==']) assert.equal(reader.read(media(payload)).event, 'media');
    assert.equal(parse.mock.callCount(), 0);
    reader.read(JSON.stringify({ event: 'mark', streamSid: sid, mark: { name: 'a' } }));
    assert.equal(parse.mock.callCount(), 1);
  });

  it('gives each message bytes of its own', () => {
    const reader = new MessageReader(sid, 'twilio');
    const read = ['QUFB', 'QkJC', 'Q0ND'].map((payload) => reader.read(media(payload)));
    assert.deepEqual(
      read.map((message) => message.event === 'media' && message.payload.toString()),
      ['AAA', 'BBB', 'CCC'],
    );
  });
});
