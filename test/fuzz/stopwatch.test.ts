/** What the fuzz tests call a stall, and what they do not. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Stopwatch } from '../support/stopwatch.ts';

/** A round of three steps on a clock that only they move: `costs` of one run after the other, the last for all further ones. */
class Rounds {
  runs = 0;
  #nowMs = 0;
  readonly #costs: readonly (readonly number[])[];
  readonly watch = new Stopwatch(() => this.#nowMs);

  constructor(...costs: readonly (readonly number[])[]) {
    this.#costs = costs;
  }

  run(): Promise<number> {
    return this.watch.round(async () => {
      const costs = this.#costs[Math.min(this.runs, this.#costs.length - 1)] ?? [];
      this.runs += 1;
      for (const ms of costs) {
        this.watch.time('a step', () => {
          this.#nowMs += ms;
        });
      }
      await this.watch.timeAsync('the last step', async () => {
        await Promise.resolve();
        this.#nowMs += 1;
      });
      return this.runs;
    });
  }
}

it('a round of quick steps runs once', async () => {
  const rounds = new Rounds([1, 19.9]);
  assert.equal(await rounds.run(), 1);
  assert.equal(rounds.runs, 1);
});

it('a step that stalls does so in every run, and fails', async () => {
  const rounds = new Rounds([1, 30], [1, 24], [1, 27]);
  await assert.rejects(rounds.run(), /: step 1, a step, took 24\.0 ms at best\n/);
  assert.equal(rounds.runs, 8);
});

it('a single stall of thousands of steps fails', async () => {
  const quick = Array.from({ length: 20_000 }, () => 0.1);
  await assert.rejects(new Rounds([...quick, 20, ...quick]).run(), /step 20000, a step, took 20\.0 ms/);
});

it('a pause that strikes another step each time is none, and the round answers with its first run', async () => {
  const rounds = new Rounds([500, 1, 1], [1, 500, 1], [1, 1, 500]);
  assert.equal(await rounds.run(), 1);
  assert.equal(rounds.runs, 2);
});

it('a step that another pause hides in one run is seen in the next', async () => {
  await assert.rejects(new Rounds([500, 25], [1, 500], [1, 25]).run(), /step 1, a step, took 25\.0 ms/);
});

it('a slow step that does not come again is not acquitted', async () => {
  await assert.rejects(new Rounds([1, 1, 1, 40], [1, 1]).run(), /step 3, a step, took 40\.0 ms/);
});

it('a round without a step is refused', async () => {
  await assert.rejects(
    new Stopwatch(() => 0).round(() => {}),
    /without a step/,
  );
});

it('a thread that is really kept for 25 ms is found by the real clock', async () => {
  const watch = new Stopwatch();
  const busy = (): void => {
    const until = performance.now() + 25;
    while (performance.now() < until);
  };
  await assert.rejects(
    watch.round(() => watch.time('busy', busy)),
    /busy/,
  );
});
