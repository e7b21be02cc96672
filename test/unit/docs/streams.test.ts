/** docs/streams.md against the code of the wire: messages through encoder and decoder, tables against their sources. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { MAX_STREAMS_PER_CALL, type MediaFormat, type StreamSpec } from '../../../shared/domain/stream.ts';
import { fillStream, PARAMETER_LIMIT, PARAMETERS_MAX, readStreamUrl } from '../../../shared/domain/stream-spec.ts';
import { signatureHeaders } from '../../../shared/net/signature.ts';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';
import { MAX_MESSAGE_BYTES } from '../../../worker/sockets/open-web-socket.ts';
import { MAX_MISSED_PONGS, PING_EVERY_MS, PONG_WITHIN_MS } from '../../../worker/stream/connection.ts';
import { failures, warnings } from '../../../worker/stream/failure.ts';
import { decodeMessage, MAX_MARK_NAME } from '../../../worker/stream/messages/decode.ts';
import {
  CONNECTED,
  encodeControl,
  encodeMedia,
  frameBytes,
  startMessage,
} from '../../../worker/stream/messages/encode.ts';
import { CONNECT_HOLD_MS, HOLD_MS } from '../../../worker/stream/session.ts';
import { type Block, readPage, rowsOf } from '../../support/markdown.ts';

const page = readPage('docs/streams.md');
const SID = 'MZ7d0f4c1b2a3948576655443322110f0e';
const examples = (section: string): Block[] =>
  page.blocks.filter((block) => block.language === 'json' && block.section === section);

/** Examples are looked into freely. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of the page, compared as a whole.
type Message = any;

/** Names and types, however deep; what a list holds is told by its first item. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shapeOf(field)]));
}

/** The golden vectors are what the encoder writes: a test of its own holds them to it. */
const golden = new Map<string, Message>(
  readdirSync('test/vectors/stream/to-app').map((name) => {
    const message = JSON.parse(readFileSync(`test/vectors/stream/to-app/${name}`, 'utf8'));
    return [message.event, message];
  }),
);

/** What the encoder writes for the facts in an example of `start`. */
function startAgain({ sequenceNumber, streamSid, streamName, start }: Message): Message {
  const { encoding, sampleRate, channels } = start.mediaFormat;
  const mediaFormat: MediaFormat = { encoding, sampleRate, channels };
  const spec: StreamSpec = {
    ...fillStream({ url: 'wss://app.example/', parent: 'start' }, streamName === undefined ? 'twilio' : 'pivot'),
    name: streamName ?? SID,
    mediaFormat,
    customParameters: start.customParameters,
  };
  const track = start.tracks.length === 2 ? 'both' : start.tracks[0];
  const message = startMessage(streamSid, spec, track, start, start.reconnected === true);
  return JSON.parse(encodeControl(message, Number(sequenceNumber), streamSid));
}

function mediaAgain({ sequenceNumber, streamSid, media }: Message): Message {
  const { track, chunk, timestamp, payload } = media;
  return JSON.parse(encodeMedia(Number(sequenceNumber), streamSid, track, Number(chunk), Number(timestamp), payload));
}

describe('messages to the app', () => {
  const shown = examples('Messages to the app');

  it('are all shown', () => {
    const events = new Set(shown.map(({ text }) => JSON.parse(text).event));
    assert.deepEqual([...events].sort(), [...golden.keys()].sort());
  });

  for (const { text, place } of shown) {
    const example: Message = JSON.parse(text);
    it(`are as the encoder writes them: ${example.event}, ${place}`, () => {
      if (example.event === 'connected') assert.deepEqual(example, JSON.parse(CONNECTED));
      else if (example.event === 'start') assert.deepEqual(example, startAgain(example));
      else if (example.event === 'media') assert.deepEqual(example, mediaAgain(example));
      else assert.deepEqual(shapeOf(example), shapeOf(golden.get(example.event)));
    });
  }
});

describe('messages from the app', () => {
  const shown = examples('Messages from the app');

  it('are all shown', () => {
    const events = new Set(shown.map(({ text }) => JSON.parse(text).event));
    assert.deepEqual([...events].sort(), ['clear', 'dtmf', 'hangup', 'mark', 'media', 'status']);
  });

  for (const { text, place } of shown) {
    const { event, media, mark, dtmf }: Message = JSON.parse(text);
    it(`are understood in both dialects: ${event}, ${place}`, () => {
      for (const dialect of ['pivot', 'twilio'] as const) {
        const { payload, format, ...decoded }: Message = decodeMessage(text, SID, dialect);
        assert.deepEqual(decoded, { event, ...mark, ...dtmf });
        assert.equal(payload?.toString('base64'), media?.payload);
        assert.equal(format?.encoding, media?.format?.encoding.toLowerCase());
      }
    });
  }
});

