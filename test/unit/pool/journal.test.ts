/** The journal of a call against a store that fails when told: order, merging, doing once, losing. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { NO_COUNTERS } from '../../../shared/domain/stream.ts';
import { type Epoch, newCallSid, type StreamSid } from '../../../shared/kernel/ids.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { RedisUnavailable } from '../../../shared/store/redis.ts';
import type { CallChange, Fenced } from '../../../shared/store/store.ts';
import { CallJournal } from '../../../worker/pool/journal.ts';
import { ManualClock } from '../../support/clock.ts';
import { aStream } from '../../support/records.ts';

type Answer = Fenced | 'away' | 'bug';

let clock: ManualClock;
let tried: CallChange[];
/** What the next tries are answered with; `done` when there is nothing. */
let answers: Answer[];
let written: CallChange[];
let losses: number;
let opened: number;
let journal: CallJournal;
const sid = newCallSid();

/** Lets all that waits only on promises go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  clock = new ManualClock();
  [tried, answers, written, losses, opened] = [[], [], [], 0, 0];
  journal = new CallJournal({
    sid,
    epoch: 1 as Epoch,
    clock,
    log: silentLogger,
    calls: {
      async save(_sid, _epoch, change) {
        tried.push(change);
        await settle();
        const answer = answers.shift() ?? 'done';
        if (answer === 'away') throw new RedisUnavailable(null);
        if (answer === 'bug') throw new Error('ERR');
        return answer;
      },
    },
    streams: {
      async open(stream) {
        opened += 1;
        return { kind: 'opened', stream, owner: null };
      },
      get: async () => null,
      list: async () => [],
    },
    traceparent: null,
    onWritten: (change) => written.push(change),
    onLost: () => {
      losses += 1;
    },
    onStream: () => undefined,
    remind: async () => undefined,
  });
});

describe('the journal', () => {
  it('writes all that is said in one go in one step', async () => {
    journal.patch({ status: 'ringing' });
    journal.patch({ ringingAt: 'now' });
    journal.entry({ type: 'media.held' });
    journal.letter({ kind: 'hangup', leg: 'a' as never });
    journal.streamPatch('MZ1' as StreamSid, { status: 'paused' });
    journal.streamPatch('MZ1' as StreamSid, { reason: 'api' });
    await journal.flush();
    assert.equal(written.length, 1);
    const [change] = written;
    assert.deepEqual(change?.patch, { status: 'ringing', ringingAt: 'now' });
    assert.deepEqual(change?.streams, [{ stream: 'MZ1', patch: { status: 'paused', reason: 'api' } }]);
    assert.deepEqual([change?.entries?.length, change?.letters?.length, change?.serial], [1, 1, 1]);
  });

  it('writes in one step what follows in the same turn of the event loop', async () => {
    journal.patch({ gateway: 'gw-test' as never });
    for (let wait = 0; wait < 10; wait += 1) await Promise.resolve();
    journal.letter({ kind: 'hangup', leg: 'a' as never });
    await journal.flush();
    assert.deepEqual(
      written.map(({ patch, letters }) => [patch?.gateway, letters?.length]),
      [['gw-test', 1]],
    );
  });

  it('keeps one write under way and puts what is said meanwhile into the next', async () => {
    journal.patch({ status: 'ringing' });
    await settle();
    assert.equal(tried.length, 1);
    journal.patch({ status: 'in-progress' });
    journal.patch({ answeredAt: 'now' });
    assert.equal(tried.length, 1);
    await journal.flush();
    assert.deepEqual(
      written.map((change) => change.patch),
      [{ status: 'ringing' }, { status: 'in-progress', answeredAt: 'now' }],
    );
  });

  it('lets entries wait for company, and not for long', async () => {
    journal.entry({ type: 'media.held' });
    journal.entry({ type: 'media.resumed' });
    await settle();
    assert.equal(tried.length, 0);
    clock.advance(50);
    await journal.flush();
    assert.deepEqual(
      written.map((change) => change.entries?.map(({ entry }) => entry.type)),
      [['media.held', 'media.resumed']],
    );
  });

  it('lets counters wait longer, and takes them along with the next entry', async () => {
    journal.streamPatch('MZ1' as StreamSid, { counters: NO_COUNTERS });
    clock.advance(1999);
    await settle();
    assert.equal(tried.length, 0);
    journal.entry({ type: 'media.held' });
    clock.advance(50);
    await journal.flush();
    assert.deepEqual([written.length, written[0]?.streams?.length, written[0]?.entries?.length], [1, 1, 1]);
    journal.streamPatch('MZ1' as StreamSid, { counters: NO_COUNTERS });
    clock.advance(2000);
    await settle();
    await journal.flush();
    assert.equal(written.length, 2);
  });

  it('tries the same step with the same number until Redis is back, and keeps the order', async () => {
    answers = ['away', 'away', 'done'];
    journal.patch({ status: 'ringing' });
    await settle();
    journal.patch({ status: 'in-progress' });
    const flushed = journal.flush();
    for (let round = 0; round < 5; round += 1) {
      await settle();
      await settle();
      clock.advance(100);
    }
    await flushed;
    assert.deepEqual(
      tried.map((change) => change.serial),
      [1, 1, 1, 2],
    );
    assert.deepEqual(
      written.map((change) => change.patch?.status),
      ['ringing', 'in-progress'],
    );
  });

  it('goes on after a change that cannot be written', async () => {
    answers = ['bug'];
    journal.patch({ status: 'ringing' });
    await settle();
    await settle();
    journal.patch({ status: 'completed' });
    await journal.flush();
    assert.deepEqual(
      written.map((change) => change.patch?.status),
      ['completed'],
    );
    assert.equal(journal.hasEnded, true);
  });

  it('falls silent when it is refused, tells so once, and lets nobody wait', async () => {
    answers = ['lost'];
    journal.patch({ status: 'ringing' });
    const flushed = journal.flush();
    await flushed;
    journal.patch({ status: 'completed' });
    journal.entry({ type: 'media.held' });
    await journal.flush();
    assert.deepEqual([losses, tried.length, written.length], [1, 1, 0]);
    assert.deepEqual(await journal.openStream(aStream(sid)), { kind: 'lost' });
    assert.equal(clock.pending, 0);
  });

  it('opens a stream after everything that was said before it', async () => {
    journal.streamPatch('MZ1' as StreamSid, { status: 'stopped' });
    const answer = journal.openStream(aStream(sid));
    await settle();
    assert.equal(opened, 0, 'the end of the other stream is still being written');
    assert.deepEqual(await answer, { kind: 'opened' });
    assert.equal(written.length, 1);
  });

  it('bounds what waits while Redis is away', async () => {
    answers = ['away'];
    journal.patch({ status: 'ringing' });
    await settle();
    await settle();
    for (let count = 0; count < 2500; count += 1) journal.entry({ type: 'dtmf.sent', digits: `${count}`, by: 'api' });
    clock.advance(100);
    await journal.flush();
    const entries = written[1]?.entries ?? [];
    assert.equal(entries.length, 2000);
    assert.deepEqual(entries[0]?.entry, { type: 'dtmf.sent', digits: '500', by: 'api' });
  });

  it('leaves no timer when it is closed', () => {
    journal.entry({ type: 'media.held' });
    journal.close();
    journal.close();
    assert.equal(clock.pending, 0);
  });
});
