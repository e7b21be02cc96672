import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type Clock, systemClock } from '../../../shared/kernel/clock.ts';
import { pause } from '../../../shared/kernel/deadline.ts';
import { createDestinationGuard } from '../../../shared/net/destination.ts';
import { verifySignature, verifyTwilioSignature } from '../../../shared/net/signature.ts';
import { nodeSockets } from '../../../worker/sockets/media-sockets.ts';
import {
  type Connection,
  createConnector,
  MAX_MISSED_PONGS,
  PING_EVERY_MS,
  PONG_WITHIN_MS,
} from '../../../worker/stream/connection.ts';
import type { Loss } from '../../../worker/stream/failure.ts';
import { readTls } from '../../../worker/stream/tls.ts';
import { everySockets } from '../../support/media-sockets.ts';
import { type PeerOptions, refusingUrl, StreamPeer } from '../../support/stream-peer.ts';

const authToken = 'the token of the account';
const pem = (name: string): Buffer => readFileSync(`test/vectors/tls/${name}.pem`);
const MESSAGE = JSON.stringify({ event: 'x'.repeat(1_000) });
/** The receiver's buffer of this machine, and what may wait in ours. */
const MOST_KEPT_BYTES = 600_000;

/** The real clock, with every wait a hundredth as long: the order of things stays, the test is short. */
const fastClock: Clock = { ...systemClock, after: (ms, fire) => systemClock.after(ms / 100, fire) };

interface Opened {
  readonly connection: Connection;
  readonly opened: Promise<void>;
  readonly gone: Promise<Loss>;
  readonly texts: string[];
  readonly text: Promise<string>;
}

function resolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

let sockets = nodeSockets;
let closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.reverse()) await close();
  closers = [];
});

function open(
  url: string,
  { clock = systemClock, allowPrivate = true, retry = false, headers = {} as Record<string, string> } = {},
): Opened {
  const guard = createDestinationGuard({ allowPrivate });
  const texts: string[] = [];
  const opened = resolvers<void>();
  const gone = resolvers<Loss>();
  const text = resolvers<string>();
  const tls = readTls({ ca: 'test/vectors/tls/ca.pem' });
  const connect = createConnector({ clock, guard, authToken, tls, sockets });
  const connection = connect(
    { url, headers, retry },
    {
      onOpen: () => opened.resolve(),
      onText: (line) => {
        texts.push(line);
        text.resolve(line);
      },
      onBinary: () => {},
      onControl: () => {},
      onGone: (loss) => gone.resolve(loss),
    },
  );
  closers.push(() => connection.terminate());
  return { connection, opened: opened.promise, gone: gone.promise, texts, text: text.promise };
}

async function peerThat(behaviour: NonNullable<PeerOptions['behaviour']>): Promise<StreamPeer> {
  const peer = await StreamPeer.listen({ behaviour });
  closers.push(() => peer.close());
  return peer;
}

// The kernel's timers let a process end; a test that only waits for one must not.
let awake: NodeJS.Timeout | undefined;
before(() => {
  awake = setInterval(() => {}, 1_000);
});
after(() => clearInterval(awake));

