/** Messages against the golden vectors in test/vectors/stream, and the decoder against what nobody thought of. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Dialect } from '../../../shared/domain/dialect.ts';
import { newCallSid } from '../../../shared/kernel/ids.ts';
import { decodeMessage } from '../../../worker/stream/messages/decode.ts';
import {
  CONNECTED,
  type ControlMessage,
  encodeControl,
  encodeMedia,
  startMessage,
  stopMessage,
} from '../../../worker/stream/messages/encode.ts';
import { aStream } from '../../support/records.ts';

const sid = 'MZ7d0f4c1b2a3948576655443322110f0e';
const call = {
  accountSid: 'AC5b6c7d8e9f00112233445566778899aa',
  callSid: 'CA0011223344556677889900aabbccddee',
  from: '+15550100001',
  to: '+15550100002',
  direction: 'inbound',
};
const folder = new URL('../../vectors/stream/', import.meta.url);
const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, folder), 'utf8'));

const stereo = { encoding: 'audio/L16', sampleRate: 16000, channels: 2 } as const;
const mulaw = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 } as const;
const coach = { name: 'coach', mediaFormat: stereo, customParameters: { ticket: 'K-204' } };
const pivot = aStream(newCallSid(), coach).spec;
const twilio = aStream(newCallSid(), { dialect: 'twilio', mediaFormat: mulaw }).spec;
const control = (message: ControlMessage, sequence: number): string => encodeControl(message, sequence, sid);

const encoded: Readonly<Record<string, string>> = {
  connected: CONNECTED,
  'pivot-start': control(startMessage(sid, pivot, 'both', call, false), 1),
  'twilio-start': control(startMessage(sid, twilio, 'outbound', call, true), 1),
  media: encodeMedia(17, sid, 'outbound', 8, 320, '/////w=='),
  dtmf: control({ event: 'dtmf', dtmf: { track: 'inbound_track', digit: '5' } }, 18),
  mark: control({ event: 'mark', mark: { name: 'greeting "1" é', playedMs: 1240, cleared: false } }, 19),
  cleared: control({ event: 'cleared', cleared: { playedMs: 500, droppedMs: 1500, marks: ['a', 'b'] } }, 20),
  gap: control({ event: 'gap', gap: { track: 'inbound', fromMs: 1000, durationMs: 240, reason: 'congestion' } }, 21),
  pressure: control({ event: 'pressure', pressure: { state: 'high', bufferedMs: 10020 } }, 22),
  status: control({ event: 'status', status: { bufferedMs: 60, playedMs: 40, underruns: 1, droppedMs: 0 } }, 23),
  stop: control(stopMessage(call, 'hangup', 1240), 24),
};

describe('messages to the app', () => {
  it('has a vector for every message, and a message for every vector', () => {
    const files = readdirSync(new URL('to-app/', folder)).map((name) => name.replace('.json', ''));
    assert.deepEqual(files.sort(), Object.keys(encoded).sort());
  });

  for (const [name, text] of Object.entries(encoded)) {
    it(`AC-40: writes ${name} as the vector has it`, () =>
      assert.equal(text, JSON.stringify(read(`to-app/${name}.json`))));
  }
});

interface Vector {
  readonly dialects: readonly Dialect[];
  readonly text: string;
  /** A payload is in hex. */
  readonly decoded: unknown;
}

const decode = (text: string, dialect: Dialect): unknown => {
  const message = decodeMessage(text, sid, dialect);
  return message.event === 'media' ? { ...message, payload: message.payload.toString('hex') } : message;
};

describe('messages from the app', () => {
  for (const file of readdirSync(new URL('from-app/', folder)).sort()) {
    const { dialects, text, decoded } = read(`from-app/${file}`) as Vector;
    it(`reads ${file}`, () => {
      for (const dialect of dialects) assert.deepEqual(decode(text, dialect), decoded, dialect);
    });
  }

  it('does not parse what has more values than any message, and takes the longest media', (t) => {
    const fill = (value: string): string => `${`${value},`.repeat(10_000)}${value}`;
    const keys = Array.from({ length: 10_000 }, (_, at) => `"k${at}":1`).join();
    const parse = t.mock.method(JSON, 'parse');
    for (const wide of [`[${fill('{}')}]`, `[${fill('0')}]`, `{${keys}}`, '['.repeat(10_000), '{"a":'.repeat(10_000)])
      assert.deepEqual(decode(wide, 'pivot'), { event: 'problem', detail: 'more values than any message has' });
    assert.equal(parse.mock.callCount(), 0);
    const payload = Buffer.alloc(786_000, 7);
    const more = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`x${at}`, 'a, b, {c}']));
    const media = JSON.stringify({ event: 'media', media: { payload: payload.toString('base64') }, more });
    assert.equal((decode(media, 'pivot') as { payload: string }).payload, payload.toString('hex'));
  });

  it('forgives line breaks inside of base64, however many, and is quick about it', () => {
    const broken = (text: string): string => JSON.stringify({ event: 'media', media: { payload: text } });
    for (const payload of ['QUJD\r\nREVG', 'QUI\n=\n', '\nQ\nQ\n=\r=\n'])
      assert.equal((decode(broken(payload), 'pivot') as { event: string }).event, 'media', payload);
    for (const payload of ['Q\n', 'QUI=\n=\n=', 'QU\n!', 'QQ==\nQQ=='])
      assert.equal((decode(broken(payload), 'pivot') as { event: string }).event, 'problem', payload);
    const long = broken(`${'A\n'.repeat(340_000)}`);
    const times = Array.from({ length: 10 }, () => {
      const began = performance.now();
      decodeMessage(long, sid, 'pivot');
      return performance.now() - began;
    });
    assert.ok(Math.min(...times) < 10, `${Math.min(...times)} ms`);
  });

  const known = new Set(['media', 'mark', 'clear', 'dtmf', 'hangup', 'status', 'problem']);
  const survives = (text: string): void => {
    for (const dialect of ['pivot', 'twilio'] as const) {
      assert.ok(known.has(decodeMessage(text, sid, dialect).event));
    }
  };
  const options = { seed: 20_261_123, interruptAfterTimeLimit: 3_000, markInterruptAsFailure: false } as const;

  it('survives any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), survives), { ...options, numRuns: 3_000 });
  });

  it('survives any JSON in any field', () => {
    const event = fc.constantFrom('media', 'mark', 'clear', 'dtmf', 'hangup', 'status');
    const message = event.chain((name) =>
      fc.record(
        {
          event: fc.constant(name),
          streamSid: fc.oneof(fc.constant(sid), fc.jsonValue()),
          [name]: fc.oneof(
            fc.jsonValue(),
            fc.record(
              {
                payload: fc.oneof(fc.base64String(), fc.jsonValue()),
                name: fc.jsonValue(),
                digits: fc.jsonValue(),
                format: fc.record({ encoding: fc.jsonValue(), sampleRate: fc.jsonValue() }, { requiredKeys: [] }),
              },
              { requiredKeys: [] },
            ),
          ),
        },
        { requiredKeys: ['event'] },
      ),
    );
    fc.assert(
      fc.property(message, (value) => survives(JSON.stringify(value))),
      { ...options, numRuns: 3_000 },
    );
  });

  it('survives a valid message with a byte changed', () => {
    const valid = JSON.stringify({ event: 'media', streamSid: sid, media: { payload: 'AAECAwQFBgc=' } });
    const change = fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(change, ([at, code]) =>
        survives(valid.slice(0, at) + String.fromCharCode(code) + valid.slice(at + 1)),
      ),
      { ...options, numRuns: 5_000 },
    );
  });
});
