/**
 * Nanoseconds and bytes a 20 ms frame of each step of the audio path costs: `node --expose-gc --import tsx
 * test/bench/media.ts`. Not a test. Bytes are what heap and buffers grew by while only that step ran, and so briefly that
 * nothing was collected meanwhile; a step of the path itself should cost none.
 */
import type { MediaFormat, StreamSpec } from '../../shared/domain/stream.ts';
import { newCallSid } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { FrameDecoder, FrameEncoder } from '../../worker/leg/frame-coder.ts';
import { InboundSound } from '../../worker/leg/inbound-sound.ts';
import { OutboundSound } from '../../worker/leg/outbound-sound.ts';
import { ToneKeys } from '../../worker/leg/tone-keys.ts';
import { CatchUp } from '../../worker/media/catch-up.ts';
import { alawCoder, mulawCoder, pcmu } from '../../worker/media/codec/g711.ts';
import { g722 } from '../../worker/media/codec/g722.ts';
import { interleave, samplesWithin, unpackL16 } from '../../worker/media/codec/l16.ts';
import { Concealment } from '../../worker/media/concealment.ts';
import { DtmfDetector } from '../../worker/media/dtmf/detector.ts';
import { dtmfTones } from '../../worker/media/dtmf/tones.ts';
import type { LegRate } from '../../worker/media/frame.ts';
import { initMedia } from '../../worker/media/init.ts';
import { stretch } from '../../worker/media/live-pace.ts';
import { mixInto } from '../../worker/media/mixer.ts';
import { Playout } from '../../worker/media/playout.ts';
import { FrameResampler } from '../../worker/media/resample.ts';
import { FrameTee } from '../../worker/media/tee.ts';
import { JitterBuffer } from '../../worker/rtp/jitter.ts';
import { newRtpHeader } from '../../worker/rtp/packet.ts';
import { RtpSender } from '../../worker/rtp/sender.ts';
import { type BareFormat, BareReader } from '../../worker/stream/bare-samples.ts';
import type { Connection, ConnectionDelegate, ConnectOrder } from '../../worker/stream/connection.ts';
import { FramePacker } from '../../worker/stream/packer.ts';
import { createStreamOpener } from '../../worker/stream/session.ts';
import { ManualClock } from '../support/clock.ts';
import { aStream } from '../support/records.ts';
import { sine } from '../support/tone.ts';

const ROUNDS = 7;
/** Frames of a round in which bytes are counted, and rounds of which the middle one is told. */
const COUNTED = 200;
const COUNTS = 9;
const collect = (globalThis as { gc?: () => void }).gc ?? null;

/** Bytes of heap and of buffers the process holds. */
const held = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

/** What a round of nothing grows by: asking costs, too. */
const asked = collect === null ? 0 : grownBy(() => {});

/** Bytes a round of steps grows by, the middle one of some rounds. */
function grownBy(step: () => void): number {
  const grown: number[] = [];
  for (let round = 0; round < COUNTS; round++) {
    collect?.();
    const before = held();
    for (let n = 0; n < COUNTED; n++) step();
    grown.push(held() - before);
  }
  return grown.sort((one, other) => one - other)[COUNTS >> 1] ?? Number.NaN;
}

/** Best and median time of some rounds, after one to warm up; then the bytes. */
function measure(name: string, frames: number, step: () => void): void {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let n = 0; n < frames; n++) step();
    rounds.push(Number(process.hrtime.bigint() - start) / frames);
  }
  const bytes = collect === null ? '-' : `${Math.max(0, Math.round((grownBy(step) - asked) / COUNTED))}`;
  const [best, median] = rounds
    .slice(1)
    .sort((one, other) => one - other)
    .filter((_, index) => index === 0 || index === ROUNDS >> 1);
  const row = [name.padEnd(56), ...[best, median].map((ns) => `${Math.round(ns ?? 0)}`.padStart(8))];
  console.log(...row, bytes.padStart(8));
}

