/** Apps that send a mark behind every message: it says nothing of where what they say ends, and must not keep them from catching up. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_COUNTERS } from '../../../shared/domain/stream.ts';
import { Playout } from '../../../worker/media/playout.ts';
import { Playback } from '../../../worker/stream/playback.ts';
import { ManualClock } from '../../support/clock.ts';
import { sine } from '../../support/tone.ts';

const FRAME = 160;
const out = new Int16Array(FRAME);

function app() {
  const clock = new ManualClock();
  const playout = new Playout({ rate: 8000, report: (error) => assert.fail(String(error)) });
  const marks: string[] = [];
  const playback = new Playback(playout, NO_COUNTERS, clock, {
    onMark: (name) => marks.push(name),
    onBacklog: () => assert.fail('a backlog'),
    onPressure: () => {},
  });
  let said = 0;
  const say = (ms: number): void => {
    playback.play(sine(300, ms, 8000, 0.3));
    playback.mark(String(said++));
  };
  /** Beats, each behind what falls due in it. */
  const beats = (count: number, each: (beat: number) => void = () => {}): void => {
    for (let beat = 0; beat < count; beat++) {
      each(beat);
      playout.next(out);
      clock.advance(20);
    }
  };
  const ordered = (): boolean => marks.length === said && marks.every((name, at) => name === String(at));
  return { playout, playback, say, beats, ordered };
}

describe('a mark behind every message', () => {
  for (const everyMs of [20, 100]) {
    for (const stallMs of [200, 1000]) {
      it(`${everyMs} ms at a time, at the pace of speech: a stall of ${stallMs} ms is made up for`, () => {
        const { playback, say, beats, ordered } = app();
        const every = everyMs / 20;
        beats(300, (beat) => {
          if (beat % every === 0) say(everyMs);
        });
        const before = playback.bufferedMs;
        beats(stallMs / 20);
        for (let ms = 0; ms < stallMs; ms += everyMs) say(everyMs);
        beats(600, (beat) => {
          if (beat % every === 0) say(everyMs);
        });
        assert.ok(playback.bufferedMs <= before + 40, `${playback.bufferedMs} ms wait, ${before} ms before`);
        beats(20);
        assert.equal(playback.bufferedMs, 0);
        assert.equal(playback.droppedMs, 0);
        assert.ok(ordered());
      });
    }
  }

  it('sent ahead: the end of each thing said is no underrun, and nothing of it is trimmed', () => {
    const { playback, say, beats, ordered } = app();
    for (let turn = 0; turn < 20; turn++) {
      for (let delta = 0; delta < 12; delta++) say(100);
      beats(40 + 3 * turn, () => {});
      const wait = 1200 - 20 * (40 + 3 * turn);
      assert.equal(playback.bufferedMs, Math.max(0, wait));
      beats(60);
      assert.equal(playback.playedMs, 1200 * (turn + 1));
    }
    assert.equal(playback.underruns, 0);
    assert.ok(ordered());
  });
});
