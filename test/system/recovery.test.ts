/** A worker process is killed in the middle of a call: another one goes on with it. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { App } from '../support/app.ts';
import { suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';

describe('a call whose worker is killed', () => {
  const owner = suiteOwner();
  let app: App;
  let system: System;
  before(async () => {
    app = await App.start(owner);
    system = await startSystem(owner, { workers: 2 });
  });

  it('AC-85: goes on elsewhere within five seconds, with its stream, and the phone notices a re-INVITE only', async () => {
    app.page('/status', '');
    const sid = await system.call({
      to: '+15550100001',
      twiml: `<Response><Start><Stream name="ear" url="${app.wsUrl('/ear')}"/></Start><Pause length="60"/></Response>`,
      statusCallback: app.url('/status'),
      statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
    });
    const first = await app.stream('/ear');
    await first.until('audio', (seen) => seen.of('media').length > 50);

    const claimed = (await system.events(sid)).find(({ type }) => type === 'call.claimed');
    const worker = workerOf(String(claimed?.['owner']));
    const killedAt = systemClock.monotonic();
    worker.signal('SIGKILL');
    const again = await app.next('/ear', first, 10_000);
    await again.until(
      'audio that is not silence',
      (seen) => seen.of('media').length > 50 && loudest(seen.audio()) > 1000,
      5000,
    );
    assert.ok(systemClock.monotonic() - killedAt < 8000);

    const [start] = again.of('start');
    assert.equal(start.start.reconnected, true);
    assert.equal(start.start.mediaFormat.encoding, 'audio/L16');
    assert.equal(start.streamSid, first.of('start')[0].streamSid);
    const lastBefore = Number(first.of('media').at(-1).media.timestamp);
    assert.ok(Number(again.of('media')[0].media.timestamp) > lastBefore, 'time stamps go on');

    await system.api('POST', `/calls/${sid}`, { status: 'completed' });
    const call = await system.ended(sid);
    assert.deepEqual([call.status, call.ending.cause], ['completed', 'api_completed']);
    await again.closed();
    assert.deepEqual(
      again.of('stop').map(({ stop }) => stop.reason),
      ['hangup'],
    );
    await proveTimeline(sid);
    await system.event(sid, (event) => event.type === 'callback.delivered' && event['event'] === 'call.completed');
    assert.deepEqual(
      app.requests
        .filter(({ path }) => path === '/status')
        .map(({ form }) => [form.get('CallStatus'), form.get('SequenceNumber')]),
      [
        ['initiated', '0'],
        ['ringing', '1'],
        ['in-progress', '2'],
        ['completed', '3'],
      ],
    );
  });

  /** One dialog, one end, and nothing begun twice but the verb that was cut. */
  async function proveTimeline(sid: string): Promise<void> {
    // The gateway writes what it sent a moment after the owner has written the end.
    await system.event(sid, 'sip.bye');
    const events = await system.events(sid);
    const count = (type: string): number => events.filter((event) => event.type === type).length;
    assert.equal(count('call.claimed'), 2);
    assert.equal(count('sip.invite'), 1);
    assert.deepEqual([count('sip.reinvite'), count('sip.reinvite.answered')], [1, 1]);
    assert.deepEqual([count('sip.bye'), count('call.ended')], [1, 1]);
    assert.deepEqual([count('stream.started'), count('stream.reconnected'), count('stream.stopped')], [1, 1, 1]);
    const verbs = events.filter(({ type }) => type === 'verb.started').map((event) => event['verb']);
    assert.deepEqual(verbs, ['Start', 'Pause', 'Pause']);
  }

  function workerOf(ownerId: string) {
    const worker = [...system.stack.children.values()].find(({ pid }) => ownerId.includes(`-${pid}-`));
    assert.ok(worker, `a worker is ${ownerId}`);
    return worker;
  }
});

/** The largest sample of little-endian 16-bit PCM. */
function loudest(pcm: Buffer): number {
  let most = 0;
  for (let at = 0; at + 1 < pcm.length; at += 2) most = Math.max(most, Math.abs(pcm.readInt16LE(at)));
  return most;
}
