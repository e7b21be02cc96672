/** A stream whose call has a new owner: the app sees one that reconnected, the record one that never ended. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_COUNTERS } from '../../../shared/domain/stream.ts';
import { ManualClock } from '../../support/clock.ts';
import { type Received, World } from './world.ts';

const MINUTE_MS = 60_000;
const createdAt = new Date(new ManualClock().now() - MINUTE_MS).toISOString();
const inProgress = { status: 'in-progress', createdAt, startedAt: createdAt } as const;

describe('a stream of a call that was taken over', () => {
  it('AC-85: greets as reconnected, goes on with its time stamps and figures, and is not told as started', () => {
    const counters = { ...NO_COUNTERS, framesSent: 3000, reconnects: 1 };
    const world = new World({}, { resumed: { ...inProgress, counters } }).open().beats(3);
    const [connected, start, media] = world.connection.messages;
    assert.equal(connected.event, 'connected');
    assert.deepEqual([start.event, start.start.reconnected], ['start', true]);
    assert.equal(Number(media.media.timestamp), MINUTE_MS);
    assert.deepEqual([world.stream.counters().framesSent, world.stream.counters().reconnects], [3003, 2]);
    assert.deepEqual(
      world.entries.map(({ type }) => type),
      ['stream.reconnecting', 'stream.reconnected'],
    );
    assert.equal(world.started, 0);
  });

  it('goes on with what was played, whoever is told of it', async () => {
    const before = { playedMs: 5_000, droppedMs: 700, underruns: 3 };
    const resumed = { ...inProgress, counters: { ...NO_COUNTERS, ...before } };
    const mulaw = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 } as const;
    const spec = { mode: 'bidirectional', dialect: 'twilio', mediaFormat: mulaw, playbackEvents: true } as const;
    const world = new World(spec, { resumed }).open();
    const told = (event: string): Received => world.connection.of(event).at(-1)[event];
    world
      .talk(100)
      .say({ event: 'mark', mark: { name: 'a' } })
      .beats(10);
    assert.equal(told('mark').playedMs, 5_100);
    world.talk(100).beats(2).say({ event: 'clear' }).say({ event: 'status' });
    assert.deepEqual(told('cleared'), { playedMs: 5_140, droppedMs: 60, marks: [] });
    assert.deepEqual(told('status'), { bufferedMs: 0, playedMs: 5_140, droppedMs: 760, underruns: 3 });
    const { playedMs, droppedMs, underruns } = world.stream.counters();
    assert.deepEqual({ playedMs, droppedMs, underruns }, { playedMs: 5_140, droppedMs: 760, underruns: 3 });
    await world.stream.stop('hangup');
    assert.equal(told('stop').playedMs, 5_140);
  });

  it('counts its time from where time stamp 0 was', () => {
    const beganAt = new Date(Date.parse(createdAt) - 700).toISOString();
    const world = new World({}, { resumed: inProgress, beganAt }).open().beats(1);
    assert.equal(Number(world.connection.of('media')[0].media.timestamp), MINUTE_MS + 700);
  });

  it('stays paused when it was', () => {
    const world = new World({}, { resumed: { ...inProgress, status: 'paused' } }).open().beats(3);
    assert.deepEqual(world.connection.of('media'), []);
    assert.equal(world.stream.record.status, 'paused');
  });

  it('fails with its one attempt, or tries until its time to reconnect is over', () => {
    const once = new World({ reconnectMs: 0 }, { resumed: inProgress });
    once.connection.lose();
    assert.deepEqual([once.stops.length, once.connections.length], [1, 1]);
    const patient = new World({ reconnectMs: 5000 }, { resumed: inProgress });
    patient.connection.lose();
    patient.clock.advance(1000);
    assert.deepEqual([patient.stops.length, patient.connections.length], [0, 2]);
    patient.clock.advance(4000);
    assert.equal(patient.stops[0]?.reason, 'error');
    assert.equal(patient.clock.pending, 0);
  });
});
