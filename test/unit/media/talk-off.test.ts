/** Talk-off: ten minutes of speech and of music-like sound, simulated, in which no digit may be heard (ITU-T Q.24). */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { systemClock } from '../../../shared/kernel/clock.ts';
import { DtmfDetector } from '../../../worker/media/dtmf/detector.ts';
import { dtmfTones } from '../../../worker/media/dtmf/tones.ts';
import { initMedia } from '../../../worker/media/init.ts';
import { openSynthesiser } from '../../../worker/speech/open-synthesiser.ts';

const RATE = 8000;
const FIVE_MINUTES = 300 * RATE;

await initMedia();
const synthesiser = await openSynthesiser({ clock: systemClock });
after(() => synthesiser.close());

/** The same numbers every run, 0 to 1. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const sentences = [
  'Thank you for calling. Please hold the line while we connect you to the next available colleague.',
  'Your order of seven blue sweaters, size eleven, leaves our warehouse on Tuesday the ninth of May.',
  'The rain in Spain stays mainly in the plain, and she sells sea shells by the sea shore.',
  'Would you prefer an aisle seat or a window seat? We have four of each in the evening train.',
  'Who knew that the old yellow lorry would really roll over the narrow railway near Loughborough?',
  'Press one for sales, two for service, three for accounts, or stay on the line for everybody else.',
  'Eee ooo aaa, you owe a year, we owe a yard, so are you, he and I all even now?',
  'Bring your own beige bag, buy a big bun, and be back before the bus leaves at a quarter to eight.',
];

/** At another speed, which moves every pitch, and another level. */
function varied(samples: Int16Array, speed: number, level: number): Int16Array {
  const out = new Int16Array(Math.floor((samples.length - 1) / speed));
  for (let i = 0; i < out.length; i++) {
    const at = i * speed;
    const left = Math.floor(at);
    const [one = 0, other = 0] = [samples[left], samples[left + 1]];
    out[i] = Math.max(-32_768, Math.min(32_767, level * (one + (other - one) * (at - left))));
  }
  return out;
}

/** Chords of two to four notes with overtones (two pure sines at the right pitches are a key), some with vibrato, with attack and decay. */
function chord(samples: number, next: () => number): Int16Array {
  const notes = Array.from({ length: 2 + Math.floor(next() * 3) }, () => ({
    hertz: 110 * 2 ** (Math.floor(next() * 48) / 12),
    overtones: 2 + Math.floor(next() * 4),
    vibrato: next() < 0.3 ? 0.01 : 0,
    phase: next() * 2 * Math.PI,
  }));
  const level = 0.1 + next() * 0.25;
  const out = new Int16Array(samples);
  for (let i = 0; i < samples; i++) {
    const t = i / RATE;
    let sum = 0;
    for (const { hertz, overtones, vibrato, phase } of notes) {
      const wave = phase + 2 * Math.PI * hertz * t + ((vibrato * hertz) / 5) * Math.sin(2 * Math.PI * 5 * t);
      for (let n = 1; n <= overtones && n * hertz < 3900; n++) sum += Math.sin(n * wave) / n;
    }
    const envelope = Math.min(1, t / 0.01) * Math.exp(-2 * t);
    out[i] = Math.max(-1, Math.min(1, level * sum * envelope)) * 32_767;
  }
  return out;
}

/** Feeds a detector in frames of 20 ms. */
class Listener {
  digits = '';
  fed = 0;
  readonly #detector = new DtmfDetector(RATE, (digit) => {
    this.digits += digit;
  });

  hear(samples: Int16Array): void {
    for (let at = 0; at < samples.length; at += 160) this.#detector.add(samples.subarray(at, at + 160));
    this.fed += samples.length;
  }
}

describe('talk-off', () => {
  it('five minutes of speech hold no digit, and a key pressed after them is heard', async () => {
    const listener = new Listener();
    const spoken: Int16Array[] = [];
    for (const voice of ['man', 'woman']) {
      for (const text of sentences) {
        const utterance = { text, language: 'en-us', voice };
        spoken.push(await synthesiser.synthesise(utterance, RATE, AbortSignal.timeout(20_000)));
      }
    }
    const next = numbers(7);
    for (let turn = 0; listener.fed < FIVE_MINUTES; turn++) {
      const samples = spoken[turn % spoken.length] ?? new Int16Array(0);
      assert.ok(samples.length > RATE, 'a sentence takes more than a second');
      listener.hear(varied(samples, 0.75 + next() * 0.6, 0.3 + next() * 1.2));
    }
    assert.equal(listener.digits, '');
    listener.hear(dtmfTones('5', { rate: RATE }) ?? new Int16Array(0));
    listener.hear(new Int16Array(RATE));
    assert.equal(listener.digits, '5');
  });

  it('five minutes of chords and runs hold no digit', () => {
    const listener = new Listener();
    const next = numbers(11);
    while (listener.fed < FIVE_MINUTES) listener.hear(chord(Math.floor(RATE * (0.12 + next() * 0.9)), next));
    assert.equal(listener.digits, '');
  });
});
