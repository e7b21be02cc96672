/** What both kinds of open WebSocket promise (RFC 6455), byte by byte. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FrameServer, frame } from '../../support/frame-server.ts';
import { everySockets } from '../../support/media-sockets.ts';
import { type Client, openClient } from '../../support/web-socket-client.ts';

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const text = (words: string, final = true): Buffer => frame(TEXT, Buffer.from(words), final);

// The kernel's sockets let a process end; a test that only waits for one must not.
let awake: NodeJS.Timeout | undefined;
before(() => {
  awake = setInterval(() => {}, 1_000);
});
after(() => clearInterval(awake));

/** Lets sockets work until it holds; a hang is the runner's to end. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await setImmediate();
}

/** What a client sent, unmasked. */
class Sent {
  #bytes = Buffer.alloc(0);

  constructor(socket: Socket) {
    socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
    });
  }

  /** Takes the next whole frame; null when there is none. */
  next(): { opcode: number; payload: Buffer; mask: number } | null {
    const bytes = this.#bytes;
    if (bytes.length < 2) return null;
    const short = (bytes[1] ?? 0) & 0x7f;
    const start = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (bytes.length < start + 4) return null;
    const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
    const end = start + 4 + length;
    if (bytes.length < end) return null;
    assert.ok(((bytes[1] ?? 0) & 0x80) !== 0, 'a client masks');
    const mask = bytes.subarray(start, start + 4);
    const payload = Buffer.from(bytes.subarray(start + 4, end).map((byte, at) => byte ^ (mask[at % 4] ?? 0)));
    this.#bytes = bytes.subarray(end);
    return { opcode: (bytes[0] ?? 0) & 0x0f, payload, mask: mask.readUInt32BE(0) };
  }
}

