/** What an application can do wrong, and that it costs at most its stream or its call. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { before, describe, it } from 'node:test';
import { App } from '../support/app.ts';
import { suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';

const ECHO = '+15550100002';

describe('bad applications', () => {
  const owner = suiteOwner();
  let system: System;
  let app: App;
  before(async () => {
    system = await startSystem(owner);
    app = await App.start(owner);
  });

  /** A TCP server that does one thing with each connection. */
  async function rawServer(onConnection: (socket: net.Socket) => void): Promise<string> {
    const open = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      open.add(socket);
      socket.on('error', () => {});
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    owner.after(() => {
      for (const socket of open) socket.destroy();
      server.close();
    });
    return `ws://127.0.0.1:${(server.address() as net.AddressInfo).port}/`;
  }

  /** A one-way stream to a bad URL; the call must go on to its end. Answers with the failure. */
  async function failingStream(url: string): Promise<Record<string, unknown>> {
    const sid = await system.call({
      to: ECHO,
      twiml: `<Response><Start><Stream name="bad" url="${url}"/></Start><Start><Stream name="good" url="${app.wsUrl('/good')}"/></Start><Pause length="60"/></Response>`,
    });
    const failure = await system.event(sid, 'stream.failed');
    const good = app.streams.filter((seen) => seen.path === '/good').at(-1);
    assert.ok(good);
    const before = good.of('media').length;
    await good.until('media of the other stream', (seen) => seen.of('media').length > before + 5);
    assert.equal((await system.api('GET', `/calls/${sid}`)).body.status, 'in-progress');
    const shown = (await system.api('GET', `/calls/${sid}/streams/bad`)).body;
    assert.equal(shown.status, 'failed');
    assert.equal(shown.error.code, failure['code']);
    await system.api('POST', `/calls/${sid}`, { status: 'completed' });
    assert.equal((await system.ended(sid)).status, 'completed');
    return failure;
  }

  it('AC-8: a WebSocket that answers 403', async () => {
    const url = await rawServer((socket) => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'));
    const failure = await failingStream(url);
    assert.equal(failure['code'], 31920);
    assert.match(String(failure['detail']), /403/);
  });

  it('AC-9: a WebSocket that hangs in the handshake is given up after 5 s', async () => {
    const failure = await failingStream(await rawServer(() => {}));
    assert.match(String(failure['detail']), /connection upgrade timeout/);
  });

  it('a WebSocket that refuses', async () => {
    const failure = await failingStream('ws://127.0.0.1:1/');
    assert.equal(failure['code'], 31902);
  });

  it('a WebSocket that answers garbage', async () => {
    const failure = await failingStream(await rawServer((socket) => socket.end('\u0000garbage\r\n\r\n')));
    assert.ok([31920, 31924].includes(Number(failure['code'])), JSON.stringify(failure));
  });

  it('AC-84: an app that closes at once, sends garbage or 10 MB loses its stream and nothing else', async () => {
    const paths = ['/closes', '/garbage', '/huge', '/fine'];
    app.onStream = (seen) => {
      if (seen.path === '/closes') seen.socket.terminate();
      if (seen.path === '/garbage') for (const text of ['nonsense', '{"event":', '[]', 'null']) seen.socket.send(text);
      if (seen.path === '/huge') seen.socket.send('x'.repeat(10 << 20));
    };
    const starts = paths.map((path) => `<Start><Stream name="${path.slice(1)}" url="${app.wsUrl(path)}"/></Start>`);
    const sid = await system.call({ to: ECHO, twiml: `<Response>${starts.join('')}<Pause length="60"/></Response>` });
    const fine = await app.stream('/fine');
    const isOver = (name: string) => (event: { type: string; name?: unknown }) =>
      (event.type === 'stream.failed' || event.type === 'stream.stopped') && event.name === name;
    await system.event(sid, isOver('closes'));
    await system.event(sid, isOver('huge'));
    const seen = fine.of('media').length;
    await fine.until('media goes on', (stream) => stream.of('media').length > seen + 10);
    assert.equal((await system.api('GET', `/calls/${sid}/streams/fine`)).body.status, 'in-progress');
    await system.api('POST', `/calls/${sid}`, { status: 'completed' });
    await system.ended(sid);
    app.onStream = () => {};
  });

  it('documents that cannot be had or read end their call with a reason', async () => {
    app.page('/not-xml', 'This is not XML.');
    app.page(
      '/doctype',
      '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Response><Say>&a;</Say></Response>',
    );
    app.page('/huge', `<Response><Say>${'x'.repeat(100_000)}</Say></Response>`);
    app.page('/error', () => ({ status: 500, body: 'no' }));
    app.page('/loop', `<Response><Redirect>${app.url('/loop')}</Redirect></Response>`);
    const expected: readonly [string, number][] = [
      [app.url('/not-xml'), 12100],
      [app.url('/doctype'), 12100],
      [app.url('/huge'), 11750],
      [app.url('/error'), 11200],
      ['http://127.0.0.1:1/refused', 11200],
    ];
    for (const [url, code] of expected) {
      const sid = await system.call({ to: ECHO, url });
      const call = await system.ended(sid);
      assert.equal(call.ending.blame, 'application', url);
      const failure = (await system.events(sid)).find(
        (event) => event.type === 'document.failed' || event.type === 'document.error',
      );
      assert.ok(failure, `${url} leaves no trace`);
      assert.ok(
        failure['code'] === code || (code === 11200 && Math.floor(Number(failure['code']) / 100) === 112),
        JSON.stringify(failure),
      );
    }
    const looping = await system.ended(await system.call({ to: ECHO, url: app.url('/loop') }), 60_000);
    assert.equal(looping.ending.blame, 'application');
  });
});
