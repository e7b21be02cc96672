/**
 * Messages to the app as JSON text: PROTOCOL §2.4, §4.2 and our fields and events of §14.2–§14.4.
 * Pure. All counters are JSON strings in both dialects (AC-40). The media message is put together by hand,
 * because it is built fifty times a second for every track and consists of known, harmless characters.
 */
import type { MediaFormat, StreamSpec, TrackSelection } from '../../../shared/domain/stream.ts';

export type TrackLabel = 'inbound' | 'outbound' | 'both';

/** Everything but `media`. The writer adds `sequenceNumber`. */
export type ControlMessage =
  | { readonly event: 'start'; readonly start: Readonly<Record<string, unknown>>; readonly streamName?: string }
  | { readonly event: 'dtmf'; readonly dtmf: { readonly track: 'inbound_track'; readonly digit: string } }
  | {
      readonly event: 'mark';
      readonly mark: { readonly name: string; readonly playedMs: number; readonly cleared: boolean };
    }
  | { readonly event: 'stop'; readonly stop: Readonly<Record<string, unknown>> }
  | {
      readonly event: 'cleared';
      readonly cleared: { readonly playedMs: number; readonly droppedMs: number; readonly marks: readonly string[] };
    }
  | {
      readonly event: 'gap';
      readonly gap: {
        readonly track: TrackLabel;
        readonly fromMs: number;
        readonly durationMs: number;
        readonly reason: string;
      };
    }
  | { readonly event: 'pressure'; readonly pressure: { readonly state: 'high' | 'ok'; readonly bufferedMs: number } }
  | {
      readonly event: 'status';
      readonly status: {
        readonly bufferedMs: number;
        readonly playedMs: number;
        readonly underruns: number;
        readonly droppedMs: number;
      };
    };

/** What `start` tells about the call. */
export interface CallFacts {
  readonly accountSid: string;
  readonly callSid: string;
  readonly from: string;
  readonly to: string;
  readonly direction: string;
}

/** Always the first message of a socket. */
export const CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}';

/** Bytes of one 20 ms frame on one track. */
export function frameBytes({ encoding, sampleRate, channels }: MediaFormat): number {
  return (sampleRate / 50) * channels * (encoding === 'audio/L16' ? 2 : 1);
}

/** `start` as the dialect has it, with our extra fields. `reconnected` on every socket but the first. */
export function startMessage(
  streamSid: string,
  spec: StreamSpec,
  track: TrackSelection,
  call: CallFacts,
  reconnected: boolean,
): ControlMessage {
  const { mediaFormat } = spec;
  const start = {
    accountSid: call.accountSid,
    streamSid,
    callSid: call.callSid,
    tracks: track === 'both' ? ['inbound', 'outbound'] : [track],
    mediaFormat: {
      encoding: mediaFormat.encoding,
      sampleRate: mediaFormat.sampleRate,
      channels: mediaFormat.channels,
      ...(mediaFormat.encoding === 'audio/L16' ? { endianness: 'little' } : {}),
      frameBytes: frameBytes(mediaFormat),
    },
    customParameters: spec.customParameters,
    from: call.from,
    to: call.to,
    direction: call.direction,
    ...(reconnected ? { reconnected: true } : {}),
  };
  return spec.dialect === 'pivot' ? { event: 'start', start, streamName: spec.name } : { event: 'start', start };
}

export function stopMessage(call: CallFacts, reason: string, playedMs: number): ControlMessage {
  return { event: 'stop', stop: { accountSid: call.accountSid, callSid: call.callSid, reason, playedMs } };
}

/** Any message but media, with its number. */
export function encodeControl(message: ControlMessage, sequence: number, streamSid: string): string {
  const { event, ...rest } = message;
  return JSON.stringify({ event, sequenceNumber: String(sequence), streamSid, ...rest });
}

/**
 * A media message. `payload` is base64; `timestampMs` counts the audio since the stream began.
 * The sid is ours, so nothing here needs escaping.
 */
export function encodeMedia(
  sequence: number,
  streamSid: string,
  track: TrackLabel,
  chunk: number,
  timestampMs: number,
  payload: string,
): string {
  return `{"event":"media","sequenceNumber":"${sequence}","streamSid":"${streamSid}","media":{"track":"${track}","chunk":"${chunk}","timestamp":"${timestampMs}","payload":"${payload}"}}`;
}
