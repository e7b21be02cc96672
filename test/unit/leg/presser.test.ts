/** Digits one after the other: how many wait, and those nobody waits for any longer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Presser } from '../../../worker/leg/presser.ts';
import { ManualClock } from '../../support/clock.ts';

/** Keys that stay down until the test lets go of them. */
class Pressed {
  readonly clock = new ManualClock();
  readonly keys: string[] = [];
  released = 0;
  #up: (() => void) | null = null;
  readonly presser = new Presser(this.clock, {
    press: (digit, done) => {
      this.keys.push(digit);
      this.#up = done;
    },
    release: () => {
      this.released += 1;
      this.#up = null;
    },
  });

  async up(): Promise<void> {
    this.#up?.();
    await turn();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a presser', () => {
  it('counts keys and pauses until they are over', async () => {
    const line = new Pressed();
    const done = Promise.all([line.presser.press('1w'), line.presser.press('2')]);
    assert.equal(line.presser.waiting, 3);
    await turn();
    await line.up();
    assert.equal(line.presser.waiting, 2);
    line.clock.advance(500);
    await turn();
    assert.deepEqual([line.keys.join(''), line.presser.waiting], ['12', 1]);
    await line.up();
    await done;
    assert.equal(line.presser.waiting, 0);
  });

  it('who does not want its digits any longer does not wait for those of another', async () => {
    const line = new Pressed();
    const stop = new AbortController();
    const first = line.presser.press('1');
    const cut = assert.rejects(line.presser.press('23', stop.signal), /enough/);
    const third = line.presser.press('4');
    await turn();
    stop.abort(new Error('enough'));
    assert.equal(await Promise.race([cut, turn().then(() => 'it waits')]), undefined);
    assert.deepEqual([line.keys.join(''), line.released], ['1', 0]);
    await line.up();
    await first;
    await line.up();
    await third;
    assert.equal(line.keys.join(''), '14');
  });

  it('does not count what was given up', async () => {
    const line = new Pressed();
    const stop = new AbortController();
    const given = assert.rejects(line.presser.press('123', stop.signal), /enough/);
    const left = assert.rejects(line.presser.press('45'), /closed/);
    await turn();
    stop.abort(new Error('enough'));
    await given;
    await turn();
    assert.deepEqual([line.keys.join(''), line.released, line.presser.waiting], ['14', 1, 2]);
    line.presser.close();
    await left;
    assert.equal(line.presser.waiting, 0);
  });
});
