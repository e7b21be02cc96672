/** What streams cost a worker whose apps read nothing for a minute: the bounds that docs/streams.md states, with few streams. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { StreamSpec } from '../../../shared/domain/stream.ts';
import { initMedia } from '../../../worker/media/init.ts';
import { readPage } from '../../support/markdown.ts';
import { StalledStreams } from '../../support/stalled-streams.ts';
import { twilio } from './world.ts';

const STREAMS = 40;
const MIB = 2 ** 20;
/** Of a stream itself, and what the first ones load. */
const BESIDES = 0.1 * MIB;

const { text } = readPage('docs/streams.md');
const [, mulaw = '', l16 = ''] =
  /costs a worker ([\d.]+) MiB a stream for µ-law, ([\d.]+) MiB for L16 at 8 kHz/.exec(text) ?? [];

describe('memory of stalled streams', () => {
  before(initMedia);

  const kinds: readonly (readonly [string, string, Partial<StreamSpec>])[] = [
    ['µ-law', mulaw, twilio],
    ['L16 at 8 kHz', l16, {}],
  ];
  for (const [what, bound, spec] of kinds) {
    it(`AC-90: ${what}: at most ${bound} MiB each, and no more after a minute than after ten seconds`, () => {
      assert.ok(Number(bound) > 0, 'the page says how much');
      new StalledStreams(2, spec).close();
      const stalled = new StalledStreams(STREAMS, spec);
      const [early, late] = [stalled.bytesAfter(15), stalled.bytesAfter(60)].map((bytes) => bytes / STREAMS);
      stalled.close();
      assert.ok(early !== undefined && late !== undefined);
      assert.ok(late < Number(bound) * MIB + BESIDES, `${(late / MIB).toFixed(3)} MiB`);
      assert.ok(late < 1.1 * early, `${(early / MIB).toFixed(3)} MiB, then ${(late / MIB).toFixed(3)}`);
    });
  }
});