await initMedia();
const report = (error: unknown): void => console.error(error);
const frame = sine(440, 20, 8000);
const wide = sine(440, 20, 16_000);
const bytes = new Uint8Array(1920);
const samples = new Int16Array(160);
const wideSamples = new Int16Array(320);
mulawCoder.encode(frame, bytes);
const payload = bytes.slice(0, 160);
const packet = new Uint8Array(160);

console.log('a frame of 20 ms'.padEnd(56), 'best ns'.padStart(8), 'median'.padStart(8), 'bytes'.padStart(8));
measure('G.711 µ-law encode', 50_000, () => mulawCoder.encode(frame, bytes));
measure('G.711 µ-law decode', 50_000, () => mulawCoder.decode(payload, samples));
measure('G.711 A-law encode', 50_000, () => alawCoder.encode(frame, bytes));
measure('G.711 A-law decode', 50_000, () => alawCoder.decode(payload, samples));
const g722Encoder = g722.newEncoder();
const g722Decoder = g722.newDecoder();
measure('G.722 encode', 3000, () => g722Encoder.encode(wide, packet));
measure('G.722 decode', 3000, () => g722Decoder.decode(packet, wideSamples));
for (const rate of [8000, 16_000, 24_000, 32_000, 48_000]) {
  const tone = sine(440, 20, rate);
  const back = new Int16Array(tone.length);
  const packed = bytes.subarray(0, tone.length * 2);
  const within = samplesWithin(packed);
  measure(`L16 of ${rate} pack`, 20_000, () => within?.set(tone));
  measure(`L16 of ${rate} unpack`, 20_000, () => unpackL16(packed, back));
}
const stereo = new Int16Array(320);
measure('stereo, two of 8000', 20_000, () => interleave(frame, samples, stereo));
measure('mix two of 8000', 50_000, () => mixInto(samples, frame));

for (const from of [8000, 16_000]) {
  for (const to of [8000, 16_000, 24_000, 32_000, 48_000]) {
    if (from === to) continue;
    const up = new FrameResampler(from, to);
    const down = new FrameResampler(to, from);
    const near = sine(440, 20, from);
    const far = new Int16Array(to / 50);
    measure(`resample ${from} to ${to}`, 2000, () => up.process(near, far));
    measure(`resample ${to} to ${from}`, 2000, () => down.process(far, near));
    up.close();
    down.close();
  }
}

const narrowOnWide = new FrameDecoder(pcmu, 16_000);
measure('PCMU in on a leg of 16000', 2000, () => narrowOnWide.decode(payload, wideSamples));
const wideToNarrow = new FrameEncoder(pcmu, 16_000);
measure('PCMU out on a leg of 16000', 2000, () => wideToNarrow.encode(wide, packet));

const playout = new Playout({ rate: 8000, report });
measure('playout enqueue and next', 50_000, () => {
  playout.enqueue(frame);
  playout.next(samples);
});
const live = new Playout({ rate: 8000, report });
live.setLive(true);
measure('the same, live', 50_000, () => {
  live.enqueue(frame);
  live.next(samples);
});
const marked = new Playout({ rate: 8000, report });
const ignore = (): void => {};
measure('the same, a mark behind each frame', 50_000, () => {
  marked.enqueue(frame);
  marked.mark(ignore);
  marked.next(samples);
});

/** A live producer whose clock is 0.2 % fast, for longer than the queue's level takes to tell. */
const drifting = new Playout({ rate: 8000, report });
drifting.setLive(true);
const longer = sine(440, 20.125, 8000);
let beats = 0;
measure('the same, live, kept pace with', 20_000, () => {
  drifting.enqueue(++beats % 3 === 0 ? longer : frame);
  drifting.next(samples);
});
const stretched = new Int16Array(168);
measure('live pace: a frame with samples taken', 20_000, () => stretch(stretched, 161, samples));

/** Delay that never ends: with each frame comes half a one more. */
const catchUp = new CatchUp(8000);
const half = sine(440, 10, 8000);
for (const [what, whole, more] of [
  ['sound', frame, half],
  ['silence', new Int16Array(160), new Int16Array(80)],
] as const) {
  measure(`catching up with late packets, ${what}`, 5000, () => {
    const wants = catchUp.wants;
    catchUp.put(whole);
    if (wants) catchUp.put(more);
    catchUp.take(samples);
  });
  catchUp.clear();
}

