/** Nanoseconds a 20 ms frame of each step of the audio path: `node --import tsx test/bench/media.ts`. Not a test. */
import { mulawCoder } from '../../worker/media/codec/g711.ts';
import { packL16 } from '../../worker/media/codec/l16.ts';
import { Concealment } from '../../worker/media/concealment.ts';
import { DtmfDetector } from '../../worker/media/dtmf/detector.ts';
import { dtmfTones } from '../../worker/media/dtmf/tones.ts';
import { initMedia } from '../../worker/media/init.ts';
import { mixInto } from '../../worker/media/mixer.ts';
import { Playout } from '../../worker/media/playout.ts';
import { FrameResampler } from '../../worker/media/resample.ts';
import { FrameTee } from '../../worker/media/tee.ts';
import { sine } from '../support/tone.ts';

const ROUNDS = 7;

/** Best and median of some rounds, after one to warm up. */
function measure(name: string, frames: number, step: () => void): void {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let n = 0; n < frames; n++) step();
    rounds.push(Number(process.hrtime.bigint() - start) / frames);
  }
  const [best, median] = rounds
    .slice(1)
    .sort((one, other) => one - other)
    .filter((_, index) => index === 0 || index === ROUNDS >> 1);
  console.log(name.padEnd(34), `${Math.round(best ?? 0)}`.padStart(8), `${Math.round(median ?? 0)}`.padStart(8));
}

await initMedia();
const report = (error: unknown): void => console.error(error);
const frame = sine(440, 20, 8000);
const bytes = new Uint8Array(320);
const samples = new Int16Array(160);
mulawCoder.encode(frame, bytes);

console.log('step'.padEnd(34), 'best ns'.padStart(8), 'median'.padStart(8));
measure('G.711 encode', 50_000, () => mulawCoder.encode(frame, bytes));
const payload = bytes.slice(0, 160);
measure('G.711 decode', 50_000, () => mulawCoder.decode(payload, samples));
measure('L16 pack', 50_000, () => packL16(frame, bytes));
measure('mix two', 50_000, () => mixInto(samples, frame));

const playout = new Playout({ rate: 8000, report });
measure('playout enqueue and next', 50_000, () => {
  playout.enqueue(frame);
  playout.next(samples);
});

const tee = new FrameTee(report);
for (let n = 0; n < 4; n++) tee.add({ beat() {} });
const lent = { samples: frame, rate: 8000, encoded: null } as const;
measure('tee of four', 50_000, () => tee.write(0, lent, lent));

for (const to of [16_000, 24_000, 48_000]) {
  const up = new FrameResampler(8000, to);
  const down = new FrameResampler(to, 8000);
  const wide = new Int16Array(to / 50);
  measure(`resample 8000 to ${to}`, 2000, () => up.process(frame, wide));
  measure(`resample ${to} to 8000`, 2000, () => down.process(wide, samples));
  up.close();
  down.close();
}

const detector = new DtmfDetector(8000, () => {});
const digit = dtmfTones('5', { rate: 8000, toneMs: 20, gapMs: 0 }) ?? frame;
const silence = new Int16Array(160);
measure('DTMF detector, speech level', 5000, () => detector.add(digit));
measure('DTMF detector, silence', 5000, () => detector.add(silence));

const concealment = new Concealment(8000);
measure('concealment, a frame that came', 20_000, () => concealment.good(frame));
measure('concealment, first frame lost', 2000, () => {
  concealment.good(frame);
  concealment.lost(samples);
});
