/** The verifier for authors of applications: as exported, as documented, against a real upgrade and real webhooks. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '../../../shared/kernel/clock.ts';
import { createDestinationGuard } from '../../../shared/net/destination.ts';
import { signatureHeaders } from '../../../shared/net/signature.ts';
import { REPLAY_WINDOW_MS, verifySignature, verifyTwilioSignature } from '../../../shared/net/verify-signature.ts';
import { createConnector } from '../../../worker/stream/connection.ts';
import { readPage } from '../../support/markdown.ts';
import { StreamPeer } from '../../support/stream-peer.ts';

const TOKEN = 'the token of the account';
const url = 'wss://app.example/agent';

describe('verifySignature', () => {
  it('is exported by the package', () => {
    const { name, exports } = JSON.parse(readFileSync('package.json', 'utf8'));
    assert.equal(name, 'pivot-streams');
    const { types, default: compiled } = exports['./verify-signature'];
    assert.ok(existsSync(types));
    assert.equal(compiled, `./dist/${types.slice(2).replace(/\.ts$/, '.js')}`);
  });

  it('takes what we signed, and nothing else', () => {
    const now = 1_700_000_000_000;
    const body = '{"a":1}';
    const header = signatureHeaders(TOKEN, { url, body }, now)['X-Pivot-Signature'];
    assert.equal(verifySignature(TOKEN, header, { url, body }, now), true);
    assert.equal(
      verifySignature(TOKEN, header, { url, body: Buffer.from(body) }, now + REPLAY_WINDOW_MS - 1_000),
      true,
    );
    assert.equal(verifySignature(TOKEN, header, { url, body }, now + REPLAY_WINDOW_MS + 1_000), false);
    assert.equal(verifySignature(TOKEN, header, { url, body }, now - REPLAY_WINDOW_MS - 1_000), false);
    assert.equal(verifySignature(`${TOKEN}x`, header, { url, body }, now), false);
    assert.equal(verifySignature(TOKEN, header, { url: `${url}/`, body }, now), false);
    assert.equal(verifySignature(TOKEN, header, { url }, now), false);
    for (const forged of [
      undefined,
      '',
      't=',
      't=1,v1=',
      header.toUpperCase(),
      header.replace('v1=', 'v2='),
      'x'.repeat(9_999),
    ]) {
      assert.equal(verifySignature(TOKEN, forged, { url, body }, now), false);
    }
    assert.equal(verifyTwilioSignature(TOKEN, undefined, { url }), false);
  });

  it('AC-53: as documented, tells our upgrade from that of a stranger', async () => {
    const example = readPage('docs/streams.md').blocks.find(({ text }) =>
      text.includes('pivot-streams/verify-signature'),
    );
    assert.ok(example);
    const own = new URL(`../../../shared/net/verify-signature${path.extname(import.meta.url)}`, import.meta.url);
    const text = example.text.replace('pivot-streams/verify-signature', own.href);
    const { isFromUs } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
    const peer = await StreamPeer.listen();
    const address = peer.url.replace('/stream', '');
    for (const [token, ours] of [
      [TOKEN, true],
      ['a guess of sixteen', false],
    ] as const) {
      const guard = createDestinationGuard({ allowPrivate: true });
      const connect = createConnector({ clock: systemClock, guard, authToken: token });
      const connection = connect(
        { url: peer.url, headers: {}, retry: false },
        { onOpen: () => {}, onText: () => {}, onBinary: () => {}, onControl: () => {}, onGone: () => {} },
      );
      const { headers, path: asked } = await peer.socket(peer.sockets.length);
      assert.equal(isFromUs({ headers, url: asked }, address, TOKEN), ours);
      await connection.close();
    }
    assert.equal(isFromUs({ headers: {}, url: '/stream' }, address, TOKEN), false);
    await peer.close();
  });
});
