/** What the caller really heard, and what the app is told of it: PROTOCOL §4.3, §14.2–§14.4 against a simple model. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { concat } from '../../support/tone.ts';
import { type Received, twilio, World } from './world.ts';

const twoWay = { ...twilio, mode: 'bidirectional', playbackEvents: true } as const;
const FRAME = 160;
const FADE = 40;

/** Samples that say which they are; never silent. */
const numbered = (from: number, count: number): Int16Array =>
  Int16Array.from({ length: count }, (_, at) => ((from + at) % 30_000) + 1);

const bytesOf = (samples: Int16Array): Buffer => Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);

const media = (payload: Buffer) => ({
  event: 'media',
  media: { payload: payload.toString('base64'), format: { encoding: 'audio/L16', sampleRate: 8000 } },
});
const mark = (name: number) => ({ event: 'mark', mark: { name: String(name) } });
const marks = (world: World): Received[] => world.connection.of('mark').map(({ mark }) => mark);

type Step =
  | { readonly do: 'media'; readonly bytes: number }
  | { readonly do: 'mark' }
  | { readonly do: 'clear' }
  | { readonly do: 'beats'; readonly count: number };

const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('media' as const), bytes: fc.integer({ min: 1, max: 1601 }) }),
    },
    { weight: 3, arbitrary: fc.constant({ do: 'mark' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('beats' as const), count: fc.integer({ min: 1, max: 8 }) }) },
  ),
  { maxLength: 120, size: 'max' },
);

/** What waits, sample by sample, and what must come back. */
class Model {
  waiting: (number | { readonly mark: number })[] = [];
  readonly told: { name: string; playedMs: number; cleared: boolean }[] = [];
  played = 0;

  mark(name: number): void {
    this.waiting.push({ mark: name });
    if (this.waiting.length === 1) this.take(0);
  }

  /** The next `count` samples; marks the cursor passes come back. */
  take(count: number): number[] {
    const out: number[] = [];
    for (;;) {
      const item = this.waiting[0];
      if (item === undefined || (typeof item === 'number' && out.length === count)) return out;
      this.waiting.shift();
      if (typeof item !== 'number') this.tell(item.mark, false);
      else {
        out.push(item);
        this.played += 1;
      }
    }
  }

  clear(): { playedMs: number; droppedMs: number; marks: string[] } {
    const dropped = this.waiting;
    this.waiting = [];
    const names: string[] = [];
    for (const item of dropped) {
      if (typeof item === 'number') continue;
      names.push(String(item.mark));
      this.tell(item.mark, true);
    }
    const samples = dropped.length - names.length;
    return { playedMs: Math.round(this.played / 8), droppedMs: Math.round(samples / 8), marks: names };
  }

  tell(name: number, cleared: boolean): void {
    this.told.push({ name: String(name), playedMs: Math.round(this.played / 8), cleared });
  }
}

