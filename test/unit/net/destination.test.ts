import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import http from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { describe, it } from 'node:test';
import { createDestinationGuard, DestinationForbidden, isPublicAddress } from '../../../shared/net/destination.ts';

/** A resolver with a fixed answer; counts how often it was asked. */
function resolver(...answers: string[]): { lookup: LookupFunction; asked: () => number } {
  let asked = 0;
  const lookup: LookupFunction = (_hostname, options, callback) => {
    const entries = answers.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }));
    asked += 1;
    if (options.all === true) callback(null, entries);
    else callback(null, entries[0]?.address ?? '', entries[0]?.family ?? 4);
  };
  return { lookup, asked: () => asked };
}

const guardFor = (...answers: string[]) =>
  createDestinationGuard({ allowPrivate: false, lookup: resolver(...answers).lookup });

describe('destination guard', () => {
  const spellings = [
    'ws://127.0.0.1/',
    'ws://127.1/',
    'ws://0x7f.1/',
    'ws://2130706433/',
    'ws://0177.0.0.01/',
    'ws://[::1]/',
    'ws://[::ffff:127.0.0.1]/',
    'ws://[::ffff:7f00:1]/',
    'ws://[::127.0.0.1]/',
    'ws://[::7f00:1]/',
    'http://127。0。0。1/',
    'http://0/',
    'http://[::]/',
    'http://user:secret@127.0.0.1:8080/path',
  ];
  for (const url of spellings) {
    it(`refuses loopback spelt ${url}`, () => {
      assert.throws(() => guardFor('8.8.8.8').check(url), DestinationForbidden);
    });
  }

  const special = [
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '192.0.0.8',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    'fd00::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:0:1::',
    '2001:db8::1',
    '100::1',
    '1::1',
    'localhost',
    '',
  ];
  for (const address of special) {
    it(`does not take ${address === '' ? 'nothing' : address} for a public address`, () => {
      assert.equal(isPublicAddress(address), false);
    });
  }

  it('takes public addresses', () => {
    for (const address of ['8.8.8.8', '93.184.216.34', '2606:4700::1111', '::ffff:8.8.8.8']) {
      assert.equal(isPublicAddress(address), true, address);
    }
    guardFor('8.8.8.8').check('wss://8.8.8.8/a');
    guardFor('8.8.8.8').check('wss://example.com/a');
  });

  it('refuses a name when one of its addresses is private, whichever way it is asked', () => {
    for (const all of [true, false]) {
      let told: unknown = 'nothing';
      guardFor('10.0.0.1', '8.8.8.8').lookup('two-faced.test', { all }, (error) => {
        told = error;
      });
      assert.ok(told instanceof DestinationForbidden);
    }
  });

  it('never names credentials in its message', () => {
    assert.throws(
      () => guardFor('8.8.8.8').check('https://user:secret@10.0.0.1/?key=1'),
      (error: Error) => !error.message.includes('secret') && !error.message.includes('key'),
    );
  });

  it('connects to the address that was checked, asking the name once', async () => {
    const server = http.createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { lookup, asked } = resolver('127.0.0.1');
    const request = (guarded: LookupFunction) =>
      new Promise<string>((resolve) => {
        const sent = http.get({ host: 'rebind.test', port, lookup: guarded, agent: false }, (response) => {
          response.resume();
          response.on('end', () => resolve('answered'));
        });
        sent.on('error', (error) => resolve(error.name));
      });
    assert.equal(await request(createDestinationGuard({ allowPrivate: false, lookup }).lookup), 'DestinationForbidden');
    assert.equal(asked(), 1);
    assert.equal(await request(createDestinationGuard({ allowPrivate: true, lookup }).lookup), 'answered');
    await new Promise((resolve) => server.close(resolve));
  });

  it('examines names ahead of time', async () => {
    assert.ok((await guardFor('192.168.0.1').examine('wss://inside.test/a')) instanceof DestinationForbidden);
    assert.ok((await guardFor('8.8.8.8').examine('wss://0x7f000001/a')) instanceof DestinationForbidden);
    assert.equal(await guardFor('8.8.8.8').examine('wss://outside.test/a'), null);
    const broken: LookupFunction = (_hostname, _options, callback) => callback(new Error('ENOTFOUND'), '', 0);
    const guard = createDestinationGuard({ allowPrivate: false, lookup: broken });
    assert.equal(await guard.examine('wss://nowhere.test/a'), null);
  });

  it('lets everything through when private addresses are allowed', async () => {
    const guard = createDestinationGuard({ allowPrivate: true });
    guard.check('ws://127.0.0.1/');
    assert.equal(await guard.examine('ws://127.0.0.1/'), null);
  });
});
