import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Loss } from '../../../worker/stream/failure.ts';
import { next, type StreamEvent, type StreamState } from '../../../worker/stream/state.ts';

const error = { code: 31903, message: 'lost' };
const lost: Loss = { error, stage: 'lost', retryable: true, closeCode: null };
const closed = (closeCode: number): Loss => ({ error, stage: 'closed', retryable: true, closeCode });
const gone = (loss: Loss, patient = false): StreamEvent => ({ event: 'gone', loss, patient });
const stop: StreamEvent = { event: 'stop', reason: 'hangup' };

const connecting: StreamState = { kind: 'connecting', paused: false };
const running: StreamState = { kind: 'in-progress' };
const paused: StreamState = { kind: 'paused' };
const reconnecting: StreamState = { kind: 'reconnecting', paused: false };
const stopped: StreamState = { kind: 'stopped', reason: 'hangup', error: null };
const failed: StreamState = { kind: 'failed', reason: 'error', error };
const closedBy: StreamState = { kind: 'stopped', reason: 'connection closed', error: null };
const closedWith = (code: number): StreamState => ({
  ...closedBy,
  error: { code: 31921, message: `websocket closed with code ${code}` },
});

const table: [string, StreamState, StreamEvent, StreamState, string][] = [
  ['opens', connecting, { event: 'opened' }, running, 'greet started'],
  ['is paused while it connects', connecting, { event: 'pause' }, { ...connecting, paused: true }, 'paused'],
  ['opens paused', { ...connecting, paused: true }, { event: 'opened' }, paused, 'greet started'],
  ['cannot connect', connecting, gone(lost), failed, 'end'],
  ['cannot connect, patient or not', connecting, gone(lost, true), failed, 'end'],
  ['is stopped before it is open', connecting, stop, stopped, 'end'],
  ['pauses', running, { event: 'pause' }, paused, 'paused'],
  ['resumes', paused, { event: 'resume' }, running, 'resumed'],
  ['resumes what runs', running, { event: 'resume' }, running, ''],
  ['pauses what is paused', paused, { event: 'pause' }, paused, ''],
  ['opens what is open', running, { event: 'opened' }, running, ''],
  ['is lost', running, gone(lost), failed, 'end'],
  ['is closed by the app', running, gone(closed(1000)), closedBy, 'end'],
  ['is closed without a code', paused, gone(closed(1005)), closedBy, 'end'],
  ['is closed with a code', running, gone(closed(4000)), closedWith(4000), 'end'],
  ['is lost and patient', running, gone(lost, true), reconnecting, 'reconnecting'],
  ['is lost while paused', paused, gone(lost, true), { ...reconnecting, paused: true }, 'reconnecting'],
  ['loses a server that goes away', running, gone(closed(1001), true), reconnecting, 'reconnecting'],
  ['is closed on purpose though patient', running, gone(closed(1000), true), closedBy, 'end'],
  ['fails to reconnect once', reconnecting, gone(lost, true), reconnecting, 'retry'],
  ['reconnects', reconnecting, { event: 'opened' }, running, 'greet reconnected'],
  ['gives up', reconnecting, { event: 'gave-up', error }, failed, 'end'],
  ['is stopped while it reconnects', reconnecting, stop, stopped, 'end'],
  ['is stopped', running, stop, stopped, 'farewell end'],
  ['is stopped while paused', paused, stop, stopped, 'farewell end'],
];

describe('stream state', () => {
  for (const [name, state, event, wanted, effects] of table) {
    it(name, () => {
      const step = next(state, event);
      assert.deepEqual(step.state, wanted);
      assert.equal(step.effects.join(' '), effects);
    });
  }

  it('AC-51: nothing moves a stream that is over', () => {
    const events: StreamEvent[] = [
      { event: 'opened' },
      { event: 'pause' },
      { event: 'resume' },
      gone(lost, true),
      { event: 'gave-up', error },
      stop,
    ];
    for (const state of [stopped, failed]) {
      for (const event of events) assert.deepEqual(next(state, event), { state, effects: [] });
    }
  });
});
