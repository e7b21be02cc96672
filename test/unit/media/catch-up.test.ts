/**
 * A burst of RTP: packets held back, then all at once. From the jitter buffer through the inbound half of a leg:
 * what was said meanwhile is heard, later, and within ten seconds it is late no more.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { codecs } from '../../../worker/leg/codecs.ts';
import { InboundSound } from '../../../worker/leg/inbound-sound.ts';
import { CatchUp } from '../../../worker/media/catch-up.ts';
import { initMedia } from '../../../worker/media/init.ts';
import { JitterBuffer } from '../../../worker/rtp/jitter.ts';
import { newRtpHeader } from '../../../worker/rtp/packet.ts';
import { sine, toneLevel } from '../../support/tone.ts';

const RATE = 8000;
const SECONDS = 20;
/** A word of its own pitch in every half a second, 300 ms long unless nobody ever pauses. */
const pitchOf = (word: number): number => 400 + 100 * (word % 24);
const WORD_MS = 500;

function said(wordMs: number): Int16Array {
  const all = new Int16Array(SECONDS * RATE);
  for (let word = 0; word * WORD_MS < SECONDS * 1000; word++)
    all.set(sine(pitchOf(word), wordMs, RATE, 0.4), (word * WORD_MS * RATE) / 1000);
  return all;
}

const tonesOf = (key: string): readonly [number, number] => {
  const place = '123456789*0#'.indexOf(key);
  return [[697, 770, 852, 941][Math.floor(place / 3)] ?? 0, [1209, 1336, 1477][place % 3] ?? 0];
};

/** What the app hears when packets that fall due at three seconds are held back for so long. */
function heard(
  voice: Int16Array,
  burstMs: number,
  onKey?: (key: string) => void,
): { readonly samples: Int16Array; readonly jitter: JitterBuffer } {
  const sound = new InboundSound(RATE, onKey ?? (() => {}));
  const jitter = new JitterBuffer({ isQuiet: (payload, type) => sound.isQuiet(payload, type) });
  sound.listenFor(new Map([[0, 'PCMU']]), jitter.payload, onKey !== undefined);
  const encoder = codecs.PCMU.newEncoder();
  const header = newRtpHeader();
  const samples = new Int16Array(voice.length);
  const frames = voice.length / 160;
  let sent = 0;
  for (let beat = 0; beat < frames; beat++) {
    const nowMs = beat * 20;
    for (; sent < frames; sent++) {
      const dueMs = sent * 20 + 7;
      if ((dueMs >= 3000 && dueMs < 3000 + burstMs ? 3000 + burstMs : dueMs) > nowMs) break;
      const payload = new Uint8Array(160);
      encoder.encode(voice.subarray(sent * 160, (sent + 1) * 160), payload);
      Object.assign(header, { sequence: sent, timestamp: sent * 160, ssrc: 1, payloadType: 0, payloadStart: 0 });
      header.payloadEnd = 160;
      jitter.put(header, payload, nowMs);
    }
    samples.set(sound.frame(jitter.pop(nowMs), jitter).samples, beat * 160);
  }
  sound.close();
  return { samples, jitter };
}

/** When each word is loudest at its own pitch, in ms; NaN when it is not heard within two seconds. */
function wordsIn(samples: Int16Array, count: number): number[] {
  return Array.from({ length: count }, (_, word) => {
    const from = word * WORD_MS;
    let best = 0;
    let at = Number.NaN;
    for (let ms = from; ms < from + 2000 && ms + 100 <= SECONDS * 1000; ms += 10) {
      const window = samples.subarray((ms * RATE) / 1000, ((ms + 100) * RATE) / 1000);
      const level = toneLevel(window, pitchOf(word), RATE);
      if (level > best * 1.02 && level > 0.25) {
        best = level;
        at = ms;
      }
    }
    return at - from;
  });
}

describe('a burst of RTP', () => {
  before(initMedia);

  for (const [kind, wordMs] of [
    ['words with pauses', 300],
    ['a voice that never pauses', 500],
  ] as const) {
    for (const burstMs of [200, 1000]) {
      it(`${kind}, ${burstMs} ms held back: no word is lost, and after ten seconds none is late`, () => {
        const voice = said(wordMs);
        const calm = wordsIn(heard(voice, 0).samples, 32);
        const { samples, jitter } = heard(voice, burstMs);
        const late = wordsIn(samples, 32).map((at, word) => at - (calm[word] ?? 0));
        assert.ok(!late.some(Number.isNaN), `words lost: ${late.join(' ')}`);
        assert.ok(Math.max(...late) >= burstMs - 120, `it was late: ${late.join(' ')}`);
        // The burst is over at three seconds and its length; words of ten seconds later.
        const after = late.slice(Math.ceil((13_000 + burstMs) / WORD_MS));
        assert.ok(Math.max(...after) <= 40, `still late: ${after.join(' ')}`);
        assert.equal(jitter.counters.overflowed, 0);
        assert.equal(jitter.counters.late, 0);
      });
    }
  }

  for (const [onMs, offMs] of [
    [60, 60],
    [80, 60],
    [100, 100],
  ] as const) {
    it(`keys of ${onMs} ms pressed as tones, ${offMs} ms apart: each is heard once, and the delay is given back`, () => {
      const voice = new Int16Array(SECONDS * RATE);
      const keys = '1122334455667788990011223344556677889900';
      for (const [at, key] of [...keys].entries()) {
        const [low, high] = tonesOf(key);
        const both = sine(low, onMs, RATE, 0.2).map((sample, i) => sample + (sine(high, onMs, RATE, 0.2)[i] ?? 0));
        voice.set(both, 3 * RATE + (at * (onMs + offMs) * RATE) / 1000);
      }
      let pressed = '';
      const { jitter } = heard(voice, 1000, (key) => {
        pressed += key;
      });
      assert.equal(pressed, keys);
      assert.ok(jitter.delayMs <= 60, `${jitter.delayMs} ms late at the end`);
    });
  }
});

describe('catching up', () => {
  for (const rate of [8000, 16_000]) {
    it(`at ${rate} Hz: of a sound that never pauses nothing is held after two seconds`, () => {
      let seed = 1;
      const noise = (): number => {
        seed = (seed * 48_271) % 0x7fff_ffff;
        return (seed % 8000) - 4000;
      };
      const out = new Int16Array(rate / 50);
      const frame = (): Int16Array => Int16Array.from(out, noise);
      for (let run = 0; run < 50; run++) {
        const catchUp = new CatchUp(rate);
        catchUp.put(frame());
        catchUp.put(frame());
        catchUp.take(out);
        for (let beat = 0; beat < 100 && catchUp.held > 0; beat++) {
          catchUp.put(frame());
          catchUp.take(out);
        }
        assert.equal(catchUp.held, 0);
      }
    });
  }
});
