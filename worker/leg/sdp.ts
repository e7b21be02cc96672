/**
 * Offer and answer (RFC 3264) for one audio stream of G.711 or G.722 with telephone-event, as pure functions.
 * Everything else that is offered is declined with port 0, in its place. Hold is understood in all its
 * dialects: `sendonly`, `inactive`, and the old `c=0.0.0.0` (RFC 2543).
 */
import { isIP } from 'node:net';
import { type MediaDescription, parse, type SessionDescription, write } from 'sdp-transform';
import type { MediaAddress } from '../rtp/latch.ts';
import type { RtpFormats } from '../rtp/session.ts';

export type AudioName = 'PCMU' | 'PCMA' | 'G722';
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** Our side, as it goes into a description. */
export interface LocalAudio {
  /** What the far end is told; IPv4 or IPv6. */
  readonly address: string;
  readonly port: number;
  /** In order of preference. */
  readonly codecs: readonly AudioName[];
  readonly telephoneEvent: boolean;
  /** `o=`: the same for the whole dialog; the version grows with each change. */
  readonly session: number;
  readonly version: number;
  /** What we want: anything but `sendrecv` is a hold of ours. */
  readonly direction: Direction;
}

/** What both sides said together. */
export interface Agreement {
  readonly remote: MediaAddress;
  /** `a=rtcp` (RFC 3605); null for the next port. */
  readonly remoteRtcp: MediaAddress | null;
  /** What we send. */
  readonly codec: AudioName;
  readonly payloadType: number;
  /** What may come, by payload type. */
  readonly receive: ReadonlyMap<number, AudioName>;
  readonly telephoneEvent: RtpFormats['telephoneEvent'];
  /** Ours, after both wishes. */
  readonly direction: Direction;
  /** The far end does not want our audio: it put us on hold. */
  readonly held: boolean;
}

/** An expected failure: nothing in common, or no description at all. */
export interface Disagreement {
  readonly ok: false;
  readonly sipCode: number;
  readonly reason: string;
}

export type Agreed = { readonly ok: true; readonly agreement: Agreement };
export type Answered = Agreed & { readonly sdp: string };

const SDP_MAX_BYTES = 16_384;
/** Of everything we speak; for G.722 by a mistake that became the rule (RFC 3551 §4.5.2). */
const CLOCK_RATE = 8000;
/** The payload type we offer for telephone-event. */
const TELEPHONE_EVENT = 101;
/** RFC 3551 table 4. */
const staticTypes: Readonly<Record<AudioName, number>> = { PCMU: 0, PCMA: 8, G722: 9 };
const staticNames: ReadonlyMap<number, string> = new Map(
  Object.entries(staticTypes).map(([name, payload]) => [payload, name]),
);

const disagree = (sipCode: number, reason: string): Disagreement => ({ ok: false, sipCode, reason });

/** Our offer. */
export function makeOffer(local: LocalAudio): string {
  const formats: Format[] = local.codecs.map((name) => ({ payload: staticTypes[name], codec: name }));
  if (local.telephoneEvent) formats.push({ payload: TELEPHONE_EVENT, codec: 'telephone-event' });
  return write(describe(local, [audioLine(local, formats, local.direction)]));
}

/** What we must understand between our offer and its answer. */
export const offeredFormats = (local: LocalAudio): RtpFormats => ({
  audio: local.codecs.map((name) => staticTypes[name]),
  telephoneEvent: local.telephoneEvent
    ? { receive: TELEPHONE_EVENT, send: TELEPHONE_EVENT, clockRate: CLOCK_RATE }
    : null,
});

/** Our answer to an offer, keeping its order of codecs and its payload types. */
export function answerOffer(offer: string, local: LocalAudio): Answered | Disagreement {
  const session = read(offer);
  if (session === null) return disagree(400, 'Bad session description');
  const chosen = session.media.findIndex((media) => isUsable(media) && common(media, local).length > 0);
  const media = session.media[chosen];
  if (media === undefined) return disagree(488, 'No codec in common');
  const agreement = agree(session, media, common(media, local), local, null);
  if (agreement === null) return disagree(488, 'No usable address');
  const lines = session.media.map((line, index) =>
    index === chosen ? audioLine(local, answerFormats(media, local, agreement), agreement.direction) : declined(line),
  );
  return { ok: true, sdp: write(describe(local, lines)), agreement };
}

/** What the answer to our offer means. */
export function acceptAnswer(answer: string, local: LocalAudio): Agreed | Disagreement {
  const session = read(answer);
  if (session === null) return disagree(400, 'Bad session description');
  const media = session.media[0];
  if (media === undefined || !isUsable(media)) return disagree(488, 'The audio was declined');
  const formats = common(media, local);
  if (formats.length === 0) return disagree(488, 'No codec in common');
  const agreement = agree(session, media, formats, local, offeredFormats(local));
  return agreement === null ? disagree(488, 'No usable address') : { ok: true, agreement };
}

interface Format {
  readonly payload: number;
  readonly codec: string;
}

function read(text: string): SessionDescription | null {
  if (text.length > SDP_MAX_BYTES || !/^v=0\s*$/m.test(text)) return null;
  try {
    const session = parse(text);
    return Array.isArray(session.media) ? session : null;
  } catch {
    return null;
  }
}

