/** What followers of a timeline may cost: how many there are, and how long one may leave what it was sent unread. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Follower } from '../../api/routes/follower.ts';
import { listen, type RunningServer } from '../../api/server.ts';
import { systemClock } from '../../shared/kernel/clock.ts';
import { ACCOUNT_SID, type ApiFixture, AUTH_TOKEN, startApiFixture } from '../support/api-fixture.ts';
import { ManualClock } from '../support/clock.ts';
import { EventListener } from '../support/event-listener.ts';

const clock = new ManualClock();
const bounds = { clients: 2, slowMs: 30_000 };

let fixture: ApiFixture;
let server: RunningServer;
before(async () => {
  fixture = await startApiFixture();
  const { app } = fixture.another({ clock, followBounds: bounds });
  server = await listen(app, '127.0.0.1', 0, systemClock);
});
after(async () => {
  await server.close(0);
  await fixture.stop();
});

/** Lets everything that is under way go on until it is so. */
async function until(isSo: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(10_000);
  while (!isSo()) {
    signal.throwIfAborted();
    await new Promise(setImmediate);
  }
}

describe('followers', () => {
  it('are so many and no more, until one leaves', async () => {
    const call = await fixture.call('in-progress');
    const [one, two] = [new EventListener(call.sid, server.port), new EventListener(call.sid, server.port)];
    await Promise.all([one.has(1), two.has(1)]);
    const third = new EventListener(call.sid, server.port);
    await third.ended;
    assert.equal(third.status, 503);
    one.leave();
    await until(() => Follower.count === 1);
    const fourth = new EventListener(call.sid, server.port);
    await fourth.has(1);
    assert.equal(fourth.status, 200);
    two.leave();
    fourth.leave();
    await until(() => Follower.count === 0);
  });

  it('are cut off when they do not read for 30 s, and not before', async () => {
    const call = await fixture.call('in-progress');
    const entry = { type: 'verb.failed', verb: 'Play', index: 0, detail: 'x'.repeat(50_000) } as const;
    const entries = Array.from({ length: 50 }, () => ({ at: new Date().toISOString(), entry }));
    // More than the sockets of both sides hold.
    for (let batch = 0; batch < 8; batch += 1) await fixture.store.timeline.append(call.sid, entries);

    const socket = net.connect(server.port, '127.0.0.1');
    const auth = Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64');
    socket.on('error', () => undefined).pause();
    socket.write(
      `GET /calls/${call.sid}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${auth}\r\nAccept: text/event-stream\r\n\r\n`,
    );
    await until(() => Follower.count === 1);
    await until(() => clock.pending === 1);
    clock.advance(bounds.slowMs - 1);
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    assert.equal(Follower.count, 1);
    clock.advance(1);
    await until(() => Follower.count === 0);
    socket.destroy();
  });
});
