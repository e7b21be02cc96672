/** One TCP connection and a peer that means no good, with the time moved by hand. */
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Connection } from '../../../worker/sip/transport/connection.ts';
import { ManualClock } from '../../support/clock.ts';

const LIMITS = { connectMs: 5_000, idleMs: 300_000, messageMs: 30_000, unsentBytes: 1_000 };
const PING = '\r\n\r\n';
const OPTIONS = [
  'OPTIONS sip:us@192.0.2.1 SIP/2.0',
  'Via: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK1',
  'From: <sip:x@example.com>;tag=theirs',
  'To: <sip:us@example.com>',
  'Call-ID: call',
  'CSeq: 1 OPTIONS',
  'Content-Length: 0',
  '\r\n',
].join('\r\n');

/** The far end, which says what it is told to and reads only while `reads`. */
class Peer extends Duplex {
  readonly connecting = false;
  readonly heard: string[] = [];
  reads = true;

  setNoDelay(): void {}
  say(text: string): void {
    this.push(text);
  }
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.heard.push(chunk.toString());
    if (this.reads) done();
  }
}

class Bench {
  readonly peer = new Peer();
  readonly clock = new ManualClock();
  readonly connection: Connection;
  isHeld = false;
  messages = 0;

  constructor() {
    this.connection = new Connection(this.peer, { address: '192.0.2.9', port: 5_060 }, this.clock, LIMITS, {
      onMessage: () => this.messages++,
      onBroken: (problem) => assert.fail(problem),
      onClosed: () => {},
      isHeld: () => this.isHeld,
    });
  }

  /** Says it and lets as much time pass, over and over. */
  async every(ms: number, text: string, times: number): Promise<void> {
    for (let at = 0; at < times; at++) {
      this.peer.say(text);
      await turn();
      this.clock.advance(ms);
    }
  }
}

describe('a TCP connection', () => {
  it('answers a keep-alive', async () => {
    const bench = new Bench();
    await bench.every(1, PING, 3);
    assert.deepEqual(bench.peer.heard, ['\r\n', '\r\n', '\r\n']);
  });

  it('piles up nothing for a peer that asks and does not read', async () => {
    const bench = new Bench();
    bench.peer.reads = false;
    await bench.every(1, PING, 1_000);
    assert.deepEqual(bench.peer.heard, ['\r\n']);
    assert.equal(bench.peer.writableLength, 2);
  });

  it('is closed when a peer that does not read is sent more than the bound', async () => {
    const bench = new Bench();
    bench.peer.reads = false;
    let failed = 0;
    for (let at = 0; at < 4; at++) bench.connection.send(Buffer.alloc(300), () => failed++);
    await turn();
    assert.deepEqual([bench.connection.open, failed], [false, 4]);
    assert.equal(bench.clock.pending, 0);
  });

  it('is idle with nothing but keep-alives, and is closed', async () => {
    const bench = new Bench();
    await bench.every(30_000, PING, 9);
    assert.equal(bench.connection.open, true);
    await bench.every(30_000, PING, 2);
    assert.equal(bench.connection.open, false);
    assert.equal(bench.clock.pending, 0);
  });

  it('stays with messages', async () => {
    const bench = new Bench();
    await bench.every(30_000, OPTIONS, 30);
    assert.deepEqual([bench.connection.open, bench.messages], [true, 30]);
  });

  it('stays with keep-alives while a call is held by it, not without them', async () => {
    const bench = new Bench();
    bench.isHeld = true;
    await bench.every(30_000, PING, 30);
    assert.equal(bench.connection.open, true);
    bench.clock.advance(300_000);
    assert.equal(bench.connection.open, false);
  });

  it('does not wait for the rest of a message longer than it may take', async () => {
    const bench = new Bench();
    await bench.every(1_000, 'O', 29);
    assert.equal(bench.connection.open, true);
    await bench.every(1_000, 'O', 2);
    assert.equal(bench.connection.open, false);
  });
});
