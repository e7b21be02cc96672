/** Live producers whose clock is not ours, and producers that only look like it. Half an hour each, by hand. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Playout } from '../../../worker/media/playout.ts';
import { heardAt, sine, toneLevel } from '../../support/tone.ts';

const HALF_AN_HOUR = 90_000;

/** What the producer says at each sample of its own; a counter in it tells which sample that was. */
type Voice = (sample: number) => number;

interface Sender {
  readonly rate: 8000 | 16_000;
  /** Positive: its clock is fast. */
  readonly ppm: number;
  readonly chunkMs: number;
  /** Sent at once at the beginning. */
  readonly aheadMs?: number;
  readonly jitterMs?: number;
  readonly marks?: boolean;
  /** What falls due then comes all at once when it is over, or piece by piece within `overMs`. */
  readonly stall?: { readonly atMs: number; readonly forMs: number; readonly overMs?: number };
  readonly voice?: Voice;
}

interface Run {
  readonly queue: Playout;
  /** The delay from being sent to being heard in ms, once a second. */
  readonly delays: number[];
  readonly sent: number;
  /** The last second heard. */
  readonly tail: Int16Array;
  readonly silentBeats: number;
}

/** Sends and beats for a while; the delay is told by marks at known samples. */
function run(sender: Sender, beats = HALF_AN_HOUR): Run {
  const { rate, ppm, chunkMs, aheadMs = 0, jitterMs = 0, voice = () => 5000 } = sender;
  const queue = new Playout({ rate, report: (error) => assert.fail(String(error)) });
  const chunk = new Int16Array((rate * chunkMs) / 1000);
  const realChunkMs = chunkMs / (1 + ppm / 1e6);
  const out = new Int16Array(rate / 50);
  const tail = new Int16Array(rate);
  const delays: number[] = [];
  let chunks = 0;
  let sent = 0;
  let random = 1;
  let silentBeats = 0;
  const send = (): void => {
    for (let i = 0; i < chunk.length; i++) chunk[i] = voice(sent + i);
    queue.setLive(true);
    sent += queue.enqueue(chunk);
    if (sender.marks)
      queue.mark(() => {
        if (queue.queuedSamples === 0) queue.setLive(false);
      });
  };
  for (let ms = 0; ms < aheadMs; ms += chunkMs) send();
  const ahead = sent;
  for (let beat = 0; beat < beats; beat++) {
    for (;;) {
      const due = held(sender, 3 + chunks * realChunkMs + jitterMs * (random / 0x7fff_ffff));
      if (due > beat * 20) break;
      random = (random * 48_271) % 0x7fff_ffff;
      chunks += 1;
      send();
    }
    if (!queue.next(out)) silentBeats += 1;
    tail.set(out, (beat % 50) * out.length);
    // What is heard now was sent when the producer's own time was the cursor's.
    const sentAt = (3 + ((queue.playedSamples - ahead) / rate) * 1000) / (1 + ppm / 1e6);
    if (beat % 50 === 49 && beat > 100) delays.push((beat + 1) * 20 - sentAt);
  }
  return { queue, delays, sent, tail, silentBeats };
}

function held({ stall }: Sender, due: number): number {
  if (!stall || due < stall.atMs || due >= stall.atMs + stall.forMs) return due;
  const { atMs, forMs, overMs = 0 } = stall;
  return atMs + forMs + ((due - atMs) / forMs) * overMs;
}

const spread = ({ delays }: Run): number => {
  const [first = 0] = delays;
  return Math.max(...delays.map((delay) => Math.abs(delay - first)));
};

/** Words of 1.2 s with pauses of 0.4 s between them. */
const words =
  (rate: number): Voice =>
  (sample) =>
    sample % (1.6 * rate) < 1.2 * rate ? 5000 : 0;

/** A voiced sound of 120 Hz with overtones, in [−0.6, 0.6] of full scale. */
const vowel = (seconds: number): number => {
  let sum = 0;
  for (let n = 1; n <= 12; n++) sum += Math.sin(2 * Math.PI * 120 * n * seconds) / n;
  return Math.round(sum * 10_000);
};

