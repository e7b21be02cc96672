/**
 * Nanoseconds and bytes a 20 ms frame of each step of the audio path costs: `node --expose-gc --import tsx
 * test/bench/media.ts`. Not a test. Bytes are what the heap grew by between two collections while only that
 * step ran; a step of the path itself should cost none.
 */
import type { MediaFormat, StreamSpec } from '../../shared/domain/stream.ts';
import { newCallSid } from '../../shared/kernel/ids.ts';
import { FrameDecoder, FrameEncoder } from '../../worker/leg/frame-coder.ts';
import { InboundSound } from '../../worker/leg/inbound-sound.ts';
import { alawCoder, mulawCoder, pcmu } from '../../worker/media/codec/g711.ts';
import { g722 } from '../../worker/media/codec/g722.ts';
import { interleave, samplesWithin, unpackL16 } from '../../worker/media/codec/l16.ts';
import { Concealment } from '../../worker/media/concealment.ts';
import { DtmfDetector } from '../../worker/media/dtmf/detector.ts';
import { dtmfTones } from '../../worker/media/dtmf/tones.ts';
import type { LegRate } from '../../worker/media/frame.ts';
import { initMedia } from '../../worker/media/init.ts';
import { mixInto } from '../../worker/media/mixer.ts';
import { Playout } from '../../worker/media/playout.ts';
import { FrameResampler } from '../../worker/media/resample.ts';
import { FrameTee } from '../../worker/media/tee.ts';
import { JitterBuffer } from '../../worker/rtp/jitter.ts';
import { newRtpHeader } from '../../worker/rtp/packet.ts';
import { FramePacker } from '../../worker/stream/packer.ts';
import { aStream } from '../support/records.ts';
import { sine } from '../support/tone.ts';

const ROUNDS = 7;
const collect = (globalThis as { gc?: () => void }).gc ?? null;

/** Bytes of heap and of buffers the process holds. */
const held = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

/** Best and median time of some rounds, after one to warm up; then the bytes of a round. */
function measure(name: string, frames: number, step: () => void): void {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let n = 0; n < frames; n++) step();
    rounds.push(Number(process.hrtime.bigint() - start) / frames);
  }
  collect?.();
  const before = held();
  for (let n = 0; n < 2000; n++) step();
  const bytes = (held() - before) / 2000;
  const [best, median] = rounds
    .slice(1)
    .sort((one, other) => one - other)
    .filter((_, index) => index === 0 || index === ROUNDS >> 1);
  const row = [name.padEnd(44), ...[best, median].map((ns) => `${Math.round(ns ?? 0)}`.padStart(8))];
  console.log(...row, (collect === null ? '-' : `${Math.max(0, Math.round(bytes))}`).padStart(8));
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

console.log('a frame of 20 ms'.padEnd(44), 'best ns'.padStart(8), 'median'.padStart(8), 'bytes'.padStart(8));
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
const ignore = (): void => {};
const l16 = (sampleRate: MediaFormat['sampleRate'], channels: 1 | 2 = 1) =>
  ({ encoding: 'audio/L16', sampleRate, channels }) as const;
const mulaw = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 } as const;
measurePacker('stream of L16 8000', { mediaFormat: l16(8000) }, 8000);
measurePacker('stream of L16 16000, wide leg', { mediaFormat: l16(16_000) }, 16_000);
measurePacker('stream of L16 24000', { mediaFormat: l16(24_000) }, 8000);
measurePacker('stream of L16 16000, both, stereo', { mediaFormat: l16(16_000, 2), track: 'both' }, 16_000);
measurePacker('stream of µ-law, twilio, both', { mediaFormat: mulaw, track: 'both', dialect: 'twilio' }, 8000);
measurePacker('stream of µ-law, wide leg', { mediaFormat: mulaw }, 16_000);

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
