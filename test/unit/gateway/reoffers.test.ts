/** The machine of offers within a dialog: whose answer is whose. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FIRST_LEG, type OfferNumber } from '../../../shared/kernel/ids.ts';
import {
  type Asked,
  NO_REOFFERS,
  nextReoffers,
  type Reoffers,
  type ReoffersEffect,
  type ReoffersEvent,
} from '../../../worker/gateway/reoffers.ts';

const leg = FIRST_LEG;
const offer = (number: number): OfferNumber => number as OfferNumber;
const numbered = (number: number | null) => (number === null ? {} : { offer: offer(number) });

const asked = (number: number): Asked => ({ kind: 'reoffered', leg, sdp: 'theirs', offer: offer(number) });
const theirs = (number: number): ReoffersEvent => ({ type: 'theirs', letter: asked(number) });
const answer = (number: number | null): ReoffersEvent => ({
  type: 'decided',
  letter: { kind: 'answer-reoffer', leg, sdp: `for ${number}`, ...numbered(number) },
});
const reject = (number: number | null): ReoffersEvent => ({
  type: 'decided',
  letter: { kind: 'reject-reoffer', leg, sipCode: 488, ...numbered(number) },
});
const ours = (number: number | null): ReoffersEvent => ({
  type: 'ours',
  letter: { kind: 'reoffer', leg, sdp: `ours ${number}`, ...numbered(number) },
});
const reanswered: ReoffersEvent = { type: 'settled', letter: { kind: 'reanswered', leg, sdp: 'fine' } };
const failed: ReoffersEvent = { type: 'settled', letter: { kind: 'reoffer-failed', leg, sipCode: 488 } };
const timeUp: ReoffersEvent = { type: 'timeUp' };
const over: ReoffersEvent = { type: 'over' };

/** In one line each: what it does, and to what. */
function told(effect: ReoffersEffect): string {
  if (effect.do === 'takeBack') return `take back ${effect.letter.offer}`;
  if (effect.do === 'tell') return `tell ${effect.letter.kind} ${'offer' in effect.letter ? effect.letter.offer : '-'}`;
  if (effect.do === 'refuse') return `refuse ${effect.code}`;
  return 'sdp' in effect ? `${effect.do} ${effect.sdp}` : effect.do;
}

const rows: readonly (readonly [string, readonly ReoffersEvent[], readonly string[]])[] = [
  ['theirs is asked about', [theirs(1)], ['tell reoffered 1', 'startTimer']],
  ['theirs is answered', [theirs(1), answer(1)], ['stopTimer', 'answer for 1']],
  ['theirs is rejected', [theirs(1), reject(1)], ['stopTimer', 'refuse 488']],
  ['without a number it is about the one that waits', [theirs(1), answer(null)], ['stopTimer', 'answer for null']],
  ['time is up', [theirs(1), timeUp], ['refuse 500', 'stopTimer', 'take back 1']],
  ['theirs is cancelled', [theirs(1), over], ['stopTimer', 'take back 1']],
  ['over when nothing waits', [theirs(1), answer(1), over], []],
  ['the answer comes too late', [theirs(1), timeUp, answer(1)], []],
  ['the answer to the first is not the second one’s', [theirs(1), over, theirs(2), answer(1)], []],
  ['nor its refusal', [theirs(1), timeUp, theirs(2), reject(1)], []],
  ['the second has its own', [theirs(1), over, theirs(2), answer(1), answer(2)], ['stopTimer', 'answer for 2']],
  ['of two the first is over', [theirs(1), theirs(2)], ['stopTimer', 'take back 1', 'tell reoffered 2', 'startTimer']],
  ['ours is sent', [ours(1)], ['send ours 1']],
  ['ours is answered', [ours(1), reanswered], ['tell reanswered 1']],
  ['ours has failed', [ours(1), failed], ['tell reoffer-failed 1']],
  ['one of ours waits for another', [ours(1), ours(2)], []],
  ['and goes when that one is answered', [ours(1), ours(2), reanswered], ['tell reanswered 1', 'send ours 2']],
  ['or has failed', [ours(1), ours(2), failed], ['tell reoffer-failed 1', 'send ours 2']],
  ['and is told by its number', [ours(1), ours(2), failed, reanswered], ['tell reanswered 2']],
  ['the newest goes', [ours(1), ours(2), ours(3), reanswered], ['tell reanswered 1', 'send ours 3']],
  ['ours without a number', [ours(null), reanswered], ['tell reanswered -']],
  ['an answer to one of the time before a restart', [reanswered], ['tell reanswered -']],
];

describe('offers within a dialog', () => {
  for (const [what, events, effects] of rows) {
    it(what, () => {
      let state: Reoffers = NO_REOFFERS;
      let last: readonly ReoffersEffect[] = [];
      for (const event of events) ({ state, effects: last } = nextReoffers(state, event));
      assert.deepEqual(last.map(told), effects);
    });
  }
});
