/** The machines of the INVITE usage and of offers, row by row. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firstOffer, NO_OFFER, nextOffers, type Offers, type OffersEvent } from '../../../worker/sip/session/offers.ts';
import { nextUsage, type Usage, type UsageEvent } from '../../../worker/sip/session/usage.ts';

type Row = readonly [event: UsageEvent, phase: Usage['phase'], effects: readonly string[]];

function walk(start: Usage, rows: readonly Row[]): void {
  let state = start;
  for (const [event, phase, effects] of rows) {
    const step = nextUsage(state, event);
    assert.deepEqual([event.type, step.state.phase, step.effects.map((one) => one.do)], [event.type, phase, effects]);
    state = step.state;
  }
}

const on = (type: Exclude<UsageEvent['type'], 'provisional' | 'failure' | 'reject' | 'lost'>): UsageEvent => ({ type });
const progress = (code: number): UsageEvent => ({ type: 'provisional', code });

describe('INVITE usage, calling', () => {
  it('rings, is answered, hangs up', () =>
    walk({ phase: 'calling' }, [
      [progress(100), 'trying', []],
      [progress(180), 'ringing', ['tellProgress']],
      [progress(100), 'ringing', []],
      [on('success'), 'up', ['ack', 'tellAnswered']],
      [on('hangup'), 'leaving', ['bye']],
      [on('hangup'), 'leaving', []],
      [on('bye'), 'leaving', []],
      [on('left'), 'ended', ['forget']],
      [on('hangup'), 'ended', []],
    ]));
  it('cancels only after a first answer', () =>
    walk({ phase: 'calling' }, [
      [on('hangup'), 'cancelling', ['stopTrying']],
      [progress(100), 'cancelling', ['cancel']],
      [progress(180), 'cancelling', []],
      [on('ringTimeout'), 'cancelling', []],
      [{ type: 'failure', code: 487, reason: '' }, 'ended', ['tellFailed', 'forget']],
    ]));
  it('acknowledges and hangs up a 200 that crosses the CANCEL', () =>
    walk({ phase: 'ringing' }, [
      [on('ringTimeout'), 'cancelling', ['cancel']],
      [on('success'), 'leaving', ['ack', 'bye', 'tellFailed']],
      [on('left'), 'ended', ['forget']],
    ]));
  it('gives up when the CANCEL leads to nothing', () =>
    walk({ phase: 'trying' }, [
      [on('hangup'), 'cancelling', ['cancel']],
      [on('cancelTimeout'), 'ended', ['abandon', 'tellFailed', 'forget']],
    ]));
  it('fails', () =>
    walk({ phase: 'calling' }, [[{ type: 'failure', code: 486, reason: '' }, 'ended', ['tellFailed', 'forget']]]));
});

describe('INVITE usage, invited', () => {
  it('answers and is acknowledged', () =>
    walk({ phase: 'invited' }, [
      [on('answer'), 'answered', ['accept']],
      [on('answer'), 'answered', []],
      [on('acked'), 'up', ['tellAcked']],
      [on('bye'), 'ended', ['tellEnded', 'forget']],
    ]));
  it('holds its BYE back until the ACK', () =>
    walk({ phase: 'answered', ending: false }, [
      [on('hangup'), 'answered', []],
      [on('acked'), 'leaving', ['bye']],
    ]));
  it('hangs up when no ACK comes', () => {
    walk({ phase: 'answered', ending: false }, [[on('ackTimeout'), 'leaving', ['bye', 'tellEnded']]]);
    walk({ phase: 'answered', ending: true }, [[on('ackTimeout'), 'leaving', ['bye']]]);
  });
  it('is refused, cancelled or given up before the answer', () => {
    walk({ phase: 'invited' }, [[{ type: 'reject', code: 486, reason: '' }, 'ended', ['refuse', 'forget']]]);
    walk({ phase: 'invited' }, [[on('cancelled'), 'ended', ['refuse', 'tellEnded', 'forget']]]);
    walk({ phase: 'invited' }, [[on('bye'), 'ended', ['refuse', 'tellEnded', 'forget']]]);
    walk({ phase: 'invited' }, [[on('hangup'), 'ended', ['refuse', 'forget']]]);
  });
  it('ignores a CANCEL that comes after the answer', () =>
    walk({ phase: 'answered', ending: false }, [[on('cancelled'), 'answered', []]]));
});

describe('INVITE usage, up', () => {
  it('is lost with a dead dialog', () =>
    walk({ phase: 'up' }, [[{ type: 'lost', code: 481 }, 'leaving', ['bye', 'tellEnded']]]));
});

describe('offers', () => {
  const run = (start: Offers, ...events: OffersEvent[]): string[] => {
    let state = start;
    const effects: string[] = [];
    for (const event of events) {
      const step = nextOffers(state, event);
      state = step.state;
      effects.push(
        `${state.phase}: ${step.effects.map((one) => ('sdp' in one ? `${one.do} ${one.sdp}` : one.do === 'refuse' ? `refuse ${one.code}` : one.do)).join(', ')}`,
      );
    }
    return effects;
  };
  const offer = (sdp: string): OffersEvent => ({ type: 'reoffer', sdp });

  it('sends one at a time, in order', () =>
    assert.deepEqual(run(NO_OFFER, offer('a'), offer('b'), { type: 'answered' }, { type: 'answered' }), [
      'ours: send a',
      'ours: ',
      'ours: send b',
      'idle: ',
    ]));
  it('waits for the first INVITE to be settled', () => {
    assert.deepEqual(run(firstOffer('ours'), offer('a'), { type: 'theirs' }, { type: 'answered' }), [
      'ours: ',
      'ours: refuse 491',
      'ours: send a',
    ]);
    assert.deepEqual(run(firstOffer('theirs'), { type: 'theirs' }, { type: 'settled' }), [
      'theirs: refuse 500',
      'idle: ',
    ]);
  });
  it('tries again after a 491, letting theirs go first', () => {
    const glare: OffersEvent = { type: 'refused', code: 491, reason: '' };
    assert.deepEqual(run(NO_OFFER, offer('a'), glare, { type: 'glareOver' }), [
      'ours: send a',
      'waiting: waitForGlare',
      'ours: send a',
    ]);
    assert.deepEqual(run(NO_OFFER, offer('a'), glare, { type: 'theirs' }, { type: 'glareOver' }, { type: 'settled' }), [
      'ours: send a',
      'waiting: waitForGlare',
      'theirs: stopWaiting, tellReoffer',
      'theirs: ',
      'ours: send a',
    ]);
  });
  it('reports another refusal and goes on', () =>
    assert.deepEqual(run(NO_OFFER, offer('a'), offer('b'), { type: 'refused', code: 488, reason: '' }), [
      'ours: send a',
      'ours: ',
      'ours: tellFailed, send b',
    ]));
});