/** An app held up for so long that it is caught up with for as long as is measured. */
function measureHurry(what: string, sound: Int16Array): void {
  const late = new Playout({ rate: 8000, report });
  late.setLive(true);
  const fallBehind = (): void => {
    for (let n = 0; n < 60; n++, late.next(samples)) late.enqueue(sound);
    for (let n = 0; n < 60; n++) late.next(samples);
    for (let n = 0; n < 60; n++) late.enqueue(sound);
    for (let n = 0; n < 30; n++, late.next(samples)) late.enqueue(sound);
  };
  fallBehind();
  measure(`catching up with a late app, ${what}`, 5000, () => {
    late.enqueue(sound);
    late.next(samples);
    if (late.queuedSamples < 400) fallBehind();
  });
}
measureHurry('sound', frame);
measureHurry('silence', new Int16Array(160));

const tee = new FrameTee(report);
for (let n = 0; n < 4; n++) tee.add({ beat() {} });
const lent = { samples: frame, rate: 8000, encoded: null } as const;
measure('tee of four', 50_000, () => tee.write(0, lent, lent));

/** Packet in, frame out: jitter buffer, decoder, concealment. */
function measureInbound(name: string, payloadType: number, codec: 'PCMU' | 'G722', rate: 8000 | 16_000): void {
  const jitter = new JitterBuffer();
  const sound = new InboundSound(rate, () => {});
  sound.listenFor(new Map([[payloadType, codec]]), jitter.payload, false);
  const header = Object.assign(newRtpHeader(), { payloadType, payloadStart: 0, payloadEnd: 160, ssrc: 1 });
  let now = 0;
  measure(name, 5000, () => {
    header.sequence = (header.sequence + 1) & 0xffff;
    header.timestamp = (header.timestamp + 160) >>> 0;
    jitter.put(header, payload, now + 5);
    now += 20;
    sound.frame(jitter.pop(now), jitter);
  });
  sound.close();
}
measureInbound('packet to frame, PCMU', 0, 'PCMU', 8000);
measureInbound('packet to frame, G722', 9, 'G722', 16_000);
measureInbound('packet to frame, PCMU on a leg of 16000', 0, 'PCMU', 16_000);

/** Two frames to the payloads of one beat of a stream. */
function measurePacker(name: string, spec: Partial<StreamSpec>, rate: LegRate): void {
  const packer = new FramePacker({ ...aStream(newCallSid()).spec, ...spec });
  const heard = { samples: rate === 8000 ? frame : wide, rate, encoded: null };
  const track = spec.track ?? 'inbound';
  measure(name, 5000, () => packer.pack(heard, heard, track, ignore));
  packer.close();
}
const l16 = (sampleRate: MediaFormat['sampleRate'], channels: 1 | 2 = 1) =>
  ({ encoding: 'audio/L16', sampleRate, channels }) as const;
const mulaw = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 } as const;
measurePacker('stream of L16 8000', { mediaFormat: l16(8000) }, 8000);
measurePacker('stream of L16 16000, wide leg', { mediaFormat: l16(16_000) }, 16_000);
measurePacker('stream of L16 24000', { mediaFormat: l16(24_000) }, 8000);
measurePacker('stream of L16 16000, both, stereo', { mediaFormat: l16(16_000, 2), track: 'both' }, 16_000);
measurePacker('stream of µ-law, twilio, both', { mediaFormat: mulaw, track: 'both', dialect: 'twilio' }, 8000);
measurePacker('stream of µ-law, wide leg', { mediaFormat: mulaw }, 16_000);