describe('playback truth', () => {
  it('AC-43, AC-45, AC-88, AC-89: any sequence of media, mark, clear and time is what the model says', () => {
    fc.assert(
      fc.property(steps, (sequence: readonly Step[]) => {
        const world = new World(twoWay).open();
        const model = new Model();
        const cleared: object[] = [];
        /** Bytes of numbered samples, cut where the steps say: an odd one is carried on, but not over a clear. */
        let sentBytes = 0;
        let fade = 0;
        for (const [name, step] of sequence.entries()) {
          if (step.do === 'media') {
            const first = sentBytes >> 1;
            const end = sentBytes + step.bytes;
            const source = bytesOf(numbered(first, step.bytes / 2 + 2));
            world.say(media(source.subarray(sentBytes - 2 * first, end - 2 * first)));
            model.waiting.push(...numbered(first, (end >> 1) - first));
            sentBytes = end;
          } else if (step.do === 'mark') {
            world.say(mark(name));
            model.mark(name);
          } else if (step.do === 'clear') {
            world.say({ event: 'clear' });
            if (model.waiting.some((item) => typeof item === 'number')) fade = FADE;
            cleared.push(model.clear());
            // The half that came is gone, and the other never comes.
            sentBytes += sentBytes % 2;
          } else {
            for (let beat = 0; beat < step.count; beat++) {
              const before = world.playout.playedSamples;
              const waiting = world.playout.queuedSamples;
              world.beats(1);
              const count = world.playout.playedSamples - before;
              const expected = model.take(count);
              // All there is, or nothing while a producer that fell behind catches up: never a part.
              assert.ok(
                count === Math.min(FRAME, waiting) || (count === 0 && waiting < 3 * FRAME),
                `${count} of ${waiting}`,
              );
              const heard = [...(world.heard.at(-1) ?? [])];
              const exact = [...expected, ...new Array<number>(FRAME - expected.length).fill(0)];
              assert.deepEqual(heard.slice(fade), exact.slice(fade));
              fade = 0;
            }
          }
          assert.equal(world.playout.queuedSamples, model.waiting.filter((item) => typeof item === 'number').length);
        }
        assert.deepEqual(marks(world), model.told);
        assert.deepEqual(
          world.connection.of('cleared').map((message) => message.cleared),
          cleared,
        );
      }),
      { numRuns: 120, seed: 7 },
    );
  });

  it('AC-43: clear with 30 s queued and 500 messages behind it is silence within a frame and a fade of 5 ms', () => {
    const world = new World(twoWay).open();
    for (let second = 0; second < 30; second++)
      world.say(media(bytesOf(new Int16Array(8000).fill(9000)))).say(mark(second));
    world.beats(52);
    const before = world.heard.length;
    world.say({ event: 'clear' });
    const { cleared } = world.connection.of('cleared')[0];
    assert.equal(cleared.playedMs, 1040);
    assert.equal(cleared.droppedMs, 28_960);
    assert.equal(cleared.marks.length, 29);
    world.beats(5);
    const after = concat(...world.heard.slice(before));
    let last = 9000;
    for (const sample of after.subarray(0, FADE)) {
      assert.ok(last - sample >= 0 && last - sample < 450, 'no click');
      last = sample;
    }
    assert.ok(after.subarray(FADE).every((sample) => sample === 0));
    for (let piece = 0; piece < 500; piece++) world.say(media(bytesOf(new Int16Array(FRAME).fill(500))));
    world.say({ event: 'clear' }).beats(5);
    assert.ok(
      concat(...world.heard.slice(before + 5)).every((sample) => sample === 0),
      'nothing of it had begun',
    );
    assert.deepEqual(
      marks(world).map(({ name }) => Number(name)),
      Array.from({ length: 30 }, (_, name) => name),
    );
  });

  it('AC-45: twenty thousand marks come back in order, whether passed or cleared', () => {
    const world = new World(twoWay).open();
    for (let name = 0; name < 20_000; name++) world.say(media(bytesOf(Int16Array.of(1, 2)))).say(mark(name));
    world.beats(100);
    world.connection.stalled = true;
    world.say({ event: 'clear' }).beats(2);
    assert.ok(marks(world).length < 20_000, 'the socket does not take them all at once');
    world.connection.recover();
    world.beats(2);
    const told = marks(world);
    assert.deepEqual(
      told.map(({ name }) => Number(name)),
      Array.from({ length: 20_000 }, (_, name) => name),
    );
    assert.deepEqual(
      told.map(({ cleared }) => cleared),
      Array.from({ length: 20_000 }, (_, name) => name >= 8000),
    );
    assert.deepEqual(world.stops, []);
  });

  it('an odd byte waits for its other half, over marks and over time', () => {
    const world = new World(twoWay).open();
    const bytes = bytesOf(Int16Array.of(0x0102, 0x0304));
    world
      .say(media(bytes.subarray(0, 3)))
      .say(mark(1))
      .beats(3);
    assert.equal(world.playout.playedSamples, 1);
    world.say(media(bytes.subarray(3))).beats(5);
    assert.equal(world.playout.playedSamples, 2);
    assert.deepEqual(
      concat(...world.heard).filter((sample) => sample !== 0),
      Int16Array.of(0x0102, 0x0304),
    );
  });
});