describe('a live producer with a clock of its own', () => {
  for (const ppm of [200, -200]) {
    for (const rate of [8000, 16_000] as const) {
      for (const chunkMs of rate === 8000 ? [20, 60, 100] : [20]) {
        it(`${ppm} ppm, chunks of ${chunkMs} ms at ${rate} Hz: half an hour gains and loses at most 40 ms`, () => {
          const heard = run({ rate, ppm, chunkMs, voice: words(rate) });
          assert.ok(spread(heard) <= 40, `${spread(heard)} ms`);
          assert.ok(heard.queue.underruns <= 4, `${heard.queue.underruns} underruns`);
        });
      }
    }

    it(`${ppm} ppm: also of music, which never pauses, and in spite of jitter`, () => {
      const voice: Voice = (sample) => Math.round(8000 * Math.sin((2 * Math.PI * 440 * sample) / 8000));
      const heard = run({ rate: 8000, ppm, chunkMs: 20, jitterMs: 15, voice });
      assert.ok(spread(heard) <= 40, `${spread(heard)} ms`);
      assert.ok(heard.queue.underruns <= 4, `${heard.queue.underruns} underruns`);
      assert.ok(toneLevel(heard.tail, 440, 8000) > 0.2);
    });

    it(`${ppm} ppm: a mark behind every chunk changes nothing of it`, () => {
      const heard = run({ rate: 8000, ppm, chunkMs: 20, marks: true, voice: words(8000) });
      assert.ok(spread(heard) <= 40, `${spread(heard)} ms`);
    });

    it(`${ppm} ppm: a lead of two seconds stays one`, () => {
      const heard = run({ rate: 8000, ppm, chunkMs: 20, aheadMs: 2000, voice: words(8000) });
      assert.ok(spread(heard) <= 40, `${spread(heard)} ms`);
      assert.equal(heard.queue.underruns, 0);
      assert.ok(Math.abs(heard.queue.queuedSamples / 8 - 2000) <= 60);
    });
  }

  const voices: Readonly<Record<string, (rate: number) => Voice>> = {
    words,
    'a vowel that never ends': (rate) => (sample) => vowel(sample / rate),
  };
  for (const forMs of [100, 200, 1000]) {
    for (const rate of [8000, 16_000] as const) {
      for (const [name, voice] of Object.entries(voices)) {
        for (const marks of [false, true])
          it(`${name} at ${rate} Hz${marks ? ', a mark behind each chunk' : ''}: a stall of ${forMs} ms is made up for within ten seconds, and no sample of it is lost`, () => {
            const sender: Sender = {
              rate,
              ppm: 0,
              chunkMs: 20,
              marks,
              voice: voice(rate),
              stall: { atMs: 5000, forMs },
            };
            const [before = 0, ...rest] = run(sender, 240).delays;
            assert.ok(Math.max(...rest) <= before + 1, 'it kept up');
            // The stall is over at 5 s and its length; the delays are one a second from the third on.
            const heard = run(sender, 250 + (forMs + 10_000) / 20);
            const after = heard.delays.at(-1) ?? Number.NaN;
            assert.ok(after <= before + 40, `${after} ms, ${before} ms before`);
            assert.equal(heard.queue.playedSamples + heard.queue.queuedSamples, heard.sent);
            assert.ok(heard.silentBeats <= forMs / 20 + 3, `${heard.silentBeats} beats of silence`);
          });
      }
    }
  }

  for (const overMs of [40, 80, 150]) {
    for (const chunkMs of [20, 100]) {
      it(`chunks of ${chunkMs} ms: a stall of a second is made up for also when what was held up comes within ${overMs} ms`, () => {
        for (let atMs = 5000; atMs < 5200; atMs += 10) {
          const sender: Sender = {
            rate: 8000,
            ppm: 0,
            chunkMs,
            marks: true,
            voice: (sample) => vowel(sample / 8000),
            stall: { atMs, forMs: 1000, overMs },
          };
          const { delays } = run(sender, 250 + 11_000 / 20);
          const [before = 0] = delays;
          const after = delays.at(-1) ?? Number.NaN;
          assert.ok(after <= before + 40, `${after} ms, ${before} ms before, stalled at ${atMs}`);
        }
      });
    }
  }

  it('when our own beats are late again and again, all of it is given back', () => {
    const queue = new Playout({ rate: 8000, report: (error) => assert.fail(String(error)) });
    const out = new Int16Array(160);
    const levels: number[] = [];
    queue.setLive(true);
    let owed = 0;
    for (let beat = 0; beat < 11_000; beat++) {
      // An echo: what is sent comes back behind the beat, and behind several when they are run at once.
      const late = beat % 1100 >= 1098;
      if (late) queue.late();
      queue.next(out);
      owed += 1;
      if (!late) for (; owed > 0; owed--) queue.enqueue(sine(400, 20, 8000, 0.3));
      if (beat % 1100 === 1090) levels.push(queue.queuedSamples / 8);
    }
    assert.ok(queue.underruns >= 8, `${queue.underruns} underruns`);
    assert.ok(Math.max(...levels) <= 30, levels.join(' '));
  });

  for (const lump of [5, 25, 45]) {
    it(`when our beats run ${lump} at a time for two seconds, all that makes late is given back`, () => {
      const queue = new Playout({ rate: 8000, report: (error) => assert.fail(String(error)) });
      const out = new Int16Array(160);
      const levels: number[] = [];
      queue.setLive(true);
      let owed = 0;
      for (let beat = 0; beat < 1500; beat++) {
        const overloaded = beat > 40 && beat < 140;
        if (overloaded) queue.late();
        queue.next(out);
        levels.push(queue.queuedSamples / 8);
        owed += 1;
        if (!overloaded || beat % lump === 0) for (; owed > 0; owed--) queue.enqueue(sine(400, 20, 8000, 0.3));
      }
      assert.ok(Math.max(...levels) >= lump * 10, 'it was late');
      assert.ok(Math.max(...levels.slice(1000)) <= 30, `${levels[1000]} ms`);
    });
  }

  it('what came while we were stopped for seconds, and gave up as many beats, is given back', () => {
    const queue = new Playout({ rate: 8000, report: (error) => assert.fail(String(error)) });
    const out = new Int16Array(160);
    const beats = (count: number): void => {
      for (let beat = 0; beat < count; beat++) {
        queue.setLive(true);
        queue.enqueue(sine(400, 20, 8000, 0.3));
        queue.next(out);
      }
    };
    beats(200);
    for (let frame = 0; frame < 150; frame++) queue.enqueue(sine(400, 20, 8000, 0.3));
    queue.skipped(150);
    beats(50);
    assert.ok(queue.queuedSamples > 100 * 160, 'it was three seconds behind');
    beats(2000);
    assert.ok(queue.queuedSamples <= 2 * 160, `${queue.queuedSamples / 8} ms`);
  });

  for (const first of [1, 2, 4]) {
    it(`first words that come unevenly, ${first} frames and the next 100 ms later, leave nothing behind`, () => {
      const queue = new Playout({ rate: 8000, report: (error) => assert.fail(String(error)) });
      const out = new Int16Array(160);
      for (let beat = 0; beat < 600; beat++) {
        queue.setLive(true);
        const due = beat < first ? 1 : beat < first + 5 ? 0 : 1;
        for (let frame = 0; frame < due; frame++) queue.enqueue(sine(400, 20, 8000, 0.3));
        queue.next(out);
      }
      assert.ok(queue.queuedSamples <= 40, `${queue.queuedSamples / 8} ms`);
    });
  }

  it('whoever pauses for a second and goes on at the pace of speech owes nothing', () => {
    const queue = new Playout({ rate: 8000, report: (error) => assert.fail(String(error)) });
    const out = new Int16Array(160);
    for (let turn = 0; turn < 20; turn++) {
      for (let beat = 0; beat < 100; beat++) {
        queue.setLive(true);
        queue.enqueue(sine(440, 20, 8000, 0.5));
        queue.next(out);
        assert.equal(queue.playedSamples + queue.queuedSamples, (turn * 100 + beat + 1) * 160);
        assert.ok(queue.queuedSamples <= 3 * 160);
      }
      for (let beat = 0; beat < 50; beat++) queue.next(out);
    }
  });

  for (const marks of [false, true]) {
    it(`what was late and then ended is not taken from what is said next${marks ? ', with a mark at the end' : ''}`, () => {
      const queue = new Playout({ rate: 8000, report: (error) => assert.fail(String(error)) });
      const out = new Int16Array(160);
      const beats = (count: number, each: () => void): void => {
        for (let beat = 0; beat < count; beat++) {
          each();
          queue.next(out);
        }
      };
      const say = (frames: number): void => {
        queue.setLive(true);
        queue.enqueue(sine(400, frames * 20, 8000, 0.3));
      };
      beats(100, () => say(1));
      beats(20, () => {});
      say(20);
      beats(8, () => say(1));
      if (marks) queue.mark(() => queue.setLive(false));
      beats(100, () => {});
      // 300 ms ahead, on purpose.
      say(15);
      beats(150, () => say(1));
      assert.equal(queue.queuedSamples, 15 * 160);
    });
  }

  it('without drift nothing is ever added or left out', () => {
    const heard = run({ rate: 8000, ppm: 0, chunkMs: 20, jitterMs: 10 });
    assert.ok(spread(heard) <= 1);
    assert.equal(heard.queue.underruns, 0);
  });

  it('what is mended in sound is not heard: a tone stays one tone', () => {
    const voice: Voice = (sample) => Math.round(8000 * Math.sin((2 * Math.PI * 1000 * sample) / 8000));
    const heard = run({ rate: 8000, ppm: 200, chunkMs: 20, voice }, 10_000);
    assert.deepEqual(
      heardAt(heard.tail, 1000, 8000, 0.24).map(({ fromMs, toMs }) => [fromMs, toMs]),
      [[0, 1000]],
    );
    assert.equal(heard.silentBeats, 1);
  });
});

