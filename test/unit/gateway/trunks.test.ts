/** Reading `TRUNKS` and choosing who takes a number. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readTrunks, TrunksError } from '../../../shared/trunks.ts';
import { chooseTrunks, passwordOf, phoneBankTrunk } from '../../../worker/gateway/trunks.ts';

const three = readTrunks(
  JSON.stringify([
    { name: 'world', host: 'world.example' },
    { name: 'us', host: '192.0.2.1:5070', transport: 'tcp', prefixes: ['+1'], username: 'ann', password: 'secret' },
    { name: 'us-west', host: 'west.example', prefixes: ['1415', '+1510'] },
  ]),
);
const names = (name: string | null, number: string) => chooseTrunks(three, name, number).map((trunk) => trunk.name);

describe('reading trunks', () => {
  it('fills in what is not said', () => {
    assert.deepEqual(three[0], {
      name: 'world',
      host: 'world.example',
      transport: 'udp',
      prefixes: [''],
      username: null,
      password: null,
    });
  });

  it('reads a file when the setting is a path', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'trunks-'));
    try {
      const file = path.join(folder, 'trunks.json');
      writeFileSync(file, '[{"name":"one","host":"one.example"}]');
      assert.equal(readTrunks(file)[0]?.host, 'one.example');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('names every problem and no credential', () => {
    const bad = JSON.stringify([
      { name: 'a b', host: 'x y' },
      { name: 'two', host: 'h', username: 'ann', password: '' },
      { name: 'two', host: 'h', prefixes: ['abc'], password: 'hunter2' },
    ]);
    assert.throws(
      () => readTrunks(bad),
      (error: unknown) => {
        assert.ok(error instanceof TrunksError);
        for (const place of ['0.name', '0.host', '1.password', '2.prefixes.0'])
          assert.match(error.message, new RegExp(place));
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
    );
  });

  it('refuses two trunks of one name, what is not JSON, and a file that is not there', () => {
    assert.throws(() => readTrunks('[{"name":"a","host":"h"},{"name":"a","host":"h"}]'), /a is there twice/);
    assert.throws(() => readTrunks('[{'), /not JSON/);
    assert.throws(() => readTrunks('/nowhere/trunks.json'), /cannot be read/);
  });
});

describe('choosing a trunk', () => {
  it('takes the longest prefix first and keeps the others for failover', () => {
    assert.deepEqual(names(null, '+14155550100'), ['us-west', 'us', 'world']);
    assert.deepEqual(names(null, '15105550100'), ['us-west', 'us', 'world']);
    assert.deepEqual(names(null, '+12125550100'), ['us', 'world']);
    assert.deepEqual(names(null, '+4930123456'), ['world']);
  });

  it('takes a named trunk alone, whatever its prefixes', () => {
    assert.deepEqual(names('us', '+4930123456'), ['us']);
    assert.deepEqual(names('nobody', '+4930123456'), []);
  });

  it('knows the password of a user, and of nobody else', () => {
    assert.equal(passwordOf(three)('ann'), 'secret');
    assert.equal(passwordOf(three)('bob'), null);
  });

  it('makes the phone bank a trunk for every number', () => {
    const bank = phoneBankTrunk('127.0.0.1', 5080);
    assert.equal(bank.host, '127.0.0.1:5080');
    assert.deepEqual(chooseTrunks([bank], null, '+15550100001'), [bank]);
  });
});