describe('tables of streams', () => {
  const parser = openTwimlParser();
  after(() => parser.close());
  const header = (rows: readonly (readonly string[])[], name: string) => rows.findIndex(([first]) => first === name);

  it('list the attributes the parser knows, and no other', async () => {
    const rows = rowsOf(page, 'Starting one');
    const listed = rows.slice(header(rows, 'attribute') + 1).map(([name = '']) => name);
    const source = readFileSync('shared/twiml/nouns/stream.ts', 'utf8');
    assert.ok(listed.length > 10);
    for (const name of listed) {
      const twiml = `<Response><Start><Stream url="wss://app.example/" ${name === 'url' ? '' : `${name}=""`}/></Start></Response>`;
      const parsed = await parser.parse(twiml, { dialect: 'pivot', baseUrl: null });
      assert.equal(parsed.kind, 'document');
      const unknown =
        parsed.kind === 'document' ? parsed.warnings.filter(({ message }) => /unknown/.test(message)) : [];
      assert.deepEqual(unknown, [], name);
    }
    const asked = [...source.matchAll(/attributes\.(?:text|word|oneOf|httpUrl|method|flag|integer)\('(\w+)'/g)];
    for (const [, name = ''] of asked) assert.ok(listed.includes(name), `${name} is listed`);
  });

  it('list the bytes of a frame', () => {
    const rows = rowsOf(page, 'Audio');
    const bytes = (encoding: MediaFormat['encoding'], sampleRate: MediaFormat['sampleRate']) =>
      frameBytes({ encoding, sampleRate, channels: 1 });
    const [, mulaw, alaw, pcm, , pcm16] = rows;
    assert.equal(mulaw?.[4], String(bytes('audio/x-mulaw', 8000)));
    assert.equal(alaw?.[4], String(bytes('audio/x-alaw', 8000)));
    const rates = [8000, 16_000, 24_000, 32_000, 48_000] as const;
    assert.equal(pcm?.[2], rates.join(' '));
    assert.equal(pcm?.[4], rates.map((rate) => bytes('audio/L16', rate)).join(' '));
    assert.equal(pcm16?.[4], String(bytes('audio/L16', 24_000)));
  });

  it('list every code there is, and no other', () => {
    const sources = [
      'worker/stream/failure.ts',
      'worker/call/streams.ts',
      'shared/domain/stream-spec.ts',
      'shared/twiml/nouns/stream.ts',
      'shared/twiml/nouns/stream-url.ts',
    ];
    const inCode = sources.flatMap((file) => readFileSync(file, 'utf8').match(/\b31_?9\d\d\b/g) ?? []);
    const rows = rowsOf(page, 'Errors and warnings').slice(1);
    const codes = [...new Set(inCode.map((code) => code.replace('_', '')))].sort();
    assert.deepEqual(
      rows.map(([code]) => code),
      codes,
    );
    const warned = new Set(Object.values(warnings).map(({ code }) => String(code)));
    for (const [code = '', severity] of rows) assert.equal(severity, warned.has(code) ? 'warning' : 'error', code);
  });

  it('quote the sentences of errors as they are', () => {
    for (const sentence of [failures.connectTimeout.message, failures.upgradeTimeout.message]) {
      assert.ok(page.text.includes(`\`${sentence}\``), sentence);
    }
  });

  it('list the limits the code has', () => {
    const limits = new Map(rowsOf(page, 'Limits').map(([what = '', most = '']) => [what, most]));
    const expected = {
      'live streams of a call': `${MAX_STREAMS_PER_CALL}, one of them two-way`,
      '<Parameter>': `${PARAMETERS_MAX}; name and value together under ${PARAMETER_LIMIT} characters`,
      'message from you': `${MAX_MESSAGE_BYTES / 2 ** 20} MiB; `,
      'name of a mark': `${MAX_MARK_NAME} characters`,
      'audio for you that waits': `${HOLD_MS / 1000} s, ${CONNECT_HOLD_MS / 1000} s while connecting`,
      ping: `every ${PING_EVERY_MS / 1000} s, and again when there is no pong within ${PONG_WITHIN_MS / 1000} s; after ${MAX_MISSED_PONGS} without`,
    };
    for (const [what, most] of Object.entries(expected)) assert.ok(limits.get(what)?.startsWith(most), what);
  });
});

describe('the signature example', () => {
  it('accepts what we sign, and nothing else', async () => {
    const example = page.blocks.find((block) => block.language === 'js');
    assert.ok(example);
    const { isSigned } = await import(`data:text/javascript,${encodeURIComponent(example.text)}`);
    const now = 1_700_000_000_000;
    const read = readStreamUrl('wss://App.example:443?x=1', false);
    assert.ok(read.kind === 'url');
    assert.equal(read.url, 'wss://app.example/');
    const signed = signatureHeaders('token', { url: read.url }, now);
    const headers = { 'x-pivot-signature': signed['X-Pivot-Signature'] };
    assert.equal(isSigned(headers, read.url, '', 'token', now), true);
    assert.equal(isSigned(headers, read.url, '', 'another', now), false);
    assert.equal(isSigned(headers, 'wss://app.example/other', '', 'token', now), false);
    assert.equal(isSigned(headers, read.url, 'x', 'token', now), false);
    assert.equal(isSigned(headers, read.url, '', 'token', now + 301_000), false);
    assert.equal(isSigned({}, read.url, '', 'token', now), false);
  });
});
