/** `<Stream>` in Start and Connect: PROTOCOL §2.1, §4.1, §12.1, §14.1; AC-3…AC-6, AC-37…AC-39. */

import type { Dialect } from '../../domain/dialect.ts';
import type { MediaFormat, StreamError, StreamMode, TrackSelection } from '../../domain/stream.ts';
import { Attributes } from '../attributes.ts';
import { onlyElements } from '../content.ts';
import type { StreamNoun } from '../document.ts';
import type { RawElement } from '../element.ts';
import { codes, type Reading } from '../reading.ts';
import { readHeader } from './header.ts';
import { mediaFormat, TWILIO_FORMAT } from './media-format.ts';
import { readParameter } from './parameter.ts';
import { streamUrl } from './stream-url.ts';

type Parent = 'Start' | 'Connect';

/** Attributes whose presence makes a stream Pivot's, whatever the call says (§12.1). */
const pivotOnly: readonly string[] = ['audioCodec', 'audioMix', 'sampleRate', 'rawAudio', 'id'];

const tracks = { inbound_track: 'inbound', outbound_track: 'outbound', both_tracks: 'both' } as const satisfies Record<
  string,
  TrackSelection
>;

/** Never refuses: a stream that cannot start carries its fault and fails in its turn. */
export function readStream(element: RawElement, parent: Parent, reading: Reading): StreamNoun {
  const attributes = new Attributes(element, reading);
  const dialect = dialectOf(element, attributes, reading);
  const address = streamUrl(attributes.word('url'), {
    dialect,
    baseUrl: reading.baseUrl,
    allowInsecureWs: reading.allowInsecureWs,
  });
  const track = trackOf(attributes, parent, dialect);
  const mode = modeOf(attributes, parent, dialect);
  const format = formatOf(attributes, dialect, track.track);
  const noun = {
    name: attributes.word('name'),
    mode,
    track: track.track,
    mediaFormat: format,
    dialect,
    statusCallback: attributes.httpUrl('statusCallback'),
    statusCallbackMethod: attributes.method('statusCallbackMethod', 'POST'),
    playbackEvents: attributes.flag('playbackEvents', false),
    reconnectMs: attributes.integer('reconnect', { min: 0, max: 300, otherwise: 0 }) * 1000,
  };
  attributes.ignore('id', 'connectorName');
  attributes.done();
  if (address.kind === 'url' && address.stripped && dialect === 'twilio') {
    reading.warn(element, codes.schema, 'the query of the URL is not sent; use Parameter', 'url');
  }
  const fault = address.kind === 'fault' ? address.fault : track.fault;
  return { ...noun, ...childrenOf(element, reading), url: address.kind === 'url' ? address.url : '', fault };
}

function dialectOf(element: RawElement, attributes: Attributes, reading: Reading): Dialect {
  const implied = element.attributes.some(([name]) => pivotOnly.includes(name)) ? 'pivot' : reading.dialect;
  return attributes.oneOf('dialect', ['pivot', 'twilio'], implied);
}

/** An unknown track is inbound in Pivot; in Twilio it fails the stream, as anything but inbound under Connect does. */
function trackOf(
  attributes: Attributes,
  parent: Parent,
  dialect: Dialect,
): { readonly track: TrackSelection; readonly fault: StreamError | null } {
  const text = attributes.word('track') ?? 'inbound_track';
  const track = Object.entries(tracks).find(([name]) => name === text)?.[1];
  if (dialect === 'twilio') {
    const allowed = track !== undefined && (parent === 'Start' || track === 'inbound');
    return { track: track ?? 'inbound', fault: allowed ? null : { code: 31_941, message: `invalid track ${text}` } };
  }
  if (track === undefined) attributes.warn('track', codes.schema, `must be one of ${Object.keys(tracks).join(', ')}`);
  return { track: track ?? 'inbound', fault: null };
}

/** `rawAudio="true"` is for Start and `duplex` for Connect; elsewhere the stream is JSON, with a warning (AC-6). */
function modeOf(attributes: Attributes, parent: Parent, dialect: Dialect): StreamMode {
  const json: StreamMode = parent === 'Start' ? 'unidirectional' : 'bidirectional';
  if (dialect === 'twilio') return json;
  const raw = attributes.oneOf('rawAudio', ['true', 'false', 'duplex'], 'false');
  if (raw === 'false') return json;
  if (raw === 'true' && parent === 'Start') return 'raw';
  if (raw === 'duplex' && parent === 'Connect') return 'duplex';
  attributes.warn('rawAudio', codes.schema, `${raw} has no effect in ${parent}`);
  return json;
}

function formatOf(attributes: Attributes, dialect: Dialect, track: TrackSelection): MediaFormat {
  if (dialect === 'twilio') return TWILIO_FORMAT;
  const { format, refused } = mediaFormat({
    audioCodec: attributes.word('audioCodec'),
    sampleRate: attributes.word('sampleRate'),
    audioMix: attributes.word('audioMix'),
    track,
  });
  for (const { attribute, why } of refused) attributes.warn(attribute, codes.schema, why);
  return format;
}

function childrenOf(element: RawElement, reading: Reading): Pick<StreamNoun, 'customParameters' | 'headers'> {
  const customParameters = new Map<string, string>();
  const headers = new Map<string, string>();
  for (const child of onlyElements(element, reading)) {
    if (child.name === 'Parameter') keep(customParameters, readParameter(child, reading));
    else if (child.name === 'Header') keep(headers, readHeader(child, reading));
    else reading.warn(child, codes.schema, `${child.name} is not allowed in Stream`);
  }
  return { customParameters: Object.fromEntries(customParameters), headers: Object.fromEntries(headers) };
}

function keep(map: Map<string, string>, pair: readonly [string, string] | null): void {
  if (pair !== null) map.set(...pair);
}
