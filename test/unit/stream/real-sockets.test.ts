/** A stream on real sockets, beats by hand: an app that stops reading, and one whose server is restarted. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { systemClock } from '../../../shared/kernel/clock.ts';
import { createDestinationGuard } from '../../../shared/net/destination.ts';
import { type Connection, createConnector } from '../../../worker/stream/connection.ts';
import { everySockets } from '../../support/media-sockets.ts';
import { type PeerSocket, StreamPeer } from '../../support/stream-peer.ts';
import { type Received, World } from './world.ts';

const MIB = 2 ** 20;
const guard = createDestinationGuard({ allowPrivate: true });
const mediaOf = (socket: PeerSocket): Received[] => socket.of('media');
const times = (messages: Received[]): number[] => messages.map(({ media }) => Number(media.timestamp));
const beats = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => (from + at) * 20);

let closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.reverse()) await close();
  closers = [];
});
// The kernel's timers let a process end; a test that only waits for one must not.
let awake: NodeJS.Timeout | undefined;
before(() => {
  awake = setInterval(() => {}, 1_000);
});
after(() => clearInterval(awake));

async function listen(port = 0): Promise<StreamPeer> {
  const peer = await StreamPeer.listen({ port });
  closers.push(() => peer.close());
  return peer;
}

/** Lets sockets work until it holds; a hang is the runner's to end. */
async function turnsUntil(holds: () => boolean): Promise<void> {
  while (!holds()) await setImmediate();
}

for (const sockets of everySockets)
  describe(`a stream on real sockets, ${sockets.kind}`, () => {
    const dial = createConnector({ clock: systemClock, guard, authToken: 'a token', sockets });

    it('AC-90: an app that stops reading costs a bounded queue and is told exactly what it missed', async () => {
      const peer = await listen();
      const opened: Connection[] = [];
      const world = new World(
        {
          url: peer.url,
          track: 'both',
          playbackEvents: true,
          mediaFormat: { encoding: 'audio/L16', sampleRate: 48_000, channels: 2 },
        },
        {
          connect: (order, delegate) => {
            const connection = dial(order, delegate);
            opened.push(connection);
            return connection;
          },
        },
      );
      closers.push(() => world.stream.lost());
      await turnsUntil(() => world.started === 1);
      const socket = await peer.socket();
      socket.pause();
      let most = 0;
      let beat = 0;
      // Kernels differ in what they take for an app that does not read; go on until ten seconds and more were dropped.
      for (; beat < 20_000 && world.stream.counters().framesDropped < 600; beat++) {
        world.beats(1);
        most = Math.max(most, opened[0]?.bufferedBytes ?? 0);
        if (beat % 4 === 0) await setImmediate();
      }
      assert.ok(world.stream.counters().framesDropped >= 600);
      assert.ok(most < MIB / 16, `${most} bytes handed over`);
      socket.resume();
      const last = (beat - 1) * 20;
      for (let turn = 0; turn < 5_000 && times(mediaOf(socket)).at(-1) !== last; turn++) {
        world.stream.update({ paused: true });
        world.beats(1);
        await setImmediate();
      }
      const heard = new Set(times(mediaOf(socket)));
      const gaps: Received[] = socket.of('gap').map((message: Received) => message.gap);
      const told = gaps.flatMap(({ fromMs, durationMs }) => beats(fromMs / 20, (fromMs + durationMs) / 20));
      assert.deepEqual(
        beats(0, beat).filter((at) => !heard.has(at)),
        told,
      );
      assert.equal(told.length, world.stream.counters().framesDropped);
      assert.equal(heard.size + told.length, beat);
    });

    it('AC-91: the server of the app is killed and started again: a new start, what it missed, then live', async () => {
      const first = await listen();
      const { port } = first;
      const world = new World({ url: first.url, reconnectMs: 10_000 }, { connect: dial });
      closers.push(() => world.stream.lost());
      await turnsUntil(() => world.started === 1);
      world.beats(50);
      const before = await first.socket();
      await first.until('a second', () => mediaOf(before).length === 50);
      await first.close();
      closers.pop();
      await turnsUntil(() => world.stream.record.status === 'reconnecting');
      world.beats(40);
      const second = await listen(port);
      closers.reverse();
      for (let beat = 0; beat < 60 || world.stream.record.status === 'reconnecting'; beat++) {
        world.beats(1);
        // A connect on loopback is a matter of turns, not of time.
        for (let turn = 0; turn < 20; turn++) await setImmediate();
      }
      const made = world.stream.counters().framesSent;
      const again = await second.socket();
      await second.until('what was missed', () => mediaOf(again).length === made - 50);
      const [connected, start] = again.messages as Received[];
      assert.deepEqual([connected.event, start.event, start.start.reconnected], ['connected', 'start', true]);
      assert.deepEqual(times([...mediaOf(before), ...mediaOf(again)]), beats(0, made));
      assert.equal(world.stream.counters().framesDropped, 0);
      assert.equal(world.stream.counters().reconnects, 1);
    });
  });
