/** The fetcher against real servers on loopback: slow, huge, looping, wrong, broken (PROTOCOL §7.2, §7.4). */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KeptCookie } from '../../../shared/domain/call.ts';
import { createDestinationGuard } from '../../../shared/net/destination.ts';
import { verifySignature, verifyTwilioSignature } from '../../../shared/net/signature.ts';
import type { FetchOrder } from '../../../worker/fetch/fetcher.ts';
import { HttpFetcher } from '../../../worker/fetch/http-fetcher.ts';
import { ManualClock } from '../../support/clock.ts';
import { HttpSink } from '../../support/http-sink.ts';

const TOKEN = 'a-token-of-sixteen';
const clock = new ManualClock();
const http = new HttpFetcher({ guard: createDestinationGuard({ allowPrivate: true }), authToken: TOKEN, clock });
let sink: HttpSink;

before(async () => {
  sink = await HttpSink.open();
});
after(async () => {
  await http.close();
  await sink.close();
});

const order = (url: string, over: Partial<FetchOrder> = {}): FetchOrder => ({
  url,
  method: 'GET',
  fields: {},
  timeoutMs: 15_000,
  maxBytes: 65_536,
  signal: new AbortController().signal,
  ...over,
});

const xml = { 'content-type': 'Text/XML; charset=utf-8' };

describe('a request', () => {
  it('sends fields as query or form, signed both ways, and reads the answer', async () => {
    const url = sink.on('/ok', (response) => response.writeHead(200, xml).end('<Response/>'));
    const session = http.session();
    const got = await session.fetch(order(`${url}?a=1#frag`, { fields: { CallSid: 'CA1' } }));
    assert.ok(got.kind === 'fetched');
    assert.deepEqual([got.httpStatus, got.contentType, got.body.toString()], [200, 'text/xml', '<Response/>']);
    assert.equal(got.finalUrl, `${url}?a=1&CallSid=CA1`);
    assert.equal(sink.asked.at(-1)?.path, '/ok?a=1&CallSid=CA1');

    await session.fetch(order(`${url}?a=1`, { method: 'POST', fields: { To: '+1', From: 'x y' } }));
    const posted = sink.asked.at(-1);
    assert.equal(posted?.body, 'To=%2B1&From=x+y');
    assert.match(posted?.headers['user-agent'] ?? '', /^pivot-streams/);
  });

  it('AC-67: signatures verify for GET and POST', async () => {
    const url = sink.on('/signed', (response) => response.writeHead(200, xml).end('x'));
    await http.session().fetch(order(`${url}?a=1`, { fields: { b: '2' } }));
    const get = String(sink.asked.at(-1)?.headers['x-twilio-signature']);
    assert.ok(verifyTwilioSignature(TOKEN, get, { url: `${url}?a=1&b=2` }));
    const fields = { To: '+1', From: 'x' };
    await http.session().fetch(order(url, { method: 'POST', fields }));
    const post = sink.asked.at(-1);
    assert.ok(verifyTwilioSignature(TOKEN, String(post?.headers['x-twilio-signature']), { url, fields }));
    const pivot = String(post?.headers['x-pivot-signature']);
    assert.ok(verifySignature(TOKEN, pivot, { url, body: post?.body ?? '' }, clock.now()));
  });

  it('keeps cookies for one call and not for another; credentials become a header', async () => {
    const url = sink.on('/cookie', (response) =>
      response.writeHead(200, { ...xml, 'set-cookie': ['a=1; Path=/', 'b=2; Secure', 'c=3; Max-Age=0'] }).end('x'),
    );
    const session = http.session();
    await session.fetch(order(url));
    await session.fetch(order(url.replace('http://', 'http://me:p%40ss@')));
    const headers = sink.asked.at(-1)?.headers;
    assert.equal(headers?.cookie, 'a=1');
    assert.equal(headers?.authorization, `Basic ${Buffer.from('me:p@ss').toString('base64')}`);
    await http.session().fetch(order(url));
    assert.equal(sink.asked.at(-1)?.headers.cookie, undefined);
  });

  it('hands cookies on to the owner that comes after, those that still hold and not without bound', async () => {
    const long = 'x'.repeat(3000);
    const url = sink.on('/kept', (response) =>
      response
        .writeHead(200, { ...xml, 'set-cookie': [`old=${long}`, `a=${long}`, `b=${long}`, 'c=3; Max-Age=60', 'd=4'] })
        .end('x'),
    );
    const before = http.session();
    assert.deepEqual(before.cookies(), []);
    await before.fetch(order(url));
    const kept = JSON.parse(JSON.stringify(before.cookies())) as KeptCookie[];
    await http.session(kept).fetch(order(url));
    assert.equal(sink.asked.at(-1)?.headers.cookie, `a=${long}; b=${long}; c=3; d=4`);
    assert.deepEqual(
      kept.map(({ expiresAt }) => expiresAt === null),
      [true, true, false, true],
    );
  });
});