for (const those of everySockets)
  describe(`stream connection, ${those.kind} sockets`, () => {
    before(() => {
      sockets = those;
    });

    it('AC-53: carries both signatures over the URL and the headers that were ordered', async () => {
      const peer = await peerThat({ kind: 'record' });
      const { opened } = open(peer.url, { headers: { 'X-Ticket': 'K-204' } });
      await opened;
      const { headers } = await peer.socket();
      const twilio = String(headers['x-twilio-signature']);
      const pivot = String(headers['x-pivot-signature']);
      assert.equal(verifyTwilioSignature(authToken, twilio, { url: peer.url }), true);
      assert.equal(verifySignature(authToken, pivot, { url: peer.url }, Date.now()), true);
      assert.equal(headers['x-ticket'], 'K-204');
      assert.equal(headers['sec-websocket-extensions'], undefined);
      assert.equal(headers['sec-websocket-protocol'], undefined);
    });

    it('sends, receives and closes with 1000', async () => {
      const peer = await peerThat({ kind: 'record' });
      const { connection, opened, text } = open(peer.url);
      await opened;
      const socket = await peer.socket();
      connection.sendText('{"event":"hello"}');
      connection.sendBinary(Buffer.from([1, 2, 3]));
      await peer.until('the bytes', () => socket.binaries.length === 1);
      assert.deepEqual(socket.messages, [{ event: 'hello' }]);
      assert.deepEqual(socket.binaries[0], Buffer.from([1, 2, 3]));
      socket.send({ event: 'clear' });
      assert.equal(await text, '{"event":"clear"}');
      await connection.close();
      await peer.until('the close', () => socket.closeCode !== null);
      assert.equal(socket.closeCode, 1000);
    });

    it('AC-8: an upgrade answered with 403 is a handshake error that names the status', async () => {
      const peer = await peerThat({ kind: 'status', status: 403 });
      const { error, stage, retryable } = await open(peer.url, { retry: true }).gone;
      assert.deepEqual(error, { code: 31920, message: 'connection failed with status code 403' });
      assert.equal(stage, 'upgrade');
      assert.equal(retryable, false);
      assert.equal(peer.connections, 1);
    });

    it('follows no redirect', async () => {
      const peer = await peerThat({ kind: 'status', status: 302, location: 'ws://127.0.0.1:9/' });
      assert.equal((await open(peer.url).gone).error.message, 'connection failed with status code 302');
    });

    it('AC-9: an upgrade that is never answered is given up', async () => {
      const peer = await peerThat({ kind: 'hang' });
      const { error } = await open(peer.url, { clock: fastClock, retry: true }).gone;
      assert.deepEqual(error, { code: 31901, message: 'connection upgrade timeout' });
      assert.equal(peer.connections, 1);
    });

    it('AC-52: a refused connect has its own code, and is tried twice more', async () => {
      let waits: number[] = [];
      const clock: Clock = {
        ...systemClock,
        after: (ms, fire) => {
          waits = [...waits, ms];
          return systemClock.after(ms / 100, fire);
        },
      };
      const { error, stage } = await open(await refusingUrl(), { clock, retry: true }).gone;
      assert.equal(error.code, 31902);
      assert.equal(stage, 'connect');
      assert.equal(waits.filter((ms) => ms === 2_000).length, 2);
    });

    it('a server that is not a WebSocket server is a protocol error', async () => {
      const peer = await peerThat({ kind: 'impostor' });
      assert.equal((await open(peer.url).gone).error.code, 31924);
    });

    it('AC-52: a TLS failure has its own code', async () => {
      const peer = await peerThat({ kind: 'record' });
      const { error } = await open(peer.url.replace('ws:', 'wss:')).gone;
      assert.equal(error.code, 31910);
    });

    it('AC-52: an unknown name has its own code', async () => {
      const { error } = await open('ws://nowhere.invalid/stream').gone;
      assert.equal(error.code, 31904);
    });

    it('a private address is refused before anything is sent', async () => {
      const peer = await peerThat({ kind: 'record' });
      for (const url of [peer.url, `ws://localhost:${peer.port}/`, `ws://0x7f.1:${peer.port}/`]) {
        const { error, retryable } = await open(url, { allowPrivate: false, retry: true }).gone;
        assert.equal(error.code, 31904, url);
        assert.match(error.message, /not a public address/);
        assert.equal(retryable, false);
      }
      assert.equal(peer.connections, 0);
    });

    it('a URL nobody can connect to is an invalid websocket url', async () => {
      assert.deepEqual((await open('ftp://example.com/').gone).error, {
        code: 31922,
        message: 'invalid websocket url',
      });
      assert.deepEqual((await open('::').gone).error, { code: 31923, message: 'invalid websocket url' });
    });

    it('a socket that cannot be taken over is a failed connect', async () => {
      const peer = await peerThat({ kind: 'record' });
      const guard = createDestinationGuard({ allowPrivate: true });
      const adopt = (): never => {
        throw Object.assign(new Error('no descriptor is left'), { code: 'EMFILE' });
      };
      const connect = createConnector({ clock: systemClock, guard, authToken, sockets: { ...nodeSockets, adopt } });
      const gone = resolvers<Loss>();
      const nothing = {
        onOpen: () => assert.fail(),
        onText: () => {},
        onBinary: () => {},
        onControl: () => {},
        onGone: gone.resolve,
      };
      connect({ url: peer.url, headers: {}, retry: false }, nothing);
      assert.match((await gone.promise).error.message, /EMFILE/);
    });

    if (those.limitUnsent !== null)
      for (const tls of [undefined, { key: pem('server.key'), cert: pem('server') }])
        it(`of what an app does not read the kernel keeps little, ${tls ? 'over TLS' : 'in the clear'}`, async () => {
          const peer = await StreamPeer.listen({ behaviour: { kind: 'deaf' }, ...(tls === undefined ? {} : { tls }) });
          closers.push(() => peer.close());
          const { connection, opened } = open(peer.url);
          await opened;
          let given = 0;
          for (; connection.bufferedBytes < 32_768 && given < 8_000_000; given += MESSAGE.length) {
            connection.sendText(MESSAGE);
            connection.push();
            await setImmediate();
          }
          assert.ok(given < MOST_KEPT_BYTES, `${given} bytes before any waited with us`);
        });

    it('tells a close frame apart from a lost connection', async () => {
      const closing = await open((await peerThat({ kind: 'close', code: 4001 })).url).gone;
      assert.equal(closing.closeCode, 4001);
      assert.equal(closing.stage, 'closed');
      const dropped = await open((await peerThat({ kind: 'drop' })).url).gone;
      assert.equal(dropped.closeCode, null);
      assert.equal(dropped.error.code, 31903);
    });

    it('garbage and 10 MB end the connection as protocol errors', async () => {
      for (const kind of [{ kind: 'garbage' }, { kind: 'flood', bytes: 10_000_000 }] as const) {
        const { error, closeCode } = await open((await peerThat(kind)).url).gone;
        assert.equal(error.code, 31924);
        assert.equal(closeCode, null);
      }
    });

    it('takes a message of almost 1 MiB', async () => {
      const { text } = open((await peerThat({ kind: 'flood', bytes: 1_048_000 })).url);
      assert.equal((await text).length, 1_048_000);
    });

    /** Every wait a hundredth as long, and how much was waited in the time that is told. */
    function pinging(): { clock: Clock; waitedMs: () => number } {
      let waited = 0;
      const after: Clock['after'] = (ms, fire) =>
        systemClock.after(ms / 100, () => {
          waited += ms;
          fire();
        });
      return { clock: { ...systemClock, after }, waitedMs: () => waited };
    }

    it('AC-52: an app that answers no ping is dead after two of them, within a minute of its last word', async () => {
      const peer = await peerThat({ kind: 'deaf' });
      const { clock, waitedMs } = pinging();
      const { gone, opened } = open(peer.url, { clock });
      await opened;
      const from = waitedMs();
      assert.deepEqual((await gone).error, { code: 31903, message: 'websocket error: no answer to pings' });
      assert.equal(waitedMs() - from, PING_EVERY_MS + MAX_MISSED_PONGS * PONG_WITHIN_MS);
      assert.ok(waitedMs() - from <= 60_000);
    });

    it('an app that answers is asked every 30 s, and lives', async () => {
      const peer = await peerThat({ kind: 'record' });
      const { clock, waitedMs } = pinging();
      const { gone, opened } = open(peer.url, { clock });
      await opened;
      const socket = await peer.socket();
      const from = waitedMs();
      await peer.until('five pings', () => socket.pings === 5);
      const asked = (waitedMs() - from) / PING_EVERY_MS;
      assert.ok(asked >= 5 && asked < 6, `${asked}`);
      assert.equal(await Promise.race([gone, Promise.resolve('lives')]), 'lives');
    });

    it('an app whose pong waits behind much audio lives as long as it reads, however slowly', async () => {
      const peer = await peerThat({ kind: 'deaf' });
      const { clock, waitedMs } = pinging();
      const { connection, gone, opened } = open(peer.url, { clock });
      await opened;
      const socket = await peer.socket();
      const message = JSON.stringify({ filler: 'x'.repeat(8_000) });
      const from = waitedMs();
      let lost = false;
      void gone.then(() => {
        lost = true;
      });
      while (waitedMs() - from < 150_000 && !lost) {
        for (let sent = 0; sent < 1_000 && connection.bufferedBytes < 32_768; sent++) connection.sendText(message);
        await socket.readOne();
        await pause(systemClock, 5);
      }
      assert.equal(lost, false);
      assert.deepEqual((await gone).error, { code: 31903, message: 'websocket error: no answer to pings' });
    });

    it('knows which messages a dead socket had not sent', async () => {
      const peer = await peerThat({ kind: 'deaf' });
      const { connection, opened, gone } = open(peer.url);
      await opened;
      const socket = await peer.socket();
      const message = JSON.stringify({ event: 'x', filler: 'x'.repeat(100_000) });
      for (let sent = 0; sent < 200; sent++) connection.sendText(message);
      const { unsent } = connection;
      assert.ok(unsent > 0 && connection.bufferedBytes > 0);
      socket.terminate();
      await gone;
      assert.ok(connection.unsent > 0 && connection.unsent <= unsent, `${connection.unsent} of ${unsent}`);
    });

    it('has nothing unsent when the app reads', async () => {
      const peer = await peerThat({ kind: 'record' });
      const { connection, opened } = open(peer.url);
      await opened;
      const socket = await peer.socket();
      for (let sent = 0; sent < 100; sent++) connection.sendText('{"event":"x"}');
      await peer.until('all of them', () => socket.messages.length === 100);
      assert.deepEqual([connection.unsent, connection.bufferedBytes], [0, 0]);
    });

    it('an app that never answers the close is dropped', async () => {
      const peer = await peerThat({ kind: 'deaf' });
      const { connection, opened } = open(peer.url, { clock: fastClock });
      await opened;
      await connection.close();
    });

    it('says nothing more once it was terminated', async () => {
      const peer = await peerThat({ kind: 'record' });
      const { connection, opened, gone } = open(peer.url);
      await opened;
      const socket = await peer.socket();
      connection.terminate();
      await peer.until('the end', () => socket.closeCode !== null);
      assert.equal(socket.closeCode, 1006);
      assert.equal(await Promise.race([gone, Promise.resolve('nothing')]), 'nothing');
    });
  });
