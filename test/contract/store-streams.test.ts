/** The contract of `StreamStore`: limits, names and ends of streams against a real Redis. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { StreamRecord, StreamSpec } from '../../shared/domain/stream.ts';
import { systemClock } from '../../shared/kernel/clock.ts';
import { type CallSid, type Epoch, newCallSid, type OwnerId } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { openStore } from '../../shared/store/open.ts';
import type { Store } from '../../shared/store/store.ts';
import { aCall, aStream } from '../support/records.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

const owner = 'host-1' as OwnerId;
const endedAt = '2026-11-23T10:00:00.000Z';

let redis: TestRedis;
let store: Store;
let other: Store;
let sid: CallSid;
let epoch: Epoch;

before(async () => {
  redis = await startTestRedis();
  store = await openStore(redis.url, { retentionMs: 60_000 }, systemClock, silentLogger);
  other = await openStore(redis.url, { retentionMs: 60_000 }, systemClock, silentLogger);
});

after(async () => {
  await store.close();
  await other.close();
  await redis.stop();
});

/** A call that is up. */
beforeEach(async () => {
  const call = aCall();
  await store.calls.create(call);
  const claimed = await store.calls.claim(call.sid, owner);
  assert.ok(claimed);
  [sid, epoch] = [call.sid, claimed.epoch];
  await store.calls.save(sid, epoch, { patch: { status: 'in-progress' } });
});

const byApi = (stream: StreamRecord, client = store) => client.streams.open(stream, { kind: 'api' });
const byOwner = (stream: StreamRecord) => store.streams.open(stream, { kind: 'owner', epoch });

/** In short: `opened`, or why not. */
async function outcome(answer: ReturnType<typeof byApi>): Promise<string> {
  const settled = await answer;
  return settled.kind === 'refused' ? settled.reason : settled.kind;
}
const start = (spec: Partial<StreamSpec> = {}): Promise<string> => outcome(byOwner(aStream(sid, spec)));