describe('redirects', () => {
  it('go on with GET after 301, 302 and 303, and repeat after 307', async () => {
    const end = sink.on('/end', (response) => response.writeHead(200, xml).end('x'));
    for (const [status, method, body] of [
      [301, 'GET', ''],
      [302, 'GET', ''],
      [303, 'GET', ''],
      [307, 'POST', 'a=1'],
    ] as const) {
      const url = sink.on(`/r${status}`, (response) => response.writeHead(status, { location: '/end' }).end());
      const got = await http.session().fetch(order(url, { method: 'POST', fields: { a: '1' } }));
      assert.equal(got.kind === 'fetched' && got.finalUrl, end);
      assert.deepEqual([sink.asked.at(-1)?.method, sink.asked.at(-1)?.body], [method, body]);
    }
  });

  it('AC-70: ten are followed, the eleventh is 11215', async () => {
    sink.on('/hop', (response, { path }) => {
      const left = Number(new URL(path, 'http://h').searchParams.get('n'));
      if (left === 0) response.writeHead(200, xml).end('x');
      else response.writeHead(302, { location: `/hop?n=${left - 1}` }).end();
    });
    const ten = await http.session().fetch(order(`${sink.url}/hop?n=10`));
    assert.equal(ten.kind, 'fetched');
    const eleven = await http.session().fetch(order(`${sink.url}/hop?n=11`));
    assert.equal(eleven.kind === 'failed' && eleven.code, 11_215);
  });
});

describe('failures', () => {
  const codeOf = async (url: string, over: Partial<FetchOrder> = {}): Promise<readonly [number, number | null]> => {
    const got = await http.session().fetch(order(url, over));
    assert.ok(got.kind === 'failed');
    return [got.code, got.httpStatus];
  };

  it('500 and 404 are 11200 with their status', async () => {
    const url = sink.on('/500', (response) => response.writeHead(500).end('x'.repeat(100_000)));
    assert.deepEqual(await codeOf(url), [11_200, 500]);
    assert.deepEqual(await codeOf(`${sink.url}/nowhere`), [11_200, 404]);
  });

  it('a body beyond the bound is 11750, with or without a length, and its type is known', async () => {
    const url = sink.on('/huge', (response) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' });
      response.write('x'.repeat(70_000));
    });
    const got = await http.session().fetch(order(url));
    assert.deepEqual([got.kind, got.kind === 'failed' && got.code, got.contentType], ['failed', 11_750, 'audio/mpeg']);
  });

  it('AC-69: no answer in time is 11205, in time is an answer', async () => {
    for (const [afterMs, kind] of [
      [16_000, 'failed'],
      [14_000, 'fetched'],
    ] as const) {
      let answer: () => void = () => {};
      const reached = new Promise<void>((resolve) => {
        sink.on('/slow', (response) => {
          answer = () => response.writeHead(200, xml).end('x');
          resolve();
        });
      });
      const fetching = http.session().fetch(order(`${sink.url}/slow`));
      await reached;
      clock.advance(afterMs);
      if (kind === 'fetched') answer();
      const got = await fetching;
      assert.equal(got.kind, kind);
      if (got.kind === 'failed') assert.equal(got.code, 11_205);
    }
  });

  it('a body that never ends is given up', async () => {
    let begun: () => void = () => {};
    const reached = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const url = sink.on('/drip', (response) => {
      response.writeHead(200, xml).write('<Resp', () => begun());
    });
    const fetching = http.session().fetch(order(url));
    await reached;
    clock.advance(15_000);
    const got = await fetching;
    assert.equal(got.kind === 'failed' && got.code, 11_205);
  });

  it('a connection that is cut or refused is 11205', async () => {
    const url = sink.on('/reset', (response) => response.destroy());
    assert.deepEqual(await codeOf(url), [11_205, null]);
    const gone = await HttpSink.open();
    const dead = gone.url;
    await gone.close();
    assert.deepEqual(await codeOf(dead), [11_205, null]);
  });

  it('what is no http URL is 11100', async () => {
    for (const url of ['nonsense', 'ftp://h/x', 'file:///etc/passwd', '/relative']) {
      assert.deepEqual(await codeOf(url), [11_100, null]);
    }
  });

  it('loopback is refused unless allowed, also behind a redirect', async () => {
    const guarded = new HttpFetcher({
      guard: createDestinationGuard({ allowPrivate: false }),
      authToken: TOKEN,
      clock,
    });
    const before = sink.asked.length;
    const direct = await guarded.session().fetch(order(`${sink.url}/ok`));
    assert.equal(direct.kind === 'failed' && direct.code, 11_100);
    assert.equal(sink.asked.length, before);
    const { port } = new URL(sink.url);
    const named = await guarded.session().fetch(order(`http://localhost:${port}/ok`));
    assert.equal(named.kind === 'failed' && named.code, 11_100);
    assert.equal(sink.asked.length, before);
    await guarded.close();
  });

  it('rejects with the reason of its signal', async () => {
    const url = sink.on('/never', () => {});
    const controller = new AbortController();
    const fetching = http.session().fetch(order(url, { signal: controller.signal }));
    controller.abort('over');
    await assert.rejects(fetching, (reason) => reason === 'over');
  });
});
