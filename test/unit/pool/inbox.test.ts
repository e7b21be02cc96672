/** The inbox of a call against a box in memory: once each, in order, one reading at a time. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { CallLetter, Posted } from '../../../shared/domain/letter.ts';
import { type Epoch, newCallSid } from '../../../shared/kernel/ids.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { RedisUnavailable } from '../../../shared/store/redis.ts';
import { Inbox } from '../../../worker/pool/inbox.ts';
import { ManualClock } from '../../support/clock.ts';

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
const press = (id: number): Posted<CallLetter> => ({ id, letter: { kind: 'press', digits: `${id}` } });

let clock: ManualClock;
let box: Posted<CallLetter>[];
let reads: number;
let fail: 'away' | 'lost' | null;
let acks: 'work' | 'away';
let told: string[];
let losses: number;
let written: Promise<void>;
let inbox: Inbox;

beforeEach(() => {
  clock = new ManualClock();
  [box, reads, fail, acks, told, losses] = [[], 0, null, 'work', [], 0];
  written = Promise.resolve();
  inbox = new Inbox({
    sid: newCallSid(),
    epoch: 1 as Epoch,
    clock,
    log: silentLogger,
    mailbox: {
      async readForCall() {
        reads += 1;
        if (fail === 'away') throw new RedisUnavailable(null);
        return fail === 'lost' ? 'lost' : [...box];
      },
      async ackForCall(_sid, _epoch, upTo) {
        if (acks === 'away') throw new RedisUnavailable(null);
        box = box.filter(({ id }) => id > upTo);
        return 'done';
      },
    },
    deliver(letter) {
      if (letter.kind === 'press') told.push(letter.digits);
    },
    written: () => written,
    onLost: () => {
      losses += 1;
    },
    remind: async () => undefined,
  });
});

describe('the inbox', () => {
  it('tells letters in order and acknowledges them', async () => {
    box = [press(1), press(2)];
    inbox.ring();
    await settle();
    assert.deepEqual([told, box], [['1', '2'], []]);
  });

  it('reads once more for any number of rings during a reading', async () => {
    box = [press(1)];
    for (let ring = 0; ring < 10; ring += 1) inbox.ring();
    await settle();
    assert.deepEqual([told, reads], [['1'], 2]);
    inbox.ring();
    await Promise.resolve();
    box.push(press(2));
    inbox.ring();
    inbox.ring();
    await settle();
    assert.deepEqual([told, reads], [['1', '2'], 4]);
  });

  it('tells nothing twice when the acknowledgement fails', async () => {
    box = [press(1)];
    acks = 'away';
    inbox.ring();
    await settle();
    box.push(press(2));
    acks = 'work';
    inbox.ring();
    clock.advance(100);
    await settle();
    assert.deepEqual([told, box], [['1', '2'], []]);
  });

  it('acknowledges a letter when what it caused is written, and reads on meanwhile', async () => {
    let write: () => void = () => {};
    written = new Promise((resolve) => {
      write = resolve;
    });
    box = [press(1)];
    inbox.ring();
    await settle();
    box.push(press(2));
    inbox.ring();
    await settle();
    assert.deepEqual([told, box.length], [['1', '2'], 2]);
    write();
    await settle();
    assert.deepEqual([told, box], [['1', '2'], []]);
  });

  it('reads when Redis is back', async () => {
    box = [press(1)];
    fail = 'away';
    inbox.ring();
    await settle();
    fail = null;
    clock.advance(50);
    await settle();
    assert.deepEqual(told, ['1']);
  });

  it('tells once that a newer owner exists, and nothing after', async () => {
    fail = 'lost';
    inbox.ring();
    await settle();
    [fail, box] = [null, [press(1)]];
    inbox.ring();
    await settle();
    assert.deepEqual([losses, told], [1, []]);
  });

  it('leaves no timer when it is closed', async () => {
    fail = 'away';
    inbox.ring();
    await settle();
    inbox.close();
    await settle();
    assert.equal(clock.pending, 0);
  });
});
