import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DestinationForbidden } from '../../../shared/net/destination.ts';
import { closeError, connectFailure, failures, ruleBroken } from '../../../worker/stream/failure.ts';
import { Fifo } from '../../../worker/stream/fifo.ts';

const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code });

describe('stream failures', () => {
  const table: [string, Error, boolean, number, boolean][] = [
    ['refused', coded('ECONNREFUSED'), false, 31902, true],
    ['refused at every address', new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')]), false, 31902, true],
    ['timed out by the kernel', coded('ETIMEDOUT'), false, 31901, true],
    ['no route', coded('EHOSTUNREACH'), false, 31904, true],
    ['no such name', coded('ENOTFOUND'), false, 31904, false],
    ['names not answered', coded('EAI_AGAIN'), false, 31904, true],
    ['a forbidden address', new DestinationForbidden('10.0.0.1'), false, 31904, false],
    ['an expired certificate', coded('CERT_HAS_EXPIRED'), true, 31910, false],
    ['a self-signed certificate', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), true, 31910, false],
    ['another name in the certificate', coded('ERR_TLS_CERT_ALTNAME_INVALID'), true, 31910, false],
    ['not HTTP at all', coded('HPE_INVALID_CONSTANT'), true, 31924, false],
    ['a wrong accept key', new Error('Invalid Sec-WebSocket-Accept header'), true, 31924, false],
    ['reset in the handshake', coded('ECONNRESET', 'socket hang up'), true, 31903, false],
    ['something else', new Error('what?'), false, 31900, true],
  ];
  for (const [name, error, connected, code, retryable] of table) {
    it(`AC-52: ${name} is ${code}`, () => {
      const loss = connectFailure(error, connected);
      assert.equal(loss.error.code, code);
      assert.equal(loss.retryable, retryable);
      assert.equal(loss.stage, connected ? 'upgrade' : 'connect');
    });
  }

  it('AC-52: broken rules of WebSocket and a broken connection differ', () => {
    assert.deepEqual(ruleBroken('invalid_opcode'), { code: 31924, message: 'websocket error: invalid_opcode' });
    assert.equal(failures.abrupt.code, 31903);
  });

  it('a close code is an error unless it is an ordinary one', () => {
    for (const code of [1000, 1001, 1005]) assert.equal(closeError(code), null);
    assert.equal(closeError(1011)?.code, 31921);
  });
});

describe('Fifo', () => {
  it('gives back what it was given, in order, however taken', () => {
    const fifo = new Fifo<number>();
    const taken: (number | undefined)[] = [];
    for (let given = 0; given < 2_000; given++) {
      fifo.push(given);
      if (given % 3 !== 0) taken.push(fifo.shift());
    }
    assert.equal(fifo.length, 2_000 - taken.length);
    assert.equal(fifo.peek(), taken.length);
    while (fifo.length > 0) taken.push(fifo.shift());
    assert.deepEqual(
      taken,
      Array.from({ length: 2_000 }, (_, index) => index),
    );
    assert.equal(fifo.shift(), undefined);
  });
});
