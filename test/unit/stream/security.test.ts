/** What a socket trusts, shows, refuses and keeps to itself: PROTOCOL §4.7, §11, §14.5. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { systemClock } from '../../../shared/kernel/clock.ts';
import { createDestinationGuard } from '../../../shared/net/destination.ts';
import { nodeSockets } from '../../../worker/sockets/media-sockets.ts';
import { MAX_MESSAGE_BYTES } from '../../../worker/sockets/open-web-socket.ts';
import { type Connection, createConnector } from '../../../worker/stream/connection.ts';
import type { Loss } from '../../../worker/stream/failure.ts';
import { readTls, type TlsFiles, TlsFilesError } from '../../../worker/stream/tls.ts';
import { everySockets } from '../../support/media-sockets.ts';
import { type PeerOptions, StreamPeer } from '../../support/stream-peer.ts';
import { settled, World } from './world.ts';

const file = (name: string): string => `test/vectors/tls/${name}.pem`;
const pem = (name: string): string => readFileSync(file(name), 'utf8');
const certificate = (name: string) => ({ cert: pem(name), key: pem(`${name}.key`) });

let sockets = nodeSockets;
let closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.reverse()) await close();
  closers = [];
});

async function peerWith(options: PeerOptions): Promise<StreamPeer> {
  const peer = await StreamPeer.listen(options);
  closers.push(() => peer.close());
  return peer;
}

interface Dialled {
  readonly connection: Connection;
  /** `open`, or why it was lost; the first of the two. */
  readonly outcome: Promise<'open' | Loss>;
  readonly gone: Promise<Loss>;
  /** The first text message. */
  readonly text: Promise<string>;
}

function dial(url: string, files: TlsFiles = {}): Dialled {
  const guard = createDestinationGuard({ allowPrivate: true });
  const connect = createConnector({ clock: systemClock, guard, authToken: 'a token', tls: readTls(files), sockets });
  let opened = (): void => {};
  let heard = (_text: string): void => {};
  let lost = (_loss: Loss): void => {};
  const open = new Promise<'open'>((resolve) => {
    opened = () => resolve('open');
  });
  const gone = new Promise<Loss>((resolve) => {
    lost = resolve;
  });
  const text = new Promise<string>((resolve) => {
    heard = resolve;
  });
  const connection = connect(
    { url, headers: {}, retry: false },
    {
      onOpen: () => opened(),
      onText: (line) => heard(line),
      onBinary: () => {},
      onControl: () => {},
      onGone: (loss) => lost(loss),
    },
  );
  closers.push(() => connection.terminate());
  return { connection, outcome: Promise.race([open, gone]), gone, text };
}

// The kernel's timers let a process end; a test that only waits for one must not.
let awake: NodeJS.Timeout | undefined;
before(() => {
  awake = setInterval(() => {}, 1_000);
});
after(() => clearInterval(awake));

const acceptOf = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

const codeOf = (outcome: 'open' | Loss): number => (outcome === 'open' ? 0 : outcome.error.code);

describe('wss', () => {
  it('trusts an authority of the operator, and nobody else who signs for himself', async () => {
    const peer = await peerWith({ tls: certificate('server') });
    assert.equal(await dial(peer.url, { ca: file('ca') }).outcome, 'open');
    assert.equal(codeOf(await dial(peer.url).outcome), 31910);
  });

  it('AC-52: a certificate for another name is refused, though the authority is trusted', async () => {
    const peer = await peerWith({ tls: certificate('stranger') });
    const outcome = await dial(peer.url, { ca: file('ca') }).outcome;
    assert.ok(outcome !== 'open');
    assert.equal(outcome.error.code, 31910);
    assert.equal(outcome.retryable, false);
    assert.equal(peer.sockets.length, 0);
  });

  it('shows its own certificate to a server that asks, and is refused without', async () => {
    const asking = { ...certificate('server'), ca: pem('ca'), requestCert: true, rejectUnauthorized: true };
    const peer = await peerWith({ tls: asking });
    const files = { ca: file('ca'), cert: file('client'), key: file('client.key') };
    assert.equal(await dial(peer.url, files).outcome, 'open');
    const refused = await dial(peer.url, { ca: file('ca') }).gone;
    assert.equal(refused.error.code, 31910);
  });

  it('files that cannot be used are refused at start, in a sentence without their content', () => {
    const wrong: TlsFiles[] = [
      { ca: 'test/vectors/tls/nowhere.pem' },
      { ca: 'package.json' },
      { cert: file('client') },
      { key: file('client.key') },
      { cert: file('client'), key: file('server.key') },
    ];
    for (const files of wrong) {
      assert.throws(
        () => readTls(files),
        (error) => error instanceof TlsFilesError && !error.message.includes('BEGIN'),
        JSON.stringify(files),
      );
    }
    assert.equal(readTls({}), null);
  });
});

