/**
 * `<Stream>` in Start and Connect: PROTOCOL §2.1, §4.1, §12.1, §14.1; AC-3…AC-6, AC-37…AC-39.
 * Attributes become a wish here; `shared/domain/stream-spec.ts` fills in the rest, as it does for REST.
 */
import type { Dialect } from '../../domain/dialect.ts';
import type { MediaFormat, StreamError, TrackSelection } from '../../domain/stream.ts';
import {
  type AudioCodec,
  fillStream,
  PARAMETERS_MAX,
  type StreamWish,
  streamDialect,
} from '../../domain/stream-spec.ts';
import { redactUrl } from '../../kernel/redact.ts';
import { Attributes } from '../attributes.ts';
import { onlyElements } from '../content.ts';
import type { StreamNoun } from '../document.ts';
import type { RawElement } from '../element.ts';
import { codes, type Reading } from '../reading.ts';
import { readHeader } from './header.ts';
import { readParameter } from './parameter.ts';
import { type ResolvedStreamUrl, resolveStreamUrl } from './stream-url.ts';

type Parent = 'Start' | 'Connect';

const codecs: readonly AudioCodec[] = ['pcm', 'pcm16', 'g711_ulaw', 'pcmu', 'g711_alaw', 'pcma'];

const tracks: ReadonlyMap<string, TrackSelection> = new Map([
  ['inbound_track', 'inbound'],
  ['outbound_track', 'outbound'],
  ['both_tracks', 'both'],
]);

const rates: ReadonlyMap<number, MediaFormat['sampleRate']> = new Map([
  [8000, 8000],
  [16_000, 16_000],
  [24_000, 24_000],
  [32_000, 32_000],
  [48_000, 48_000],
]);

/** Never refuses: a stream that cannot start carries its fault and fails in its turn. */
export function readStream(element: RawElement, parent: Parent, reading: Reading): StreamNoun {
  const attributes = new Attributes(element, reading);
  const sound = soundOf(attributes, parent);
  const asked = attributes.oneOf('dialect', ['pivot', 'twilio'], undefined);
  const usesId = element.attributes.some(([name]) => name === 'id');
  const dialect = asked ?? (usesId ? 'pivot' : streamDialect(sound, reading.dialect));
  const { track, fault } = trackOf(attributes, parent, dialect);
  const address = addressOf(attributes, dialect, reading);
  const name = attributes.word('name');
  const wish: StreamWish = {
    ...sound,
    ...childrenOf(element, reading),
    url: address.kind === 'url' ? address.url : '',
    parent: parent === 'Start' ? 'start' : 'connect',
    dialect,
    track,
    statusCallback: attributes.httpUrl('statusCallback'),
    statusCallbackMethod: attributes.method('statusCallbackMethod', 'POST'),
    playbackEvents: attributes.flag('playbackEvents', false),
    reconnectMs: attributes.integer('reconnect', { min: 0, max: 300, otherwise: 0 }) * 1000,
  };
  attributes.ignore('id', 'connectorName');
  attributes.done();
  if (sound.audioMix === 'stereo' && (sound.audioCodec ?? 'pcm') === 'pcm' && track !== 'both') {
    attributes.warn('audioMix', codes.schema, 'stereo needs both_tracks; the stream is mono');
  }
  if (address.kind === 'url' && address.stripped && dialect === 'twilio') {
    attributes.warn('url', codes.schema, 'has a query, which is not sent; use Parameter');
  }
  return { ...fillStream(wish, reading.dialect), name, fault: address.kind === 'fault' ? address.fault : fault };
}

/** A URL that leads nowhere is said at once, as its stream will fail: AC-37. */
function addressOf(attributes: Attributes, dialect: Dialect, reading: Reading): ResolvedStreamUrl {
  const { baseUrl, allowInsecureWs } = reading;
  const text = attributes.word('url');
  const address = resolveStreamUrl(text, { dialect, baseUrl, allowInsecureWs });
  if (address.kind === 'fault') {
    const schemes = dialect === 'pivot' || allowInsecureWs ? 'wss:// or ws://' : 'wss://';
    const given = text !== null && URL.canParse(text) ? `${redactUrl(text)} ` : text === null ? 'is missing and ' : '';
    attributes.warn('url', address.fault.code, `${given}must be ${schemes}; the stream fails`);
  }
  return address;
}

