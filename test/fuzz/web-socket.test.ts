/**
 * Frames that are whole, broken, cut anywhere, or no frames at all: both kinds of sockets hear the same messages of them
 * and meet the same end. What `ws` makes of it is the measure of what the addon has to.
 */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { MediaSockets } from '../../worker/sockets/media-sockets.ts';
import { Dice, heapInUse, rounds } from '../support/dice.ts';
import { FrameServer, frame } from '../support/frame-server.ts';
import { everySockets } from '../support/media-sockets.ts';
import { type Client, openClient } from '../support/web-socket-client.ts';

const MIB = 2 ** 20;
const opcodes = [0, 0, 1, 1, 1, 2, 2, 8, 9, 10, 3, 11];
const words = ['', 'a', 'häß', '€', '{"event":"media"}', '😀😀', 'x'.repeat(130)];

// The kernel's sockets let a process end; a test that only waits for one must not.
let awake: NodeJS.Timeout | undefined;
before(() => {
  awake = setInterval(() => {}, 1_000);
});
after(() => clearInterval(awake));

function payload(dice: Dice): Buffer {
  const kind = dice.below(10);
  if (kind < 6) return Buffer.from(dice.pick(words));
  if (kind < 8) return dice.bytes(dice.below(200));
  return Buffer.alloc(dice.below(dice.chance(0.1) ? MIB + 10 : 5_000), 'y');
}

/** What a server says: mostly sound, and sometimes spoilt; now and then more than is told at once. */
function speech(dice: Dice): Buffer {
  const frames: Buffer[] = [];
  if (dice.chance(0.1)) frames.push(...new Array<Buffer>(dice.below(5_000)).fill(frame(1, Buffer.alloc(0))));
  for (let left = 1 + dice.below(12); left > 0; left--)
    frames.push(frame(dice.pick(opcodes), payload(dice), dice.chance(0.7)));
  const whole = Buffer.concat(frames);
  if (dice.chance(0.1)) return dice.bytes(dice.below(300));
  return dice.chance(0.4) ? dice.spoil(whole, 4) : whole;
}

/** Reads no more, and a turn later again. */
function hesitate({ socket }: Client): void {
  socket.setReading(false);
  void setImmediate().then(() => socket.setReading(true));
}

/**
 * Says it in these pieces, hangs up, and answers with all that was heard, joined, and how it ended; by a client that
 * hesitates after so many messages each time, if at all.
 */
async function heard(
  server: FrameServer,
  sockets: MediaSockets,
  pieces: readonly Buffer[],
  patience: number,
): Promise<string> {
  server.head = pieces[0] ?? Buffer.alloc(0);
  const arrival = server.next();
  const hesitating: Client[] = [];
  let told = 0;
  const client = await openClient(server.url, sockets, () => {
    if (++told % patience === 0) hesitating.forEach(hesitate);
  });
  hesitating.push(client);
  const far = await arrival;
  far.resume();
  for (const piece of pieces.slice(1)) {
    far.write(piece);
    await setImmediate();
  }
  far.end();
  const code = await client.gone;
  client.socket.terminate();
  const ended = client.broken.length > 0 ? 'broken' : `closed ${code}`;
  const messages = client.messages.map((message) =>
    typeof message === 'string' ? `text ${message}` : `bytes ${message.toString('hex')}`,
  );
  return `${messages.join('\n')}\n${ended}`;
}

function cut(dice: Dice, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + dice.below(dice.chance(0.5) ? 8 : 70_000);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces.slice(0, 200);
}

it('both kinds of sockets hear the same, whatever a server says', async () => {
  const dice = new Dice(11);
  const server = await FrameServer.listen();
  let grownFrom = 0;
  try {
    for (const round of rounds(400)) {
      if (round === 200) grownFrom = heapInUse();
      const pieces = cut(dice, speech(dice));
      const patience = dice.pick([Number.POSITIVE_INFINITY, 1, 3, 100]);
      const all: string[] = [];
      for (const sockets of everySockets) all.push(await heard(server, sockets, pieces, patience));
      for (const other of all)
        assert.equal(other, all[0], `round ${round}: ${Buffer.concat(pieces).toString('hex').slice(0, 400)}`);
    }
    assert.ok(heapInUse() - grownFrom < 16 * MIB);
  } finally {
    await server.close();
  }
});
