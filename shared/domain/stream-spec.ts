/**
 * From what was asked of a stream to what it will be: dialect, mode, media format and URL, with every
 * default filled in. One place for TwiML attributes and REST bodies alike (PROTOCOL §2.1, §4.1, §12.1, §14.1).
 */
import type { HttpMethod } from './call.ts';
import type { Dialect } from './dialect.ts';
import type { MediaFormat, StreamMode, StreamSpec, TrackSelection } from './stream.ts';

export type AudioCodec = 'pcm' | 'pcm16' | 'g711_ulaw' | 'pcmu' | 'g711_alaw' | 'pcma';

/** What was asked, each value already well formed; an absent one takes its default. */
export interface StreamWish {
  /** Absolute WebSocket URL as `readStreamUrl` gave it. */
  readonly url: string;
  /** `<Connect>` (two-way) or `<Start>` and REST (one-way). */
  readonly parent: 'connect' | 'start';
  readonly dialect?: Dialect | undefined;
  readonly track?: TrackSelection | undefined;
  readonly audioCodec?: AudioCodec | undefined;
  readonly audioMix?: 'mono' | 'stereo' | undefined;
  readonly sampleRate?: MediaFormat['sampleRate'] | undefined;
  /** `duplex` counts under `<Connect>` only, true under `<Start>` only (AC-6). */
  readonly rawAudio?: boolean | 'duplex' | undefined;
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly statusCallback?: string | null | undefined;
  readonly statusCallbackMethod?: HttpMethod | undefined;
  readonly playbackEvents?: boolean | undefined;
  readonly reconnectMs?: number | undefined;
}

/** A name and its value must stay below this many characters together (PROTOCOL §0 row 28, AC-39). */
export const PARAMETER_LIMIT = 500;
/** Parameters of one stream (PROTOCOL §5). */
export const PARAMETERS_MAX = 99;
/** The longest time to keep trying after a lost socket (PROTOCOL §14.1). */
export const RECONNECT_MAX_MS = 300_000;

/** The stream that was asked for on a call of this dialect, all but its name. */
export function fillStream(wish: StreamWish, callDialect: Dialect): Omit<StreamSpec, 'name'> {
  const dialect = streamDialect(wish, callDialect);
  const track = wish.track ?? 'inbound';
  return {
    url: wish.url,
    mode: streamMode(wish, dialect),
    track,
    mediaFormat: mediaFormat(wish, dialect, track),
    dialect,
    customParameters: wish.parameters ?? {},
    headers: wish.headers ?? {},
    statusCallback: wish.statusCallback ?? null,
    statusCallbackMethod: wish.statusCallbackMethod ?? 'POST',
    playbackEvents: wish.playbackEvents ?? false,
    reconnectMs: wish.reconnectMs ?? 0,
  };
}

/** Asked for by name; else Pivot when it uses what only Pivot has; else the call's (§0 row 2, §12.1). */
export function streamDialect(
  wish: Pick<StreamWish, 'dialect' | 'audioCodec' | 'audioMix' | 'sampleRate' | 'rawAudio'>,
  callDialect: Dialect,
): Dialect {
  if (wish.dialect !== undefined) return wish.dialect;
  const asked = [wish.audioCodec, wish.audioMix, wish.sampleRate, wish.rawAudio];
  return asked.some((value) => value !== undefined) ? 'pivot' : callDialect;
}

function streamMode(wish: StreamWish, dialect: Dialect): StreamMode {
  const raw = dialect === 'pivot' ? wish.rawAudio : false;
  if (wish.parent === 'connect') return raw === 'duplex' ? 'duplex' : 'bidirectional';
  return raw === true ? 'raw' : 'unidirectional';
}

/** Twilio always 8 kHz µ-law; Pivot by codec, where only `pcm` has a rate and a mix (§2.1, AC-3). */
function mediaFormat(wish: StreamWish, dialect: Dialect, track: TrackSelection): MediaFormat {
  if (dialect === 'twilio') return { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };
  switch (wish.audioCodec ?? 'pcm') {
    case 'pcm': {
      const stereo = wish.audioMix === 'stereo' && track === 'both';
      return { encoding: 'audio/L16', sampleRate: wish.sampleRate ?? 8000, channels: stereo ? 2 : 1 };
    }
    case 'pcm16':
      return { encoding: 'audio/L16', sampleRate: 24_000, channels: 1 };
    case 'g711_ulaw':
    case 'pcmu':
      return { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };
    case 'g711_alaw':
    case 'pcma':
      return { encoding: 'audio/x-alaw', sampleRate: 8000, channels: 1 };
  }
}

export type StreamUrl =
  | { readonly kind: 'url'; readonly url: string /** A query or a fragment was dropped. */; readonly stripped: boolean }
  | { readonly kind: 'refused'; readonly code: 31922 | 31923; readonly message: string };

/**
 * Reads an absolute WebSocket URL: ws or wss, query and fragment dropped (§0 row 22).
 * `allowInsecure` is the setting `ALLOW_INSECURE_WS`; without it only wss is taken (AC-37).
 */
export function readStreamUrl(text: string, allowInsecure: boolean): StreamUrl {
  const url = parse(text);
  if (url === null || url.hostname === '') return { kind: 'refused', code: 31923, message: 'invalid websocket url' };
  if (url.protocol !== 'wss:' && !(url.protocol === 'ws:' && allowInsecure)) {
    return { kind: 'refused', code: 31922, message: 'invalid websocket url' };
  }
  const stripped = url.search !== '' || url.hash !== '';
  url.search = '';
  url.hash = '';
  return { kind: 'url', url: url.href, stripped };
}

function parse(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

const handshakeHeaders = /^(?:host|connection|upgrade|content-length|transfer-encoding|te|trailer|expect|sec-.*)$/i;

/** Whether an application may set this header on the upgrade request (§14.1). */
export const isUpgradeHeader = (name: string): boolean =>
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name) && !handshakeHeaders.test(name);
