/** Bodies and the resource of /calls/:sid/streams: PROTOCOL §2.1, §14.1, §14.6. */
import { isUpgradeHeader, PARAMETER_LIMIT, PARAMETERS_MAX } from '../../shared/domain/stream-spec.ts';
import { askedTrack, cursor, dialect, headerText, httpMethod, httpUrl, limit, page, time, track } from './fields.ts';
import { z } from './zod.ts';

const counter = z.number().nonnegative();

export const streamResource = z
  .strictObject({
    sid: z.string(),
    callSid: z.string(),
    name: z.string(),
    mode: z.enum(['unidirectional', 'bidirectional', 'raw', 'duplex']),
    url: z.string().openapi({ description: 'Without credentials.' }),
    track,
    status: z.enum(['connecting', 'in-progress', 'paused', 'reconnecting', 'stopped', 'failed']),
    mediaFormat: z.strictObject({
      encoding: z.enum(['audio/L16', 'audio/x-mulaw', 'audio/x-alaw']),
      sampleRate: z.number().int(),
      channels: z.number().int(),
    }),
    customParameters: z.record(z.string(), z.string()),
    dialect,
    startedAt: time,
    stoppedAt: time,
    reason: z.string().nullable(),
    error: z.strictObject({ code: z.number().int(), message: z.string() }).nullable(),
    counters: z.strictObject({
      framesSent: counter,
      bytesSent: counter,
      framesDropped: counter,
      messagesReceived: counter,
      bytesReceived: counter,
      bufferedMs: counter,
      playedMs: counter,
      droppedMs: counter,
      underruns: counter,
      reconnects: counter,
    }),
  })
  .openapi('Stream');

export type StreamResource = z.output<typeof streamResource>;

export const streamPage = page(streamResource).openapi('StreamPage');

const parameters = z.record(z.string().min(1), z.string()).superRefine((map, context) => {
  const entries = Object.entries(map);
  if (entries.length > PARAMETERS_MAX) {
    context.addIssue({ code: 'custom', path: [], message: `at most ${PARAMETERS_MAX} parameters` });
  }
  for (const [name, value] of entries) {
    if (name.length + value.length >= PARAMETER_LIMIT) {
      const message = `name and value together must be shorter than ${PARAMETER_LIMIT} characters`;
      context.addIssue({ code: 'custom', path: [name], message });
    }
  }
});

const upgradeHeaders = z
  .record(z.string().refine(isUpgradeHeader, 'a header of the handshake itself, or not a header name'), headerText)
  .refine((headers) => Object.keys(headers).length <= 32, 'at most 32 headers');

/** Absolute ws or wss URL; which of the two is allowed is decided by the setting. */
export const streamUrl = z.string().min(1).max(2048).openapi({ format: 'uri', example: 'wss://app.example/audio' });

export const startStream = z
  .strictObject({
    url: streamUrl,
    track: askedTrack.optional(),
    audioCodec: z.enum(['pcm', 'pcm16', 'g711_ulaw', 'pcmu', 'g711_alaw', 'pcma']).optional(),
    audioMix: z.enum(['mono', 'stereo']).optional(),
    sampleRate: z
      .union([z.literal(8000), z.literal(16_000), z.literal(24_000), z.literal(32_000), z.literal(48_000)])
      .optional(),
    rawAudio: z.boolean().optional(),
    parameters: parameters.optional(),
    headers: upgradeHeaders.optional(),
    statusCallback: httpUrl.optional(),
    statusCallbackMethod: httpMethod.optional(),
    dialect: dialect.optional(),
    playbackEvents: z.boolean().optional(),
    reconnect: z.number().min(0).max(300).optional().openapi({ description: 'Seconds to keep trying; 0.' }),
  })
  .superRefine((body, context) => {
    if (body.dialect !== 'twilio') return;
    for (const name of ['audioCodec', 'audioMix', 'sampleRate', 'rawAudio'] as const) {
      if (body[name] !== undefined) {
        context.addIssue({ code: 'custom', path: [name], message: 'does not exist in the twilio dialect' });
      }
    }
  })
  .openapi('StartStream');

export type StartStream = z.output<typeof startStream>;

export const streamChange = z
  .strictObject({ paused: z.boolean().optional(), track: askedTrack.optional(), url: streamUrl.optional() })
  .refine((body) => Object.values(body).some((value) => value !== undefined), 'at least one of paused, track and url')
  .openapi('ChangeStream');

export const listStreams = z.strictObject({ limit, cursor });

/** The name of a stream in a path: what a URL can carry, and nothing that reads as a sid. */
export const streamName = z
  .string()
  .regex(/^[^\p{Cc}]{1,128}$/u, 'one line of 1 to 128 characters')
  .refine((text) => !/^MZ[0-9a-f]{32}$/.test(text), 'a name must not look like a sid');
