/** README.md lists what the numbers of the phone bank do, as they do it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { behaviourLines } from '../../../worker/phones/behaviours.ts';

it('README.md lists the numbers of the phone bank between its markers', () => {
  const between = /<!-- numbers -->\n```\n([\s\S]*?)\n```\n<!-- \/numbers -->/.exec(readFileSync('README.md', 'utf8'));
  assert.deepEqual(between?.[1]?.split('\n'), behaviourLines());
});