for (const sockets of everySockets)
  describe(`an open WebSocket, ${sockets.kind} sockets`, () => {
    let server: FrameServer;
    const clients: Client[] = [];
    before(async () => {
      server = await FrameServer.listen();
    });
    after(() => server.close());
    afterEach(() => {
      for (const { socket } of clients.splice(0)) socket.terminate();
      server.head = Buffer.alloc(0);
    });

    async function open(onMessage?: () => void): Promise<{ client: Client; far: Socket; sent: Sent }> {
      const arrival = server.next();
      const client = await openClient(server.url, sockets, onMessage);
      clients.push(client);
      const far = await arrival;
      return { client, far, sent: new Sent(far) };
    }

    it('hears what came in one piece with the upgrade, whole and in part', async () => {
      const whole = text('one');
      const cut = text('two');
      server.head = Buffer.concat([whole, cut.subarray(0, 3)]);
      const { client, far } = await open();
      await until(() => client.messages.length === 1);
      far.write(cut.subarray(3));
      await until(() => client.messages.length === 2);
      assert.deepEqual(client.messages, ['one', 'two']);
    });

    it('puts messages together from bytes that come one by one, and keeps them apart', async () => {
      const { client, far } = await open();
      const bytes = Buffer.concat([text('hé'), frame(BINARY, Buffer.alloc(300, 7)), text(''), text('x')]);
      for (const byte of bytes) {
        far.write(Buffer.of(byte));
        await setImmediate();
      }
      await until(() => client.messages.length === 4);
      assert.deepEqual(client.messages, ['hé', Buffer.alloc(300, 7), '', 'x']);
    });

    it('takes thousands of messages of one write, in order', async () => {
      const { client, far } = await open();
      far.write(Buffer.concat(Array.from({ length: 20_000 }, (_, number) => text(String(number)))));
      await until(() => client.messages.length === 20_000);
      assert.deepEqual(
        client.messages,
        Array.from({ length: 20_000 }, (_, number) => String(number)),
      );
    });

    it('joins fragments, with a ping between them', async () => {
      const { client, far, sent } = await open();
      far.write(Buffer.concat([text('one ', false), frame(PING, Buffer.from('?')), frame(0, Buffer.from('two'))]));
      await until(() => client.messages.length === 1);
      assert.deepEqual(client.messages, ['one two']);
      await until(() => {
        const got = sent.next();
        if (got !== null) assert.deepEqual([got.opcode, got.payload.toString()], [PONG, '?']);
        return got !== null;
      });
    });

    it('a message of 1 MiB arrives whole between short ones', async () => {
      const { client, far } = await open();
      const long = 'ä'.repeat(2 ** 19);
      far.write(Buffer.concat([text('before'), text(long), text('after')]));
      await until(() => client.messages.length === 3);
      assert.deepEqual(client.messages, ['before', long, 'after']);
    });

    it('sends short, long and empty messages and all of Unicode, masked, each with a mask of its own', async () => {
      const { client, sent } = await open();
      const texts = ['', 'a', 'ä€😀', 'x'.repeat(125), 'y'.repeat(126), 'z'.repeat(65_535), '€'.repeat(30_000)];
      for (const each of texts) client.socket.sendText(each);
      client.socket.sendBinary(Buffer.alloc(70_000, 9));
      client.socket.ping();
      const masks = new Set<number>();
      for (const [opcode, payload] of [
        ...texts.map((each) => [TEXT, Buffer.from(each)] as const),
        [BINARY, Buffer.alloc(70_000, 9)] as const,
        [PING, Buffer.alloc(0)] as const,
      ]) {
        let got = sent.next();
        await until(() => {
          got ??= sent.next();
          return got !== null;
        });
        assert.equal(got?.opcode, opcode);
        assert.ok(got?.payload.equals(payload), `${payload.length} bytes`);
        masks.add(got?.mask ?? 0);
      }
      assert.ok(masks.size >= texts.length);
    });

    it('keeps what a slow app does not take, tells how much, and loses none of it', async () => {
      const { client, far, sent } = await open();
      far.pause();
      const message = JSON.stringify({ filler: 'x'.repeat(2_000) });
      let written = 0;
      while (client.socket.bufferedBytes < 1_000_000) {
        client.socket.sendText(`${written++}${message}`);
        if (written % 16 === 0) await setImmediate();
      }
      const { unsent } = client.socket;
      assert.ok(unsent > 0 && unsent < written, `${unsent} of ${written}`);
      far.resume();
      for (let number = 0; number < written; ) {
        const got = sent.next();
        if (got === null) await setImmediate();
        else assert.equal(got.payload.toString(), `${number++}${message}`);
      }
      await until(() => client.socket.unsent === 0);
      assert.equal(client.socket.bufferedBytes, 0);
    });

    it('knows of each message whether the kernel took it, also of those that are being gathered', async () => {
      const { client, far } = await open();
      far.pause();
      let written = 0;
      while (client.socket.bufferedBytes === 0) {
        client.socket.sendText('x'.repeat(1000));
        client.socket.push();
        written += 1;
      }
      const { unsent } = client.socket;
      assert.ok(unsent >= 1 && unsent <= written, `${unsent} of ${written}`);
      for (let more = 1; more <= 10; more++) {
        client.socket.sendText('y');
        assert.equal(client.socket.unsent, unsent + more);
      }
      client.socket.terminate();
      assert.equal(client.socket.unsent, unsent + 10);
    });

    it('sends nothing behind its close frame, and counts it as unsent', async () => {
      const { client, far, sent } = await open();
      client.socket.sendText('last');
      client.socket.close(1000);
      client.socket.sendText('too late');
      client.socket.push();
      const opcodes: number[] = [];
      await until(() => {
        const got = sent.next();
        if (got !== null) opcodes.push(got.opcode);
        return opcodes.length === 2;
      });
      await setImmediate();
      assert.deepEqual([opcodes, sent.next(), client.socket.unsent], [[TEXT, CLOSE], null, 1]);
      far.destroy();
    });

    it('stops reading and starts again, and hears of the end only then', async () => {
      const { client, far } = await open();
      client.socket.setReading(false);
      far.write(Buffer.concat(Array.from({ length: 100 }, () => frame(BINARY, Buffer.alloc(60_000)))));
      for (let turn = 0; turn < 200; turn++) await setImmediate();
      assert.ok(client.messages.length <= 3, `${client.messages.length}`);
      client.socket.setReading(true);
      await until(() => client.messages.length === 100);
      client.socket.setReading(false);
      far.destroy();
      await once(far, 'close');
      client.socket.setReading(true);
      assert.equal(await client.gone, 1006);
    });

    const EMPTY = 20_000;
    const empties = Buffer.concat([...Array.from({ length: EMPTY }, () => text('')), text('last')]);

    it('told inside of a message to stop reading, it tells few of those that came with it, and all when it reads again', async () => {
      const stops: (() => void)[] = [];
      const { client, far } = await open(() => stops[0]?.());
      let stopped = 0;
      stops.push(() => {
        if (stopped === 0) client.socket.setReading(false);
        stopped += 1;
      });
      far.write(empties);
      for (let more = 0; client.messages.length < EMPTY; more = client.messages.length) {
        await until(() => stopped > 0);
        for (let turn = 0; turn < 20; turn++) await setImmediate();
        const few = client.messages.length - more;
        assert.ok(few > 0 && few < 600, `${few} at once`);
        stopped = 0;
        client.socket.setReading(true);
      }
      await until(() => client.messages.length > EMPTY);
      assert.equal(client.messages.at(-1), 'last');
    });

    it('what came before is told when it reads again, also when the app takes nothing or has hung up', async () => {
      for (const last of ['deaf', 'ended'] as const) {
        const stops: (() => void)[] = [];
        const { client, far } = await open(() => stops.pop()?.());
        stops.push(() => client.socket.setReading(false));
        far.pause();
        while (last === 'deaf' && client.socket.bufferedBytes === 0) {
          client.socket.sendText('x'.repeat(10_000));
          client.socket.push();
        }
        far.write(empties.subarray(-2_000));
        await until(() => client.messages.length > 0);
        if (last === 'ended') far.end();
        for (let turn = 0; turn < 50; turn++) await setImmediate();
        assert.ok(client.messages.length < 600);
        client.socket.setReading(true);
        await until(() => client.messages.at(-1) === 'last');
        if (last === 'ended') assert.equal(await client.gone, 1006);
      }
    });

    it('tells of pings and pongs as they come, and of few more when told to stop reading', async () => {
      for (const opcode of [PING, PONG]) {
        let frames = 0;
        const stops: (() => void)[] = [];
        const { client, far } = await open(() => {
          frames += 1;
          stops[0]?.();
        });
        far.resume();
        stops.push(() => client.socket.setReading(false));
        const many = opcode === PING ? 30 : 10_000;
        far.write(Buffer.concat(Array.from({ length: many }, () => frame(opcode, Buffer.alloc(0)))));
        await until(() => frames > 0);
        for (let turn = 0; turn < 20; turn++) await setImmediate();
        assert.ok(frames < 600, `${frames} of ${opcode}`);
        stops[0] = () => {};
        client.socket.setReading(true);
        await until(() => frames === many);
      }
    });

    it('hears a pong', async () => {
      const { client, far } = await open();
      far.write(frame(PONG, Buffer.alloc(0)));
      await until(() => client.pongs() === 1);
    });

    it('answers a close frame with its code, and goes', async () => {
      const { client, far, sent } = await open();
      far.write(frame(CLOSE, Buffer.from([0x0f, 0xa1, 0x68, 0x69])));
      let got = sent.next();
      await until(() => {
        got ??= sent.next();
        return got !== null;
      });
      assert.deepEqual([got?.opcode, got?.payload.readUInt16BE(0)], [CLOSE, 4001]);
      far.end();
      assert.equal(await client.gone, 4001);
    });

    const rules: readonly (readonly [what: string, bytes: Buffer, code: number])[] = [
      ['a reserved bit', Buffer.from([0xc1, 0x00]), 1002],
      ['an unknown opcode', Buffer.from([0x83, 0x00]), 1002],
      ['an unknown control frame', Buffer.from([0x8b, 0x00]), 1002],
      ['a masked frame', Buffer.from([0x81, 0x81, 1, 2, 3, 4, 5]), 1002],
      ['a fragmented ping', Buffer.from([0x09, 0x00]), 1002],
      ['a ping of 126 bytes', frame(PING, Buffer.alloc(126)), 1002],
      ['a close frame of one byte', Buffer.from([0x88, 0x01, 0x03]), 1002],
      ['a close code nobody may send', Buffer.from([0x88, 0x02, 0x03, 0xed]), 1002],
      ['a reason that is not UTF-8', frame(CLOSE, Buffer.from([0x03, 0xe8, 0xff])), 1007],
      ['a continuation of nothing', frame(0, Buffer.from('x')), 1002],
      ['a message inside of another', Buffer.concat([text('a', false), text('b')]), 1002],
      ['text that is not UTF-8', frame(TEXT, Buffer.from([0x61, 0xc3, 0x28])), 1007],
      ['half a surrogate', frame(TEXT, Buffer.from([0xed, 0xa0, 0x80])), 1007],
      ['an overlong form', frame(TEXT, Buffer.from([0xc0, 0xaf])), 1007],
      ['a frame of more than 1 MiB', Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 1]), 1009],
      ['a frame of 2^62 bytes', Buffer.from([0x82, 127, 0x40, 0, 0, 0, 0, 0, 0, 0]), 1009],
    ];
    for (const [what, bytes, code] of rules)
      it(`${what} is answered with ${code}, and what follows is not heard`, async () => {
        const { client, far, sent } = await open();
        far.write(Buffer.concat([text('before'), bytes, text('behind')]));
        let got = sent.next();
        await until(() => {
          got ??= sent.next();
          return got !== null;
        });
        assert.deepEqual([got?.opcode, got?.payload.readUInt16BE(0)], [CLOSE, code]);
        assert.equal(client.broken.length, 1);
        far.end();
        assert.equal(await client.gone, 1006);
        assert.deepEqual(client.messages, ['before']);
      });

    it('megabytes that say nothing harm nobody: they are read and forgotten', async () => {
      const deaf = await open();
      const other = await open();
      deaf.far.write(Buffer.from([0xc1, 0x00]));
      await until(() => deaf.client.broken.length === 1);
      // What the far side could hand over was read.
      await new Promise<void>((resolve, reject) => {
        deaf.far.once('close', () => reject(new Error('hung up on')));
        deaf.far.write(Buffer.alloc(16 * 2 ** 20), (error) => (error ? reject(error) : resolve()));
      });
      other.far.write(text('still heard'));
      await until(() => other.client.messages.length === 1);
      assert.deepEqual(other.client.messages, ['still heard']);
    });

    it('terminated from inside of a message it says nothing more', async () => {
      const ends: (() => void)[] = [];
      const { client, far } = await open(() => ends[0]?.());
      ends.push(() => client.socket.terminate());
      far.write(Buffer.concat([text('one'), text('two')]));
      await once(far, 'close');
      assert.deepEqual(client.messages, ['one']);
    });

    it('leaves no descriptor behind', async () => {
      const descriptors = (): number => readdirSync('/proc/self/fd').length;
      const once_ = await open();
      once_.client.socket.terminate();
      await once(once_.far, 'close');
      const before = descriptors();
      for (let round = 0; round < 20; round++) {
        const { client, far } = await open();
        if (round % 2 === 0) client.socket.terminate();
        else far.destroy();
        if (round % 2 === 1) await client.gone;
        if (!far.closed) await once(far, 'close');
      }
      await until(() => descriptors() <= before);
    });
  });
