/** The four transaction machines against the figures of RFC 3261 §17 and RFC 6026, row by row. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextClient, startClient } from '../../../worker/sip/transaction/client.ts';
import { nextInviteClient, startInviteClient } from '../../../worker/sip/transaction/invite-client.ts';
import { nextInviteServer, startInviteServer } from '../../../worker/sip/transaction/invite-server.ts';
import { nextServer, startServer } from '../../../worker/sip/transaction/server.ts';
import type { ClientEvent, Effect, ServerEvent, Step, TimerName } from '../../../worker/sip/transaction/timers.ts';

const said = (effects: readonly Effect[]): string =>
  effects
    .map((one) =>
      one.type === 'arm' ? `arm ${one.timer} ${one.afterMs}` : one.type === 'disarm' ? `disarm ${one.timer}` : one.type,
    )
    .join(', ');

/** `200` a response or our answer, `A` a timer, or an event's name. */
function clientEvent(text: string): ClientEvent {
  if (/^\d/.test(text)) return { type: 'response', status: Number(text) };
  if (text === 'unreachable' || text === 'abandon') return { type: text };
  return { type: 'timer', timer: text as TimerName };
}

function serverEvent(text: string): ServerEvent {
  if (/^\d/.test(text)) return { type: 'respond', status: Number(text) };
  if (text === 'unreachable' || text === 'request' || text === 'ack') return { type: text };
  return { type: 'timer', timer: text as TimerName };
}

type Row = readonly [event: string, state: string, effects: string];

function walk<State extends { readonly name: string }, Event>(
  state: State,
  next: (state: State, event: Event) => Step<State>,
  read: (text: string) => Event,
  rows: readonly Row[],
): void {
  let current = state;
  for (const [event, name, effects] of rows) {
    const step = next(current, read(event));
    assert.deepEqual([event, step.state.name, said(step.effects)], [event, name, effects]);
    current = step.state;
  }
}

describe('INVITE client transaction', () => {
  const udp = (rows: readonly Row[]): void => walk(startInviteClient(false).state, nextInviteClient, clientEvent, rows);
  const tcp = (rows: readonly Row[]): void => walk(startInviteClient(true).state, nextInviteClient, clientEvent, rows);

  it('starts by sending; over UDP with timer A', () => {
    assert.equal(said(startInviteClient(false).effects), 'send, arm A 500, arm B 32000');
    assert.equal(said(startInviteClient(true).effects), 'send, arm B 32000');
  });
  it('sends again with doubled times, then gives up', () =>
    udp([
      ['A', 'calling', 'send, arm A 1000'],
      ['A', 'calling', 'send, arm A 2000'],
      ['A', 'calling', 'send, arm A 4000'],
      ['A', 'calling', 'send, arm A 8000'],
      ['B', 'terminated', 'timeout, terminate'],
      ['200', 'terminated', ''],
    ]));
  it('stops sending at a provisional answer and passes each', () =>
    udp([
      ['100', 'proceeding', 'disarm A, disarm B, pass'],
      ['180', 'proceeding', 'disarm A, disarm B, pass'],
      ['A', 'proceeding', ''],
      ['B', 'proceeding', ''],
      ['200', 'accepted', 'disarm A, disarm B, arm M 32000, pass'],
      ['200', 'accepted', 'pass'],
      ['180', 'accepted', ''],
      ['486', 'accepted', ''],
      ['unreachable', 'accepted', ''],
      ['M', 'terminated', 'terminate'],
    ]));
  it('acknowledges a refusal and its repetitions', () =>
    udp([
      ['486', 'completed', 'disarm A, disarm B, ack, pass, arm D 32000'],
      ['486', 'completed', 'ack'],
      ['200', 'completed', ''],
      ['180', 'completed', ''],
      ['D', 'terminated', 'terminate'],
    ]));
  it('is over at once after a refusal over TCP', () =>
    tcp([['486', 'terminated', 'disarm A, disarm B, ack, pass, terminate']]));
  it('ends when unreachable or abandoned', () => {
    udp([['unreachable', 'terminated', 'unreachable, terminate']]);
    udp([
      ['180', 'proceeding', 'disarm A, disarm B, pass'],
      ['abandon', 'terminated', 'terminate'],
    ]);
    udp([
      ['404', 'completed', 'disarm A, disarm B, ack, pass, arm D 32000'],
      ['unreachable', 'terminated', 'terminate'],
    ]);
  });
});