/** What an app sent, as samples of the leg's rate. */
function measureReader(encoding: BareFormat['encoding'], sampleRate: number): void {
  const reader = new BareReader({ encoding, sampleRate, endianness: 'little' }, 8000);
  const sent = Buffer.alloc((sampleRate / 50) * (encoding === 'audio/L16' ? 2 : 1), 0x51);
  measure(`bare samples of ${encoding} ${sampleRate}`, 5000, () => reader.read(sent));
  reader.close();
}
measureReader('audio/x-mulaw', 8000);
measureReader('audio/L16', 8000);
measureReader('audio/L16', 24_000);

for (const rate of [8000, 16_000] as const) {
  const detector = new DtmfDetector(rate, () => {});
  const digit = dtmfTones('5', { rate, toneMs: 20, gapMs: 0 }) ?? frame;
  const silence = new Int16Array(rate / 50);
  measure(`DTMF detector of ${rate}, speech level`, 5000, () => detector.add(digit));
  measure(`DTMF detector of ${rate}, silence`, 5000, () => detector.add(silence));
}

const concealment = new Concealment(8000);
measure('concealment, a frame that came', 20_000, () => concealment.good(frame));
measure('concealment, first frame lost', 2000, () => {
  concealment.good(frame);
  concealment.lost(samples);
});

const outgoing = Buffer.alloc(4096);
/** All of a call with a two-way stream but the sockets: a packet in, a message out, the app's message in, a packet out. */
function measureCall(name: string, spec: Partial<StreamSpec>, fromApp: object | Buffer): void {
  const jitter = new JitterBuffer();
  const inbound = new InboundSound(8000, () => {});
  inbound.listenFor(new Map([[0, 'PCMU']]), jitter.payload, false);
  const outbound = new OutboundSound(8000, pcmu);
  const sender = new RtpSender(160);
  const keys = new ToneKeys();
  const branches = new FrameTee(report);
  const played = new Playout({ rate: 8000, report });
  const clock = new ManualClock();
  const record = { ...aStream(newCallSid()) };
  let app: ConnectionDelegate | null = null;
  const taken: Connection = {
    // As the socket does, which copies.
    sendText: (text) => void outgoing.write(text),
    sendBinary: (bytes) => outgoing.set(bytes),
    bufferedBytes: 0,
    unsent: 0,
    push() {},
    setReading() {},
    close: () => Promise.resolve(),
    terminate() {},
  };
  const connect = (_order: ConnectOrder, delegate: ConnectionDelegate): Connection => {
    app = delegate;
    return taken;
  };
  createStreamOpener({ clock, log: silentLogger, connect })(
    {
      record: { ...record, spec: { ...record.spec, mediaFormat: mulaw, ...spec } },
      call: { accountSid: 'AC', callSid: record.callSid, from: '+1', to: '+2', direction: 'inbound' },
      tee: branches,
      playout: played,
    },
    {
      onStarted: ignore,
      onStopped: ignore,
      onPatch: ignore,
      onEntry: ignore,
      onPress: () => true,
      onHangup: ignore,
    },
  );
  const opened = app as ConnectionDelegate | null;
  opened?.onOpen();
  const text = JSON.stringify(fromApp);
  const header = Object.assign(newRtpHeader(), { payloadType: 0, payloadStart: 0, payloadEnd: 160, ssrc: 1 });
  let now = 0;
  let beat = 0;
  measure(name, 20_000, () => {
    if (Buffer.isBuffer(fromApp)) opened?.onBinary(fromApp);
    else opened?.onText(text);
    header.sequence = (header.sequence + 1) & 0xffff;
    header.timestamp = (header.timestamp + 160) >>> 0;
    jitter.put(header, payload, now + 5);
    now += 20;
    const heard = inbound.frame(jitter.pop(now), jitter);
    const said = outbound.frame(played, keys, sender.payload);
    sender.audio(0);
    branches.write(beat++, heard, said);
  });
}
const mulawBytes = Buffer.from(payload);
measureCall(
  'a call with a two-way JSON stream, without its sockets',
  { mode: 'bidirectional', dialect: 'twilio' },
  { event: 'media', media: { payload: mulawBytes.toString('base64') } },
);
measureCall('a call with a duplex stream, without its sockets', { mode: 'duplex' }, mulawBytes);
