/** Pieces of any length into blocks: the same bytes, and as few of them as there are. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Blocks } from '../../../worker/stream/blocks.ts';
import { heapInUse } from '../../support/dice.ts';
import { type Received, settled, World } from './world.ts';

const MIB = 2 ** 20;
const heldBy = (blocks: readonly Buffer[]): number =>
  [...new Set(blocks.map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0);

describe('blocks', () => {
  it('are what was put in, in order, and begin anew when they are taken', () => {
    const lengths = fc.array(fc.oneof(fc.nat(300), fc.nat(200_000)), { maxLength: 20 });
    fc.assert(
      fc.property(lengths, lengths, (...rounds) => {
        const blocks = new Blocks();
        for (const round of rounds) {
          const pieces = round.map((length, at) => Buffer.alloc(length, at + 1));
          for (const piece of pieces) blocks.append(piece);
          const whole = Buffer.concat(pieces);
          assert.equal(blocks.length, whole.length);
          const taken = blocks.take();
          assert.ok(Buffer.concat(taken).equals(whole));
          assert.ok(heldBy(taken) <= whole.length + 65_536);
          assert.ok(taken.length <= whole.length / 65_536 + 1);
          assert.equal(blocks.length, 0);
        }
      }),
      { seed: 7, numRuns: 100 },
    );
  });

  it('a file in pieces of a byte costs its bytes, while it is open and closed', async () => {
    const files: (readonly Buffer[])[] = [];
    const world = new World(
      { mode: 'bidirectional' },
      {
        readAudioFile: async function* (file) {
          files.push(file);
          yield new Int16Array(160);
        },
      },
    ).open();
    const piece = { event: 'media', media: { payload: 'AQ==' } };
    world.say(piece);
    const before = heapInUse();
    for (let more = 0; more < 200_000; more++) world.say(piece);
    const grown = heapInUse() - before;
    assert.ok(grown < 4 * MIB, `${Math.round(grown / MIB)} MiB`);
    world.say({ event: 'mark', mark: { name: 'end' } });
    await settled();
    const [file] = files;
    assert.deepEqual(
      file?.map(({ length }) => length),
      [65_536, 65_536, 65_536, 200_001 - 3 * 65_536],
    );
    const names = world
      .beats(3)
      .connection.of('mark')
      .map(({ mark }: Received) => mark.name);
    assert.deepEqual(names, ['end']);
  });
});
