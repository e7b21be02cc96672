/** Digest against the examples of RFC 2617 §3.5 and RFC 7616 §3.9.1, and the server against replay and age. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  authorise,
  type Challenge,
  chooseChallenge,
  DigestServer,
  digestResponse,
  parseChallenge,
} from '../../../worker/sip/digest.ts';
import { ManualClock } from '../../support/clock.ts';

describe('digest vectors', () => {
  it('RFC 2617 §3.5, MD5 with qop', () =>
    assert.equal(
      digestResponse(
        { username: 'Mufasa', password: 'Circle Of Life' },
        {
          algorithm: 'MD5',
          realm: 'testrealm@host.com',
          nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
          method: 'GET',
          uri: '/dir/index.html',
          auth: { nc: '00000001', cnonce: '0a4f113b' },
        },
      ),
      '6629fae49393a05397450978507c4ef1',
    ));

  const rfc7616 = {
    realm: 'http-auth@example.org',
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    method: 'GET',
    uri: '/dir/index.html',
    auth: { nc: '00000001', cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' },
  };
  const mufasa = { username: 'Mufasa', password: 'Circle of Life' };
  it('RFC 7616 §3.9.1, MD5', () =>
    assert.equal(digestResponse(mufasa, { ...rfc7616, algorithm: 'MD5' }), '8ca523f5e9506fed4657c9700eebdbec'));
  it('RFC 7616 §3.9.1, SHA-256', () =>
    assert.equal(
      digestResponse(mufasa, { ...rfc7616, algorithm: 'SHA-256' }),
      '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
    ));
  it('RFC 2069 style, without qop', () =>
    assert.equal(
      digestResponse(
        { username: 'Mufasa', password: 'CircleOfLife' },
        {
          algorithm: 'MD5',
          realm: 'testrealm@host.com',
          nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
          method: 'GET',
          uri: '/dir/index.html',
          auth: null,
        },
      ),
      '1949323746fe6a43ef61f9606e7febea',
    ));
});

describe('challenges', () => {
  it('prefers SHA-256 and skips what it cannot answer', () => {
    const md5 = 'Digest realm="r", nonce="n1", qop="auth,auth-int"';
    const sha = 'Digest realm="r", nonce="n2", algorithm=SHA-256, qop="auth"';
    const odd = 'Digest realm="r", nonce="n3", algorithm=SHA-512-256, qop="auth"';
    assert.equal(chooseChallenge([odd, md5, sha])?.nonce, 'n2');
    assert.equal(chooseChallenge([odd, md5])?.nonce, 'n1');
    assert.equal(chooseChallenge([odd, 'Basic realm="r"', 'Digest realm="r", nonce="n", qop="auth-int"']), null);
  });
  it('reads stale, opaque and quoted commas', () =>
    assert.deepEqual(parseChallenge('digest realm="a, \\"b\\"", nonce="n", opaque="o", STALE=TRUE'), {
      realm: 'a, "b"',
      nonce: 'n',
      opaque: 'o',
      algorithm: 'MD5',
      qop: null,
      stale: true,
    } satisfies Challenge));
});

describe('digest server', () => {
  const clock = new ManualClock();
  const server = new DigestServer(clock);
  const passwordOf = (name: string): string | null => (name === 'bob' ? 'pw' : null);
  const answer = (challenge: string, username = 'bob', password = 'pw', count = 1): string => {
    const parsed = parseChallenge(challenge);
    assert.ok(parsed);
    return authorise({ username, password }, parsed, { method: 'INVITE', uri: 'sip:x@y' }, count, 'c');
  };
  const fresh = (at: 0 | 1 = 0): string => server.challenge('realm', false)[at] ?? '';
  const verdict = (value: string): string => server.verify([value], 'realm', 'INVITE', passwordOf);

  it('takes right credentials of both algorithms', () => {
    assert.equal(verdict(answer(fresh(0))), 'good');
    assert.equal(verdict(answer(fresh(1))), 'good');
  });
  it('refuses a wrong password, an unknown user, and nothing at all', () => {
    assert.equal(verdict(answer(fresh(), 'bob', 'no')), 'wrong');
    assert.equal(verdict(answer(fresh(), 'eve', '')), 'wrong');
    assert.equal(server.verify([], 'realm', 'INVITE', passwordOf), 'absent');
    assert.equal(server.verify([answer(fresh())], 'other', 'INVITE', passwordOf), 'absent');
  });
  it('refuses a nonce it did not make', () =>
    assert.equal(verdict(answer('Digest realm="realm", nonce="loz.abc.def", qop="auth"')), 'wrong'));
  it('counts: a repeated nc is stale, a higher one good', () => {
    const challenge = fresh();
    assert.equal(verdict(answer(challenge, 'bob', 'pw', 1)), 'good');
    assert.equal(verdict(answer(challenge, 'bob', 'pw', 1)), 'stale');
    assert.equal(verdict(answer(challenge, 'bob', 'pw', 2)), 'good');
  });
  it('calls an old nonce stale and says so in the next challenge', () => {
    const challenge = fresh();
    clock.advance(300_001);
    assert.equal(verdict(answer(challenge)), 'stale');
    assert.match(server.challenge('realm', true)[0] ?? '', /stale=true/);
  });
  it('refuses credentials made for another method', () =>
    assert.equal(server.verify([answer(fresh())], 'realm', 'BYE', passwordOf), 'wrong'));
});