const anyOf = (words: readonly string[]): string => (words.length === 1 ? `${words[0]}` : `one of ${words.join(', ')}`);

/** An unknown track is inbound in Pivot; in Twilio it fails the stream, as anything but inbound under Connect does. */
function trackOf(
  attributes: Attributes,
  parent: Parent,
  dialect: Dialect,
): { readonly track: TrackSelection; readonly fault: StreamError | null } {
  const text = attributes.word('track') ?? 'inbound_track';
  const track = tracks.get(text);
  if (dialect === 'twilio') {
    if (track !== undefined && (parent === 'Start' || track === 'inbound')) return { track, fault: null };
    const words = parent === 'Start' ? [...tracks.keys()] : ['inbound_track'];
    attributes.warn('track', 31_941, `must be ${anyOf(words)} in ${parent}; the stream fails`);
    return { track: track ?? 'inbound', fault: { code: 31_941, message: `invalid track ${text}` } };
  }
  if (track === undefined) attributes.warn('track', codes.schema, `must be one of ${[...tracks.keys()].join(', ')}`);
  return { track: track ?? 'inbound', fault: null };
}

/** A present attribute with a bad value still makes the stream Pivot's, so it becomes the default and not nothing. */
function soundOf(
  attributes: Attributes,
  parent: Parent,
): Pick<StreamWish, 'audioCodec' | 'audioMix' | 'sampleRate' | 'rawAudio'> {
  const has = (name: string): boolean => attributes.text(name) !== null;
  return {
    audioCodec: attributes.oneOf('audioCodec', codecs, has('audioCodec') ? 'pcm' : undefined),
    audioMix: attributes.oneOf('audioMix', ['mono', 'stereo'], has('audioMix') ? 'mono' : undefined),
    sampleRate: rateOf(attributes),
    rawAudio: has('rawAudio') ? rawOf(attributes, parent) : undefined,
  };
}

/** `16000` or `16k`; what cannot be had is 8000 with a warning (AC-5). */
function rateOf(attributes: Attributes): MediaFormat['sampleRate'] | undefined {
  const text = attributes.text('sampleRate');
  if (text === null) return undefined;
  const match = /^\s*(\d{1,6})(k?)\s*$/i.exec(text);
  const rate = match ? rates.get(Number(match[1]) * (match[2] === '' ? 1 : 1000)) : undefined;
  if (rate === undefined) {
    attributes.warn('sampleRate', codes.schema, `must be one of ${[...rates.keys()].join(', ')}`);
  }
  return rate ?? 8000;
}

/** `true` is for Start and `duplex` for Connect; elsewhere the stream is JSON, with a warning (AC-6). */
function rawOf(attributes: Attributes, parent: Parent): boolean | 'duplex' {
  const raw = attributes.oneOf('rawAudio', ['true', 'false', 'duplex'], 'false');
  if (raw === 'false') return false;
  if (raw === 'true' && parent === 'Start') return true;
  if (raw === 'duplex' && parent === 'Connect') return 'duplex';
  attributes.warn('rawAudio', codes.schema, `${raw} has no effect in ${parent}`);
  return false;
}

function childrenOf(element: RawElement, reading: Reading): Pick<StreamWish, 'parameters' | 'headers'> {
  const parameters = new Map<string, string>();
  const headers = new Map<string, string>();
  for (const child of onlyElements(element, reading)) {
    if (child.name === 'Parameter') keep(parameters, readParameter(child, reading));
    else if (child.name === 'Header') keep(headers, readHeader(child, reading));
    else reading.warn(child, codes.schema, `${child.name} is not allowed in Stream`);
  }
  if (parameters.size > PARAMETERS_MAX) {
    reading.warn(element, codes.schema, `only the first ${PARAMETERS_MAX} Parameters are sent`);
  }
  return {
    parameters: Object.fromEntries([...parameters].slice(0, PARAMETERS_MAX)),
    headers: Object.fromEntries(headers),
  };
}

function keep(map: Map<string, string>, pair: readonly [string, string] | null): void {
  if (pair !== null) map.set(...pair);
}
