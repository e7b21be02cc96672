/** /calls/:sid/events: pages, and the live stream with its resume, its end and its bounds. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventPage } from '../../api/schemas/event.ts';
import { listen, type RunningServer } from '../../api/server.ts';
import type { Callback } from '../../shared/domain/callback.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import { systemClock } from '../../shared/kernel/clock.ts';
import type { CallSid, Epoch } from '../../shared/kernel/ids.ts';
import { type ApiFixture, startApiFixture } from '../support/api-fixture.ts';
import { ManualClock } from '../support/clock.ts';
import { EventListener } from '../support/event-listener.ts';

let fixture: ApiFixture;
let server: RunningServer;
const stopping = new AbortController();
before(async () => {
  fixture = await startApiFixture();
  server = await listen(fixture.another({ stopping: stopping.signal }).app, '127.0.0.1', 0, systemClock);
});
after(async () => {
  await server.close(0);
  await fixture.stop();
});

const mark = async (call: { sid: CallSid; epoch: Epoch }, count: number) => {
  const at = new Date().toISOString();
  const entries = Array.from({ length: count }, (_, index) => ({
    at,
    entry: { type: 'verb.started', verb: 'Pause', index } as const,
  }));
  await fixture.store.timeline.append(call.sid, entries);
};

const lastSeq = async (sid: CallSid): Promise<number> =>
  (await fixture.store.timeline.read(sid, 0, 1000)).at(-1)?.seq ?? 0;

const hangUp = async (call: { sid: CallSid; epoch: Epoch }, callbacks: readonly Callback[] = []) => {
  const ending = { status: 'completed', cause: 'hangup', blame: 'caller', sipCode: null, detail: null } as const;
  const entries = [{ at: new Date().toISOString(), entry: { type: 'call.ended', ending } as const }];
  await fixture.store.calls.save(call.sid, call.epoch, { patch: { status: 'completed', ending }, entries, callbacks });
};

const add = (sid: CallSid, entry: TimelineEntry) =>
  fixture.store.timeline.append(sid, [{ at: new Date().toISOString(), entry }]);

describe('the timeline in pages', () => {
  it('goes by seq, without a gap', async () => {
    const call = await fixture.call('in-progress');
    await mark(call, 7);
    const total = await lastSeq(call.sid);
    const seen: number[] = [];
    let path = `/calls/${call.sid}/events?limit=3`;
    for (let pages = 0; pages < 9 && path !== ''; pages += 1) {
      const page = eventPage.parse((await fixture.api.get(path).expect(200)).body);
      seen.push(...page.items.map((event) => event.seq));
      path = page.nextCursor === null ? '' : `/calls/${call.sid}/events?limit=3&cursor=${page.nextCursor}`;
    }
    assert.deepEqual(
      seen,
      Array.from({ length: total }, (_, index) => index + 1),
    );
  });

  it('is refused for no call, a bad cursor and another type', async () => {
    const call = await fixture.call('in-progress');
    await fixture.api.get(`/calls/CA${'0'.repeat(32)}/events`).expect(404);
    await fixture.api.get(`/calls/${call.sid}/events?cursor=abc`).expect(422);
    await fixture.api.get(`/calls/${call.sid}/events`).set('Accept', 'image/png').expect(406);
  });
});

describe('the end of the timeline', () => {
  const owed = { event: 'call.completed', url: 'http://app.example/', method: 'POST', fields: {} } as const;
  const clock = new ManualClock();
  let still: RunningServer;
  before(async () => {
    still = await listen(fixture.another({ clock }).app, '127.0.0.1', 0, systemClock);
  });
  after(() => still.close(0));

  const follow = async (sid: CallSid) => {
    const listener = new EventListener(sid, still.port);
    await listener.has(await lastSeq(sid));
    return listener;
  };
  /** Until the follower waits for the clock. */
  const waiting = async () => {
    const signal = AbortSignal.timeout(10_000);
    while (clock.pending === 0) {
      signal.throwIfAborted();
      await new Promise(setImmediate);
    }
  };

  it('is sent too: what comes after the call, until nothing did for half a second', async () => {
    const call = await fixture.call('in-progress');
    const listener = await follow(call.sid);
    await hangUp(call);
    await listener.until(() => listener.types.at(-1) === 'call.ended');
    await waiting();
    clock.advance(499);
    await add(call.sid, { type: 'sip.bye', way: 'out' });
    await listener.until(() => listener.types.at(-1) === 'sip.bye');
    await waiting();
    clock.advance(500);
    await listener.ended;
  });

  it('waits for what comes of a callback that is owed', async () => {
    const call = await fixture.call('in-progress');
    const listener = await follow(call.sid);
    await hangUp(call, [owed]);
    await listener.until(() => listener.types.at(-1) === 'call.ended');
    await waiting();
    clock.advance(500);
    await waiting();
    const first = await fixture.store.outbox.peek(call.sid);
    await fixture.store.outbox.remove(call.sid, first?.id ?? 0);
    await add(call.sid, { type: 'callback.delivered', url: owed.url, event: owed.event, httpStatus: 200, attempts: 1 });
    await listener.until(() => listener.types.at(-1) === 'callback.delivered');
    await waiting();
    clock.advance(500);
    await listener.ended;
  });

  it('does not wait longer than two seconds', async () => {
    const call = await fixture.call('in-progress');
    const listener = await follow(call.sid);
    await hangUp(call, [owed]);
    await listener.until(() => listener.types.at(-1) === 'call.ended');
    for (let steps = 0; steps < 4; steps += 1) {
      await waiting();
      clock.advance(500);
    }
    await listener.ended;
  });
});

