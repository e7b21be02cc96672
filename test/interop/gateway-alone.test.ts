/**
 * The gateway dies while calls are up and goes on with them, and Redis stops answering under it: a
 * real phone (sipp), a real SIGKILL, a real Redis that is stopped.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause, withDeadline } from '../../shared/kernel/deadline.ts';
import { FIRST_LEG } from '../../shared/kernel/ids.ts';
import { CallOwner } from '../support/call-owner.ts';
import { type GatewayAlone, startGatewayAlone } from '../support/gateway-alone.ts';
import { Sipp, sippMissing } from '../support/sipp.ts';

const missing = sippMissing();
const options = missing === null ? {} : { skip: missing };

async function until(what: string, ready: () => boolean): Promise<void> {
  const look = async (): Promise<void> => {
    while (!ready()) await pause(systemClock, 20);
  };
  await withDeadline(systemClock, 15_000, what, look());
}

async function start(context: test.TestContext): Promise<{ alone: GatewayAlone; owner: CallOwner }> {
  const alone = await startGatewayAlone();
  context.after(() => alone.close());
  await alone.store.numbers.put({
    number: '*',
    voiceUrl: null,
    voiceMethod: 'POST',
    voiceFallbackUrl: null,
    twiml: '<Response/>',
    statusCallback: null,
    dialect: 'pivot',
  });
  const owner = new CallOwner(alone.store, alone.queue, 10);
  context.after(() => owner.close());
  return { alone, owner };
}

/** Kills the gateway and waits until the launcher has another one up. */
async function kill(alone: GatewayAlone): Promise<void> {
  const before = alone.gateway.pid;
  alone.gateway.signal('SIGKILL');
  await until('the death of the gateway', () => alone.lines.some((line) => line.includes('SIGKILL')));
  await until('a new gateway', () => alone.gateway.pid !== before);
}

test('a phone hangs up a call whose gateway was killed meanwhile', options, async (context) => {
  const { alone, owner } = await start(context);
  const phone = await Sipp.start(context, {
    scenario: 'uac-says-bye',
    target: alone.address,
    transport: 'udp',
    service: '15550100001',
    pauseMs: 4000,
  });
  await until('the ACK', () => owner.sids.some((sid) => owner.letters(sid).some(({ kind }) => kind === 'acked')));
  await kill(alone);
  const outcome = await phone.outcome();
  assert.equal(outcome.succeeded, 1, outcome.errors + alone.lines.join('\n'));
  await until('the end of the call', () => owner.ended === 1);
});

test('a call is hung up by its owner although its gateway was killed meanwhile', options, async (context) => {
  const { alone, owner } = await start(context);
  const phone = await Sipp.start(context, {
    scenario: 'uac-hears-bye',
    target: alone.address,
    transport: 'udp',
    service: '15550100001',
  });
  await until('the ACK', () => owner.sids.some((sid) => owner.letters(sid).some(({ kind }) => kind === 'acked')));
  const [sid] = owner.sids;
  assert.ok(sid);
  await kill(alone);
  await owner.say(sid, { kind: 'hangup', leg: FIRST_LEG });
  const outcome = await phone.outcome();
  assert.equal(outcome.succeeded, 1, outcome.errors + alone.lines.join('\n'));
});

test('a phone hangs up while Redis is away, and the call hears of it afterwards', options, async (context) => {
  const { alone, owner } = await start(context);
  const call = { target: alone.address, transport: 'udp', service: '15550100001' } as const;
  const phone = await Sipp.start(context, { ...call, scenario: 'uac-says-bye', pauseMs: 3000 });
  await until('the ACK', () => owner.sids.some((sid) => owner.letters(sid).some(({ kind }) => kind === 'acked')));
  process.kill(alone.redisPid, 'SIGSTOP');
  try {
    const refused = await (await Sipp.start(context, { ...call, scenario: 'uac-unavailable' })).outcome();
    assert.equal(refused.succeeded, 1, refused.errors);
    const outcome = await phone.outcome();
    assert.equal(outcome.succeeded, 1, outcome.errors);
    assert.equal(owner.ended, 0);
  } finally {
    process.kill(alone.redisPid, 'SIGCONT');
  }
  await until('the end of the call', () => owner.ended === 1);
  // The gateway looks for Redis once a second: one of the next calls is taken.
  let taken = 0;
  for (let tries = 0; tries < 10 && taken === 0; tries++) {
    const next = await Sipp.start(context, { ...call, scenario: 'uac-says-bye', pauseMs: 100 });
    taken = (await next.outcome()).succeeded;
    if (taken === 0) await pause(systemClock, 500);
  }
  assert.equal(taken, 1);
});