const isUsable = (media: MediaDescription): boolean =>
  media.type === 'audio' && media.port > 0 && media.port <= 65_535 && /^RTP\/AVPF?$/.test(media.protocol);

/** The formats of a line in its order, static ones named. */
function formatsOf(media: MediaDescription): Format[] {
  const numbers = String(media.payloads ?? '')
    .split(' ')
    .filter((text) => /^\d{1,3}$/.test(text))
    .map(Number)
    .filter((payload) => payload < 128);
  return numbers.flatMap((payload) => {
    const mapped = media.rtp.find((map) => map.payload === payload);
    if (mapped !== undefined) return mapped.rate === CLOCK_RATE ? [{ payload, codec: mapped.codec }] : [];
    const codec = staticNames.get(payload);
    return codec === undefined ? [] : [{ payload, codec }];
  });
}

const nameOf = (codec: string, local: LocalAudio): AudioName | undefined =>
  local.codecs.find((name) => name === codec.toUpperCase());

/** The audio formats of a line that we do too. */
function common(media: MediaDescription, local: LocalAudio): { payload: number; name: AudioName }[] {
  return formatsOf(media).flatMap(({ payload, codec }) => {
    const name = nameOf(codec, local);
    return name === undefined ? [] : [{ payload, name }];
  });
}

const eventOf = (media: MediaDescription): number | undefined =>
  formatsOf(media).find(({ codec }) => codec.toLowerCase() === 'telephone-event')?.payload;

function agree(
  session: SessionDescription,
  media: MediaDescription,
  formats: readonly { readonly payload: number; readonly name: AudioName }[],
  local: LocalAudio,
  offered: RtpFormats | null,
): Agreement | null {
  const [first] = formats;
  const address = media.connection?.ip ?? session.connection?.ip;
  if (first === undefined || address === undefined || address === '') return null;
  const nowhere = address === '0.0.0.0' || address === '::';
  const theirs = media.direction ?? session.direction ?? 'sendrecv';
  const theyReceive = !nowhere && (theirs === 'sendrecv' || theirs === 'recvonly');
  const theySend = theirs === 'sendrecv' || theirs === 'sendonly';
  const event = local.telephoneEvent ? eventOf(media) : undefined;
  return {
    remote: { address, port: media.port },
    remoteRtcp: rtcpOf(media, address),
    codec: first.name,
    payloadType: first.payload,
    receive: receivable(formats, offered),
    telephoneEvent:
      event === undefined
        ? null
        : { receive: offered?.telephoneEvent?.receive ?? event, send: event, clockRate: CLOCK_RATE },
    direction: direction(sends(local.direction) && theyReceive, receives(local.direction) && theySend),
    held: !theyReceive,
  };
}

/** Before we answered, payload types are theirs; when we offered, the static ones are ours too. */
function receivable(
  formats: readonly { readonly payload: number; readonly name: AudioName }[],
  offered: RtpFormats | null,
): ReadonlyMap<number, AudioName> {
  return new Map(formats.map(({ payload, name }) => [offered === null ? payload : staticTypes[name], name]));
}

function rtcpOf(media: MediaDescription, address: string): MediaAddress | null {
  const rtcp = media.rtcp;
  if (rtcp === undefined || rtcp.port <= 0 || rtcp.port > 65_535) return null;
  const own = rtcp.address !== undefined && isIP(rtcp.address) !== 0 ? rtcp.address : address;
  return { address: own, port: rtcp.port };
}

export const sends = (way: Direction): boolean => way === 'sendrecv' || way === 'sendonly';
export const receives = (way: Direction): boolean => way === 'sendrecv' || way === 'recvonly';

function direction(send: boolean, receive: boolean): Direction {
  if (send) return receive ? 'sendrecv' : 'sendonly';
  return receive ? 'recvonly' : 'inactive';
}

function answerFormats(media: MediaDescription, local: LocalAudio, agreement: Agreement): Format[] {
  const formats: Format[] = common(media, local).map(({ payload, name }) => ({ payload, codec: name }));
  if (agreement.telephoneEvent !== null) {
    formats.push({ payload: agreement.telephoneEvent.receive, codec: 'telephone-event' });
  }
  return formats;
}

function audioLine(local: LocalAudio, formats: readonly Format[], way: Direction): MediaDescription {
  const events = formats.filter(({ codec }) => codec === 'telephone-event');
  return {
    type: 'audio',
    port: local.port,
    protocol: 'RTP/AVP',
    payloads: formats.map(({ payload }) => payload).join(' '),
    rtp: formats.map(({ payload, codec }) => ({ payload, codec, rate: CLOCK_RATE })),
    fmtp: events.map(({ payload }) => ({ payload, config: '0-15' })),
    ptime: 20,
    direction: way,
  };
}

const declined = (media: MediaDescription): MediaDescription => ({
  type: media.type,
  port: 0,
  protocol: media.protocol,
  payloads: String(media.payloads ?? '0'),
  rtp: [],
  fmtp: [],
});

function describe(local: LocalAudio, media: MediaDescription[]): SessionDescription {
  const version = isIP(local.address) === 6 ? 6 : 4;
  return {
    version: 0,
    origin: {
      username: '-',
      sessionId: local.session,
      sessionVersion: local.version,
      netType: 'IN',
      ipVer: version,
      address: local.address,
    },
    name: '-',
    connection: { version, ip: local.address },
    timing: { start: 0, stop: 0 },
    media,
  };
}
