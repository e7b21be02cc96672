/** WAV and MP3 that are no such thing, nearly such a thing, or end in the middle: read or refused, never more. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { decodeAudio } from '../../worker/media/audio-file.ts';
import { AudioFileError, MIN_FILE_RATE } from '../../worker/media/audio-file-error.ts';
import { initMedia } from '../../worker/media/init.ts';
import { warmMp3 } from '../../worker/media/mp3.ts';
import { wavFile } from '../../worker/media/wav-writer.ts';
import { Dice, heapInUse, rounds } from '../support/dice.ts';
import { Stopwatch } from '../support/stopwatch.ts';
import { sine } from '../support/tone.ts';

await initMedia();

const RATE = 8000;
const MIB = 2 ** 20;
/** A byte a sample at the lowest rate. */
const WAV_SAMPLES_PER_BYTE = RATE / MIN_FILE_RATE;
/** 24 ms of 8 kbit/s are 24 bytes; free-format frames may be shorter, none is below its header. */
const MP3_SAMPLES_PER_BYTE = 0.072 * RATE;
/** One call of the decoder takes 16 KiB: whatever they say, this is the most that may come of them. */
const MOST_AT_ONCE = 16_384 * MP3_SAMPLES_PER_BYTE;

const wavs = [
  wavFile(sine(440, 300, 8000), 8000),
  wavFile(sine(440, 100, 44_100), 44_100, 1),
  wavFile(sine(440, 100, 16_000), 16_000, 2),
];
const mp3s = ['sine-440-mono-22050', 'sine-1000-stereo-44100'].map((name) =>
  readFileSync(`test/vectors/media/${name}.mp3`).subarray(0, 12_000),
);

/** Cuts anywhere. */
function* pieces(dice: Dice, bytes: Buffer): Generator<Buffer, void, void> {
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + dice.below(dice.chance(0.5) ? 64 : 20_000);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** Samples that came of it; -1 when it was refused. Anything but a refusal is thrown on. */
async function read(dice: Dice, bytes: Buffer, watch: Stopwatch): Promise<number> {
  let samples = 0;
  const decoding = decodeAudio(pieces(dice, bytes), RATE)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await watch.timeAsync(`a piece of ${bytes.length} bytes`, () => decoding.next());
      if (done) return samples;
      assert.ok(value.length > 0 && value.length <= MOST_AT_ONCE, `${value.length} samples at once`);
      samples += value.length;
    }
  } catch (error) {
    if (error instanceof AudioFileError) return -1;
    throw error;
  }
}

async function attack(
  seed: number,
  times: number,
  make: (dice: Dice) => Buffer,
  samplesPerByte: number,
): Promise<void> {
  const watch = new Stopwatch();
  let before = 0;
  const outcomes = { read: 0, refused: 0 };
  for (const round of rounds(times)) {
    if (round === times >> 1) before = heapInUse();
    const samples = await watch.round(async () => {
      const dice = new Dice(seed, round);
      const bytes = make(dice);
      // Ready beforehand, as between the files of a call.
      await warmMp3();
      const came = await read(dice, bytes, watch);
      assert.ok(came <= bytes.length * samplesPerByte + RATE, `${came} samples of ${bytes.length} bytes`);
      return came;
    });
    if (samples < 0) outcomes.refused += 1;
    else outcomes.read += 1;
  }
  assert.ok(outcomes.refused > 0, JSON.stringify(outcomes));
  const grown = heapInUse() - before;
  assert.ok(grown < 16 * MIB, `${Math.round(grown / MIB)} MiB more`);
}

it('a spoilt WAV file is read or refused', () =>
  attack(2, 600, (dice) => dice.spoil(dice.pick(wavs), dice.chance(0.5) ? 3 : 60), WAV_SAMPLES_PER_BYTE));

it('a WAV file whose header alone is spoilt is read or refused', () =>
  attack(
    3,
    600,
    (dice) => {
      const file = dice.pick(wavs);
      return Buffer.concat([dice.spoil(file.subarray(0, 44), 4), file.subarray(44)]);
    },
    WAV_SAMPLES_PER_BYTE,
  ));

it('a spoilt MP3 file is read or refused', () =>
  attack(4, 60, (dice) => dice.spoil(dice.pick(mp3s), dice.chance(0.5) ? 5 : 200), MP3_SAMPLES_PER_BYTE));

it('random bytes behind a promising beginning are read or refused', () => {
  const beginnings = ['RIFF', 'RIFX', 'RF64', 'ID3', '\xff\xfb\x90\x64', '\xff\xe3', ''];
  return attack(
    5,
    150,
    (dice) => Buffer.concat([Buffer.from(dice.pick(beginnings), 'latin1'), dice.bytes(dice.below(3_000))]),
    MP3_SAMPLES_PER_BYTE,
  );
});
