/** `audioCodec`, `sampleRate`, `audioMix` → what the app receives: PROTOCOL §2.1, §14.1; AC-3, AC-5. For TwiML and REST alike. */
import type { MediaFormat, TrackSelection } from '../../domain/stream.ts';

export interface FormatWish {
  readonly audioCodec: string | null;
  readonly sampleRate: string | number | null;
  readonly audioMix: string | null;
  readonly track: TrackSelection;
}

export interface FormatAnswer {
  readonly format: MediaFormat;
  /** The wishes that could not be met, by attribute name; the default stands instead. */
  readonly refused: readonly { readonly attribute: string; readonly why: string }[];
}

/** Twilio's only format. */
export const TWILIO_FORMAT: MediaFormat = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };

/** Codecs that settle everything themselves. */
const fixed: ReadonlyMap<string, MediaFormat> = new Map([
  ['pcm16', { encoding: 'audio/L16', sampleRate: 24_000, channels: 1 }],
  ['pcmu', TWILIO_FORMAT],
  ['g711_ulaw', TWILIO_FORMAT],
  ['pcma', { encoding: 'audio/x-alaw', sampleRate: 8000, channels: 1 }],
  ['g711_alaw', { encoding: 'audio/x-alaw', sampleRate: 8000, channels: 1 }],
]);

const rates: ReadonlyMap<number, MediaFormat['sampleRate']> = new Map([
  [8000, 8000],
  [16_000, 16_000],
  [24_000, 24_000],
  [32_000, 32_000],
  [48_000, 48_000],
]);

/** Pivot's rules. */
export function mediaFormat(wish: FormatWish): FormatAnswer {
  const codec = wish.audioCodec ?? 'pcm';
  const settled = fixed.get(codec);
  if (settled) return { format: settled, refused: [] };
  const refused: { attribute: string; why: string }[] = [];
  if (codec !== 'pcm')
    refused.push({ attribute: 'audioCodec', why: 'must be pcm, pcm16, g711_ulaw, pcmu, g711_alaw or pcma' });
  const sampleRate = rateOf(wish.sampleRate);
  if (sampleRate === null) refused.push({ attribute: 'sampleRate', why: 'must be 8000, 16000, 24000, 32000 or 48000' });
  const stereo = wish.audioMix === 'stereo';
  if (!stereo && wish.audioMix !== null && wish.audioMix !== 'mono') {
    refused.push({ attribute: 'audioMix', why: 'must be mono or stereo' });
  }
  if (stereo && wish.track !== 'both') refused.push({ attribute: 'audioMix', why: 'stereo needs track both_tracks' });
  const channels = stereo && wish.track === 'both' ? 2 : 1;
  return { format: { encoding: 'audio/L16', sampleRate: sampleRate ?? 8000, channels }, refused };
}

/** `16000`, `16k`; the default when absent, null when it cannot be had. */
function rateOf(wish: string | number | null): MediaFormat['sampleRate'] | null {
  if (wish === null) return 8000;
  const match = /^\s*(\d{1,6})(k?)\s*$/i.exec(String(wish));
  if (match === null) return null;
  return rates.get(Number(match[1]) * (match[2] === '' ? 1 : 1000)) ?? null;
}