describe('the timeline live', () => {
  it('sends what was and what comes, and ends with the call', async () => {
    const call = await fixture.call('in-progress');
    const had = await lastSeq(call.sid);
    const listener = new EventListener(call.sid, server.port);
    await listener.has(had);
    assert.equal(listener.status, 200);
    assert.match(listener.contentType, /^text\/event-stream/);
    await mark(call, 2);
    await listener.has(had + 2);
    await hangUp(call);
    await listener.ended;
    const total = await lastSeq(call.sid);
    assert.deepEqual(
      listener.ids,
      Array.from({ length: total }, (_, index) => index + 1),
    );
    assert.ok(listener.types.includes('call.ended'));
  });

  it('goes on after Last-Event-ID', async () => {
    const call = await fixture.call('in-progress');
    await mark(call, 5);
    const total = await lastSeq(call.sid);
    const first = new EventListener(call.sid, server.port);
    await first.has(total);
    first.leave();
    await mark(call, 2);
    const second = new EventListener(call.sid, server.port, { 'last-event-id': String(total) });
    await second.has(2);
    assert.deepEqual(second.ids, [total + 1, total + 2]);
    second.leave();
  });

  it('sends a call that has ended whole, and then 204', async () => {
    const call = await fixture.call('in-progress');
    await mark(call, 450);
    await hangUp(call);
    const total = await lastSeq(call.sid);
    const listener = new EventListener(call.sid, server.port);
    await listener.ended;
    assert.equal(listener.ids.length, total);
    const again = new EventListener(call.sid, server.port, { 'last-event-id': String(total) });
    await again.ended;
    assert.equal(again.status, 204);
  });

  it('says now and then that it is still there', async () => {
    const clock = new ManualClock();
    const { app } = fixture.another({ clock });
    const quiet = await listen(app, '127.0.0.1', 0, systemClock);
    const call = await fixture.call('in-progress');
    const listener = new EventListener(call.sid, quiet.port);
    await listener.has(1);
    assert.equal(listener.comments, 0);
    clock.advance(15_000);
    await listener.until(() => listener.comments === 1);
    listener.leave();
    await quiet.close(0);
  });

  it('ends when the server stops', async () => {
    const call = await fixture.call('in-progress');
    const listener = new EventListener(call.sid, server.port);
    await listener.has(1);
    stopping.abort();
    await listener.ended;
    const late = new EventListener(call.sid, server.port);
    await late.ended;
    assert.equal(late.status, 503);
  });
});
