/** Whose media is moved is told so where it was, also by a gateway that was started again meanwhile. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { describe, it } from 'node:test';
import { type CallSid, newCallSid } from '../../../shared/kernel/ids.ts';
import { readMoved } from '../../../shared/net/moved-notice.ts';
import type { MediaPlace } from '../../../worker/gateway/media-place.ts';
import { MovedNotices } from '../../../worker/gateway/moved-notices.ts';
import { ManualClock } from '../../support/clock.ts';
import { GatewayFixture } from '../../support/gateway-fixture.ts';
import type { GatewayWorld } from '../../support/gateway-world.ts';

const at = (port: number, version: number): string =>
  [
    'v=0',
    `o=- 7 ${version} IN IP4 10.0.0.1`,
    's=-',
    'c=IN IP4 10.0.0.1',
    't=0 0',
    `m=audio ${port} RTP/AVP 0`,
    '',
  ].join('\r\n');

type Told = readonly [CallSid, MediaPlace['address'], MediaPlace['port'], number];

async function gateway(told: Told[], world?: GatewayWorld): Promise<GatewayFixture> {
  const tellMoved = (sid: CallSid, { address, port }: MediaPlace, version: number): void =>
    void told.push([sid, address, port, version]);
  return await new GatewayFixture(world, { tellMoved }).start();
}

describe('a gateway', () => {
  it('tells the owner whose media is moved, at the place it was, and nobody when it stays', async () => {
    const told: Told[] = [];
    const fixture = await gateway(told);
    const { sid } = await fixture.inbound();
    await fixture.say(sid, { kind: 'answer', leg: 'a', sdp: at(30_000, 1) });
    await fixture.say(sid, { kind: 'answer-reoffer', leg: 'a', sdp: at(30_000, 2) });
    assert.deepEqual(told, []);
    await fixture.say(sid, { kind: 'reoffer', leg: 'a', sdp: at(40_000, 1_800_000_000) });
    assert.deepEqual(told, [[sid, '10.0.0.1', 30_000, 1_800_000_000]]);
  });

  it('knows the place of a call of ours from its dialling, and after a restart', async () => {
    const told: Told[] = [];
    const before = await gateway(told);
    const sid = await before.outbound('+15550100009', null, at(30_000, 1));
    before.sip.dialled[0]?.delegate.onAnswered('v=0 theirs');
    const after = await gateway(told, before.world);
    await after.say(sid, { kind: 'reoffer', leg: 'a', sdp: at(40_000, 9) });
    assert.deepEqual(told, [[sid, '10.0.0.1', 30_000, 9]]);
  });
});

it('a notice goes to the RTCP port, three times in all, and none after the close', async () => {
  const clock = new ManualClock();
  const sid = newCallSid();
  const socket = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const place = { address: '127.0.0.1', port: socket.address().port - 1 };
  const notices = new MovedNotices('key', clock);
  notices.tell(sid, place, 5);
  for (const laterMs of [0, 100, 300]) {
    const came = new Promise<Buffer>((resolve) => socket.once('message', resolve));
    clock.advance(laterMs);
    assert.equal(readMoved('key', sid, await came), 5);
  }
  assert.equal(clock.pending, 0);
  notices.tell(sid, place, 6);
  notices.close();
  assert.equal(clock.pending, 0);
  socket.close();
});