for (const those of everySockets)
  describe(`a hostile app, ${those.kind} sockets`, () => {
    before(() => {
      sockets = those;
    });

    it('is not followed to where it redirects', async () => {
      const elsewhere = await peerWith({});
      for (const status of [301, 302, 307, 308]) {
        const peer = await peerWith({ behaviour: { kind: 'status', status, location: elsewhere.url } });
        const outcome = await dial(peer.url).outcome;
        assert.ok(outcome !== 'open');
        assert.equal(outcome.error.message, `connection failed with status code ${status}`);
      }
      assert.equal(elsewhere.connections, 0);
    });

    it('gets one byte more than 1 MiB refused, and 1 MiB taken', async () => {
      const most = await peerWith({ behaviour: { kind: 'flood', bytes: MAX_MESSAGE_BYTES } });
      assert.equal((await dial(most.url).text).length, MAX_MESSAGE_BYTES);
      const more = await peerWith({ behaviour: { kind: 'flood', bytes: MAX_MESSAGE_BYTES + 1 } });
      assert.equal((await dial(more.url).gone).error.code, 31924);
    });

    it('cannot make one message of more than 1024 fragments', async () => {
      const few = await peerWith({ behaviour: { kind: 'fragments', count: 1024 } });
      assert.equal((await dial(few.url).text).length, 1024);
      const many = await peerWith({ behaviour: { kind: 'fragments', count: 1025 } });
      assert.equal((await dial(many.url).gone).error.code, 31924);
    });

    it('cannot make us queue pongs: a flood of pings that nobody reads the answers of ends the connection', async () => {
      const peer = await peerWith({ behaviour: { kind: 'pings', count: 100_000 } });
      const { gone, connection } = dial(peer.url);
      assert.equal((await gone).error.code, 31903);
      assert.equal(connection.bufferedBytes, 0);
    });

    it('is never offered compression, and cannot impose it', async () => {
      const peer = await peerWith({});
      assert.equal(await dial(peer.url).outcome, 'open');
      const { headers } = await peer.socket();
      assert.equal(headers['sec-websocket-extensions'], undefined);
      const imposing = createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', (request) => {
          const key = /sec-websocket-key: (.*)\r\n/i.exec(request.toString())?.[1] ?? '';
          socket.write(
            `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n` +
              'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n',
          );
        });
      });
      await new Promise<void>((resolve) => imposing.listen(0, '127.0.0.1', resolve));
      closers.push(() => void imposing.close());
      const address = imposing.address();
      assert.ok(address !== null && typeof address === 'object');
      assert.equal(codeOf(await dial(`ws://127.0.0.1:${address.port}/`).outcome), 31924);
    });
  });

describe('a credential', () => {
  it('of the URL or a header is in no timeline entry and no error', async () => {
    const url = 'wss://merlin:wand-7731@app.example/agent';
    const headers = { Authorization: 'Bearer secret-4242' };
    for (const end of ['stop', 'lost', 'never open'] as const) {
      const world = new World({ url, headers, reconnectMs: 0 });
      if (end !== 'never open') world.open().beats(3);
      world.stream.update({ url: 'wss://merlin:wand-7731@other.example/' });
      if (end === 'stop') await world.stream.stop('stopped');
      else world.connections[0]?.lose();
      await settled();
      const told = JSON.stringify([world.entries, world.stops, world.logged]);
      assert.ok(world.entries.length > 0);
      assert.doesNotMatch(told, /wand-7731|secret-4242|merlin/, end);
    }
  });
});
