/** What a tee remembers from the answer on, and who is told of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AudioFrame, LegRate, TeeBranch } from '../../../worker/media/frame.ts';
import { FrameTee } from '../../../worker/media/tee.ts';

interface Told {
  readonly beat: number;
  readonly inbound: AudioFrame;
  readonly outbound: AudioFrame;
}

const copy = ({ samples, rate, encoded }: AudioFrame): AudioFrame => ({
  samples: samples.slice(),
  rate,
  encoded: encoded && { encoding: encoded.encoding, payload: new Uint8Array(encoded.payload) },
});

function listening(): TeeBranch & { readonly told: Told[] } {
  const told: Told[] = [];
  return {
    told,
    beat: (beat, inbound, outbound) => told.push({ beat, inbound: copy(inbound), outbound: copy(outbound) }),
  };
}

const beatsOf = ({ told }: { readonly told: readonly Told[] }): number[] => told.map(({ beat }) => beat);
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

/** A leg that lends the same memory beat after beat, as the real one does. */
class Line {
  readonly reported: unknown[] = [];
  readonly tee = new FrameTee((error) => this.reported.push(error));
  readonly #rate: LegRate;
  readonly #samples: { readonly inbound: Int16Array; readonly outbound: Int16Array };
  readonly #payload = new Uint8Array(160);
  #beat = 0;

  constructor(rate: LegRate = 8000) {
    this.#rate = rate;
    this.#samples = { inbound: new Int16Array(rate / 50), outbound: new Int16Array(rate / 50) };
  }

  /** Inbound says 1, 2, 3 … as bare packets, but every third was concealed; outbound says −1, −2, −3 … */
  beats(count: number): void {
    for (let ran = 0; ran < count; ran++) {
      const word = this.#beat + 1;
      this.#samples.inbound.fill(word);
      this.#samples.outbound.fill(-word);
      this.#payload.fill(word);
      const encoded = word % 3 === 0 ? null : { encoding: 'audio/x-alaw' as const, payload: this.#payload };
      this.tee.write(
        this.#beat,
        { samples: this.#samples.inbound, rate: this.#rate, encoded },
        { samples: this.#samples.outbound, rate: this.#rate, encoded: null },
      );
      this.#beat += 1;
    }
  }
}

describe('the pre-roll of a tee', () => {
  it('is told before the live beats, the same to the bit, without a gap', () => {
    for (const rate of [8000, 16_000] as const) {
      const line = new Line(rate);
      line.tee.remember();
      const there = listening();
      line.tee.add(there);
      line.beats(40);
      const late = listening();
      line.tee.add(late, true);
      line.beats(10);
      assert.deepEqual(beatsOf(late), range(0, 50));
      assert.deepEqual(late.told, there.told);
      assert.ok(late.told.some(({ inbound }) => inbound.encoded !== null));
    }
  });

  it('begins when told, not with the ringing', () => {
    const line = new Line();
    line.beats(30);
    line.tee.remember();
    line.beats(5);
    line.tee.remember();
    line.beats(5);
    const late = listening();
    line.tee.add(late, true);
    assert.deepEqual(beatsOf(late), range(30, 40));
  });

  it('is for those who ask, and for each of them whole', () => {
    const line = new Line();
    line.tee.remember();
    line.beats(20);
    const [first, second, unasked] = [listening(), listening(), listening()];
    line.tee.add(first, true);
    line.tee.add(unasked);
    line.beats(20);
    line.tee.add(second, true);
    line.beats(20);
    assert.deepEqual(beatsOf(first), range(0, 60));
    assert.deepEqual(beatsOf(second), range(0, 60));
    assert.deepEqual(beatsOf(unasked), range(20, 60));
  });

  it('holds two seconds, then nothing for good', () => {
    const line = new Line();
    line.tee.remember();
    line.beats(100);
    const inTime = listening();
    line.tee.add(inTime, true);
    assert.equal(inTime.told.length, 100);
    line.beats(1);
    line.tee.remember();
    line.beats(1);
    const tooLate = listening();
    line.tee.add(tooLate, true);
    line.beats(1);
    assert.deepEqual(beatsOf(tooLate), [102]);
    assert.deepEqual(beatsOf(inTime), range(0, 103));
  });

  it('is gone when the tee is told to forget', () => {
    const line = new Line();
    line.tee.remember();
    line.beats(10);
    line.tee.forget();
    line.tee.remember();
    line.beats(10);
    const late = listening();
    line.tee.add(late, true);
    assert.deepEqual(late.told, []);
  });

  it('a branch that joins during a beat has that beat once', () => {
    const line = new Line();
    line.tee.remember();
    line.beats(3);
    const late = listening();
    const remove = line.tee.add({
      beat() {
        remove();
        line.tee.add(late, true);
      },
    });
    line.beats(3);
    assert.deepEqual(beatsOf(late), range(0, 6));
  });

  it('AC-84: a branch that throws while it catches up is taken off and reported once', () => {
    const line = new Line();
    line.tee.remember();
    line.beats(10);
    const broken = new Error('broken branch');
    const remove = line.tee.add(
      {
        beat() {
          throw broken;
        },
      },
      true,
    );
    line.beats(2);
    remove();
    assert.deepEqual(line.reported, [broken]);
    assert.equal(line.tee.size, 0);
  });
});