describe('streams', () => {
  it('are given back as they were written and patched', async () => {
    const stream = aStream(sid, { name: 'coach', customParameters: { a: 'b' } });
    assert.deepEqual(await byApi(stream), { kind: 'opened', stream, owner });
    assert.deepEqual(await other.streams.get(sid, 'coach'), stream);
    await store.streams.save(sid, stream.sid, epoch, { status: 'in-progress', startedAt: endedAt });
    const started = { ...stream, status: 'in-progress', startedAt: endedAt };
    assert.deepEqual(await other.streams.get(sid, stream.sid), started);
    assert.deepEqual(await other.streams.list(sid), [started]);
    assert.equal(await store.streams.get(sid, 'nobody'), null);
  });

  it('by the API put a letter into the box in the same step, by the owner none', async () => {
    const stream = aStream(sid);
    await byApi(stream);
    await byOwner(aStream(sid));
    const letters = await store.mailbox.readForCall(sid, epoch);
    assert.ok(letters !== 'lost');
    assert.deepEqual(
      letters.map(({ letter }) => letter),
      [{ kind: 'stream-start', stream: stream.sid }],
    );
  });

  it('AC-27: the fifth of two clients at once is refused, whoever is first', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_none, index) => outcome(byApi(aStream(sid), index % 2 === 0 ? store : other))),
    );
    assert.equal(answers.filter((answer) => answer === 'opened').length, 4);
    assert.equal(answers.filter((answer) => answer === 'stream_limit').length, 4);
    assert.equal((await store.streams.list(sid)).length, 4);
    assert.equal(await start(), 'stream_limit', 'TwiML is refused by the same step');
  });

  it('AC-28: a second two-way stream is refused, and the one there is counts among the four', async () => {
    assert.equal(await start({ mode: 'bidirectional' }), 'opened');
    assert.equal(await start({ mode: 'duplex' }), 'bidirectional_limit');
    for (let count = 0; count < 3; count += 1) assert.equal(await start(), 'opened');
    assert.equal(await start(), 'stream_limit');
    assert.equal(await start({ mode: 'bidirectional' }), 'bidirectional_limit');
  });

  it('AC-29: a live name is taken, an ended one is free', async () => {
    const first = aStream(sid, { name: 'coach' });
    await byOwner(first);
    assert.equal(await start({ name: 'coach' }), 'stream_name_taken');
    await store.streams.save(sid, first.sid, epoch, { status: 'stopped', stoppedAt: endedAt });
    const second = aStream(sid, { name: 'coach' });
    assert.equal(await outcome(byOwner(second)), 'opened');
    assert.equal((await store.streams.get(sid, 'coach'))?.sid, second.sid, 'the newest of that name');
    assert.equal((await store.streams.get(sid, first.sid))?.status, 'stopped');
  });

  it('AC-49: Twilio counts tracks, both as two, and one two-way beside them', async () => {
    const twilio = { dialect: 'twilio', track: 'both' } as const;
    assert.equal(await start(twilio), 'opened');
    assert.equal(await start(twilio), 'opened');
    assert.equal(await start({ ...twilio, track: 'inbound' }), 'stream_limit');
    assert.equal(await start({ ...twilio, track: 'inbound', mode: 'bidirectional' }), 'opened');
    assert.equal(await start({ ...twilio, track: 'inbound', mode: 'bidirectional' }), 'bidirectional_limit');
  });

  it('AC-49: a change of track is counted too, and a change of a stream that is over refused', async () => {
    const twilio = { dialect: 'twilio', track: 'both' } as const;
    const [one, two] = [aStream(sid, twilio), aStream(sid, { ...twilio, track: 'inbound' })];
    for (const stream of [one, two]) await byOwner(stream);
    assert.equal(await start({ ...twilio, track: 'inbound' }), 'opened');
    const change = (stream: StreamRecord, track: 'inbound' | 'both') =>
      store.streams.change(stream, { kind: 'stream-update', stream: stream.sid, track });
    assert.deepEqual(await change(two, 'both'), { kind: 'stream_limit' });
    assert.deepEqual(await change(one, 'inbound'), { kind: 'posted', owner });
    assert.deepEqual(await change(two, 'both'), { kind: 'posted', owner });
    assert.equal(await start({ ...twilio, track: 'inbound' }), 'stream_limit');
    const letters = await store.mailbox.readForCall(sid, epoch);
    assert.ok(letters !== 'lost');
    assert.deepEqual(
      letters.map(({ letter }) => letter),
      [
        { kind: 'stream-update', stream: one.sid, track: 'inbound' },
        { kind: 'stream-update', stream: two.sid, track: 'both' },
      ],
    );
    await store.streams.save(sid, one.sid, epoch, { status: 'stopped' });
    assert.deepEqual(await change(one, 'both'), { kind: 'stream_ended' });
    await store.calls.save(sid, epoch, { patch: { status: 'completed', endedAt } });
    assert.deepEqual(await change(two, 'inbound'), { kind: 'ended' });
    assert.deepEqual(await change(aStream(newCallSid()), 'both'), { kind: 'unknown' });
  });

  it('asked for again by the API are the same stream while it lives', async () => {
    const stream = aStream(sid, { name: 'coach', customParameters: { a: '1', b: '2' } });
    await byApi(stream);
    const again = aStream(sid, { ...stream.spec, customParameters: { b: '2', a: '1' } });
    assert.deepEqual(await byApi(again, other), { kind: 'existing', stream });
    assert.equal(await outcome(byApi(aStream(sid, { ...stream.spec, track: 'both' }))), 'stream_name_taken');
  });

  it('need a call in progress when the API asks', async () => {
    assert.equal(await outcome(byApi(aStream(newCallSid()))), 'call_not_found');
    const call = aCall();
    await store.calls.create(call);
    assert.equal(await outcome(byApi(aStream(call.sid))), 'call_not_in_progress');
    await store.calls.save(sid, epoch, { patch: { status: 'completed', endedAt } });
    assert.equal(await outcome(byApi(aStream(sid))), 'call_ended');
    assert.equal(await start(), 'call_ended');
  });

  it('that still live at the end of the call stop with it, and stay stopped', async () => {
    const [live, failed] = [aStream(sid), aStream(sid)];
    await byOwner(live);
    await byOwner(failed);
    await store.streams.save(sid, failed.sid, epoch, { status: 'failed', reason: 'error' });
    await store.calls.save(sid, epoch, { patch: { status: 'completed', endedAt } });
    const [stopped, other_] = await store.streams.list(sid);
    assert.deepEqual([stopped?.status, stopped?.stoppedAt, stopped?.reason], ['stopped', endedAt, 'hangup']);
    assert.deepEqual([other_?.status, other_?.reason], ['failed', 'error']);
  });

  it('are kept in bounds: of many ended ones the oldest go', async () => {
    const first = aStream(sid, { name: 'same' });
    await byOwner(first);
    await store.streams.save(sid, first.sid, epoch, { status: 'stopped' });
    for (let count = 0; count < 200; count += 1) {
      const stream = aStream(sid, { name: 'same' });
      await byOwner(stream);
      await store.streams.save(sid, stream.sid, epoch, { status: 'stopped' });
    }
    const streams = await store.streams.list(sid);
    assert.equal(streams.length, 200);
    assert.equal(await store.streams.get(sid, first.sid), null);
    assert.equal((await store.streams.get(sid, 'same'))?.sid, streams.at(-1)?.sid);
  });
});