describe('non-INVITE client transaction', () => {
  const udp = (rows: readonly Row[]): void => walk(startClient(false).state, nextClient, clientEvent, rows);

  it('starts by sending; over UDP with timer E', () => {
    assert.equal(said(startClient(false).effects), 'send, arm E 500, arm F 32000');
    assert.equal(said(startClient(true).effects), 'send, arm F 32000');
  });
  it('sends again up to every 4 s, then gives up', () =>
    udp([
      ['E', 'trying', 'send, arm E 1000'],
      ['E', 'trying', 'send, arm E 2000'],
      ['E', 'trying', 'send, arm E 4000'],
      ['E', 'trying', 'send, arm E 4000'],
      ['F', 'terminated', 'timeout, terminate'],
    ]));
  it('sends every 4 s after a provisional answer', () =>
    udp([
      ['100', 'proceeding', 'pass'],
      ['E', 'proceeding', 'send, arm E 4000'],
      ['200', 'completed', 'disarm E, disarm F, pass, arm K 5000'],
      ['200', 'completed', ''],
      ['E', 'completed', ''],
      ['K', 'terminated', 'terminate'],
    ]));
  it('times out in proceeding as well', () =>
    udp([
      ['100', 'proceeding', 'pass'],
      ['F', 'terminated', 'timeout, terminate'],
    ]));
  it('is over at once after an answer over TCP', () =>
    walk(startClient(true).state, nextClient, clientEvent, [
      ['481', 'terminated', 'disarm E, disarm F, pass, terminate'],
    ]));
  it('ends when unreachable', () => udp([['unreachable', 'terminated', 'unreachable, terminate']]));
});

describe('INVITE server transaction', () => {
  const udp = (rows: readonly Row[]): void => walk(startInviteServer(false), nextInviteServer, serverEvent, rows);

  it('repeats the latest provisional answer, absorbs after a 2xx', () =>
    udp([
      ['100', 'proceeding', 'send'],
      ['180', 'proceeding', 'send'],
      ['request', 'proceeding', 'send'],
      ['200', 'accepted', 'send, arm L 32000'],
      ['request', 'accepted', ''],
      ['200', 'accepted', 'send'],
      ['486', 'accepted', ''],
      ['ack', 'accepted', ''],
      ['L', 'terminated', 'terminate'],
    ]));
  it('repeats a refusal until its ACK', () =>
    udp([
      ['486', 'completed', 'send, arm G 500, arm H 32000'],
      ['G', 'completed', 'send, arm G 1000'],
      ['G', 'completed', 'send, arm G 2000'],
      ['G', 'completed', 'send, arm G 4000'],
      ['G', 'completed', 'send, arm G 4000'],
      ['request', 'completed', 'send'],
      ['ack', 'confirmed', 'disarm G, disarm H, arm I 5000'],
      ['ack', 'confirmed', ''],
      ['request', 'confirmed', ''],
      ['I', 'terminated', 'terminate'],
    ]));
  it('gives a refusal up without ACK', () =>
    udp([
      ['603', 'completed', 'send, arm G 500, arm H 32000'],
      ['H', 'terminated', 'timeout, terminate'],
    ]));
  it('does not repeat over TCP', () =>
    walk(startInviteServer(true), nextInviteServer, serverEvent, [
      ['486', 'completed', 'send, arm H 32000'],
      ['ack', 'terminated', 'disarm H, terminate'],
    ]));
  it('ends when unreachable', () => udp([['unreachable', 'terminated', 'unreachable, terminate']]));
});

describe('non-INVITE server transaction', () => {
  const udp = (rows: readonly Row[]): void => walk(startServer(false), nextServer, serverEvent, rows);

  it('repeats its answer for 32 s', () =>
    udp([
      ['request', 'trying', ''],
      ['100', 'proceeding', 'send'],
      ['request', 'proceeding', 'send'],
      ['200', 'completed', 'send, arm J 32000'],
      ['request', 'completed', 'send'],
      ['500', 'completed', ''],
      ['J', 'terminated', 'terminate'],
    ]));
  it('is over at once over TCP', () =>
    walk(startServer(true), nextServer, serverEvent, [['200', 'terminated', 'send, terminate']]));
  it('ends when unreachable', () => udp([['unreachable', 'terminated', 'unreachable, terminate']]));
});