describe('audio sent ahead', () => {
  const total = 8000 * 300;
  const numbered = (from: number, count: number): Int16Array =>
    Int16Array.from({ length: count }, (_, at) => ((from + at) % 30_000) + 1);

  /** Sends five minutes as it likes; all of it must be heard, bit by bit. */
  const pushes: Readonly<Record<string, (beat: number, sent: number) => number>> = {
    'all at once': (beat) => (beat === 0 ? total : 0),
    'ten seconds every seven': (beat) => (beat % 350 === 0 ? 80_000 : 0),
    'twice as fast as it is heard': () => 320,
    'a twentieth faster than it is heard': () => 168,
    'a hundredth faster than it is heard': (beat) => (beat % 5 === 0 ? 808 : 0),
    'as the caller hears it, two seconds ahead': (beat) => (beat === 0 ? 16_000 : 160),
  };
  for (const [name, push] of Object.entries(pushes)) {
    it(`${name}: nothing is trimmed`, () => {
      const queue = new Playout({ rate: 8000, report: (error) => assert.fail(String(error)) });
      queue.setLive(true);
      const out = new Int16Array(160);
      let sent = 0;
      let heard = 0;
      for (let beat = 0; heard < total; beat++) {
        const count = Math.min(push(beat, sent), total - sent);
        if (count > 0) sent += queue.enqueue(numbered(sent, count));
        queue.next(out);
        for (let at = 0; at < Math.min(160, total - heard); at++) {
          if (out[at] !== ((heard + at) % 30_000) + 1) assert.fail(`sample ${heard + at} is ${out[at]}`);
        }
        heard += 160;
      }
      assert.equal(queue.playedSamples, total);
    });
  }

  it('quiet words of an app that pauses now and then are heard bit by bit', () => {
    const queue = new Playout({ rate: 8000, report: (error) => assert.fail(String(error)) });
    const out = new Int16Array(160);
    let sent = 0;
    for (let turn = 0; turn < 40; turn++) {
      for (let beat = 0; beat < 400; beat++) {
        queue.setLive(true);
        queue.enqueue(sine(440, 20, 8000, 0.005));
        queue.next(out);
        sent += 160;
        assert.equal(queue.playedSamples + queue.queuedSamples, sent);
        // Only the pre-buffer after a pause is ever waited for.
        assert.ok(queue.queuedSamples === 0 || (turn > 0 && queue.queuedSamples <= 160 * 2));
      }
      for (let beat = 0; beat < 60; beat++) queue.next(out);
    }
  });
});
