/** The call's machine, as the drawing above it says; everything not in the table changes nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endingOf } from '../../../worker/call/ending.ts';
import { type CallEvent, type CallState, next } from '../../../worker/call/machine.ts';

const ending = endingOf('hangup_verb', { answered: true, direction: 'inbound' });
const states: readonly CallState[] = [
  { at: 'idle' },
  { at: 'dialling' },
  { at: 'ringing-out' },
  { at: 'ringing-in' },
  { at: 'answering' },
  { at: 'finding' },
  { at: 'taking-over' },
  { at: 'up' },
  { at: 'ending', ending },
  { at: 'ended', ending },
  { at: 'left' },
];
const events = {
  'began out': { event: 'began', inbound: false },
  'began in': { event: 'began', inbound: true },
  'reclaimed up': { event: 'reclaimed', answered: true },
  'reclaimed ringing': { event: 'reclaimed', answered: false },
  'found none out': { event: 'found', stage: 'none', inbound: false },
  'found calling': { event: 'found', stage: 'calling', inbound: false },
  'found ringing': { event: 'found', stage: 'ringing', inbound: false },
  'found invited': { event: 'found', stage: 'invited', inbound: true },
  'found up': { event: 'found', stage: 'up', inbound: true },
  rang: { event: 'rang' },
  answer: { event: 'answer' },
  answered: { event: 'answered' },
  over: { event: 'over', ending, farGone: false },
  'over, far gone': { event: 'over', ending, farGone: true },
  settled: { event: 'settled' },
  left: { event: 'left' },
} as const satisfies Record<string, CallEvent>;

const live = ['idle', 'dialling', 'ringing-out', 'answering', 'finding', 'taking-over', 'up'];
const table: Readonly<Record<string, readonly [to: string, effects: string]>> = {
  'idle · began out': ['dialling', 'tell-initiated dial'],
  'idle · began in': ['ringing-in', 'ring tell-initiated tell-ringing run-document'],
  'idle · reclaimed up': ['taking-over', 'take-over'],
  'idle · reclaimed ringing': ['finding', 'find'],
  'finding · found none out': ['dialling', 'tell-initiated dial'],
  'finding · found calling': ['dialling', 'join'],
  'finding · found ringing': ['ringing-out', 'join tell-ringing'],
  'finding · found invited': ['ringing-in', 'ring tell-initiated tell-ringing run-document'],
  'finding · found up': ['taking-over', 'take-over'],
  'dialling · rang': ['ringing-out', 'tell-ringing'],
  'dialling · answered': ['up', 'tell-answered run-document'],
  'ringing-out · answered': ['up', 'tell-answered run-document'],
  'ringing-in · answer': ['answering', 'answer'],
  'answering · answered': ['up', 'tell-answered'],
  'taking-over · answered': ['up', 'resume'],
  'ringing-in · over': ['ending', 'refuse wind-up'],
  'ringing-in · over, far gone': ['ending', 'wind-up'],
  ...Object.fromEntries(live.map((at) => [`${at} · over`, ['ending', 'hangup wind-up'] as const])),
  ...Object.fromEntries(live.map((at) => [`${at} · over, far gone`, ['ending', 'wind-up'] as const])),
  'ending · settled': ['ended', 'tell-ended'],
  ...Object.fromEntries([...live, 'ringing-in', 'ending'].map((at) => [`${at} · left`, ['left', 'drop'] as const])),
};

describe('the call machine', () => {
  for (const state of states) {
    for (const [name, event] of Object.entries(events)) {
      const row = `${state.at} · ${name}`;
      const [to, effects] = table[row] ?? [state.at, ''];
      it(`${row} → ${to}${effects === '' ? '' : `: ${effects}`}`, () => {
        const step = next(state, event);
        assert.deepEqual([step.state.at, step.effects.join(' ')], [to, effects]);
        if (table[row] === undefined) assert.equal(step.state, state);
      });
    }
  }
});
