/** Two gateways on two addresses and two workers: who takes which call, and what happens when all have enough. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import type { Child } from '../../shared/launch/child.ts';
import { Phone } from '../../worker/phones/phone.ts';
import type { PhoneCall } from '../../worker/phones/phone-call.ts';
import { openUserAgent } from '../../worker/sip/user-agent.ts';
import { suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';

const SECOND = '127.0.0.2';
const WAITS = '<Response><Pause length="120"/></Response>';

async function until(what: string, isSo: () => Promise<boolean>, withinMs = 15_000): Promise<void> {
  const end = systemClock.monotonic() + withinMs;
  while (!(await isSo())) {
    assert.ok(systemClock.monotonic() < end, `not within ${withinMs} ms: ${what}`);
    await pause(systemClock, 50);
  }
}

describe('two gateways and two workers', () => {
  const owner = suiteOwner();
  /** Where each INVITE to this trunk came from; it is always busy. */
  const sources: string[] = [];
  let system: System;
  let second: Child;
  let phone: Phone;
  before(async () => {
    const busy = await openUserAgent(
      { host: '127.0.0.1', port: 0, publicAddress: null, product: 'test' },
      {
        onInvite: (invitation) => {
          sources.push(invitation.source.address);
          invitation.refuse(486, 'Busy Here');
        },
        onMalformed: () => undefined,
      },
      systemClock,
      silentLogger,
    );
    owner.after(() => busy.close(500));
    const trunk = { name: 'busy', host: `127.0.0.1:${busy.address.port}`, transport: 'udp', prefixes: [''] };
    const environment = { TRUNKS: JSON.stringify([trunk]), CALLS_PER_THREAD: '2' };
    system = await startSystem(owner, { workers: 2, environment });
    second = await system.stack.add('gateway-2', 'gateway', { SIP_HOST: SECOND });
    phone = new Phone({}, systemClock, silentLogger);
    owner.after(() => phone.close());
    await phone.open();
    await gateways(2);
  });

  const gateways = (count: number): Promise<void> =>
    until(`${count} gateways`, async () => (await system.api('GET', '/readyz')).body.gateways.count === count);

  it('take calls at either address, run them on any worker, and each hangs up its own', async () => {
    await system.api('PUT', '/numbers/*', { twiml: WAITS });
    const addresses = [system.stack.sipAddress, `${SECOND}:${second.info['port']}`];
    const calls: PhoneCall[] = [];
    for (const address of [...addresses, ...addresses]) {
      const call = await phone.call(`sip:+15550300001@${address}`);
      await call.answered;
      calls.push(call);
    }
    let items: readonly { readonly sid: string }[] = [];
    await until('four calls are up', async () => {
      items = (await system.api('GET', '/calls?status=in-progress')).body.items;
      return items.length === calls.length;
    });
    const owners = new Map<unknown, number>();
    for (const { sid } of items) {
      const claimed = await system.event(sid, 'call.claimed');
      owners.set(claimed['owner'], (owners.get(claimed['owner']) ?? 0) + 1);
    }
    assert.deepEqual([...owners.values()], [2, 2], 'two workers with room for two each');
    for (const { sid } of items) await system.api('POST', `/calls/${sid}`, { status: 'completed' });
    for (const call of calls) assert.equal((await call.ended).by, 'bye');
    for (const { sid } of items) await system.ended(sid);
  });

  it('share outbound calls, and one that is gone gets none', async () => {
    const place = async (count: number): Promise<readonly string[]> => {
      sources.length = 0;
      const sids = [];
      for (let call = 0; call < count; call += 1) sids.push(await system.call({ to: '+15550300002', twiml: WAITS }));
      for (const sid of sids) assert.equal((await system.ended(sid)).status, 'busy');
      return sources;
    };
    // What the workers know is a second old at most: of the second gateway they may not have heard yet.
    await until('a call came from each gateway', async () => new Set(await place(4)).size === 2);
    // As good as a host that lost its power: there, and without a word.
    second.signal('SIGSTOP');
    await gateways(1);
    // The workers hear of that a second later at most.
    await pause(systemClock, 1500);
    assert.deepEqual([...new Set(await place(6))], ['127.0.0.1']);
    second.signal('SIGCONT');
    await gateways(2);
  });
});

describe('a worker that is busier than it may be', () => {
  const owner = suiteOwner();
  let system: System;
  let phone: Phone;
  before(async () => {
    // So little that a few calls are enough.
    system = await startSystem(owner, { environment: { BUSY_LIMIT: '1', PROBE_PORT: '0', THREAD_CPUS: 'all' } });
    phone = new Phone({}, systemClock, silentLogger);
    owner.after(() => phone.close());
    await phone.open();
  });

  it('takes no more calls, both ways; those that are up go on; and it takes calls again when they are over', async () => {
    await system.api('PUT', '/numbers/*', { twiml: WAITS });
    const body = { to: '+15550100014', from: '+15550009999', twiml: WAITS };
    const sids: string[] = [];
    let refused = await system.api('POST', '/calls', body);
    while (refused.status === 201 && sids.length < 60) {
      sids.push(refused.body.sid);
      await pause(systemClock, 200);
      refused = await system.api('POST', '/calls', body);
    }
    assert.deepEqual([refused.status, refused.body.code], [503, 'at_capacity'], `after ${sids.length} calls`);
    assert.ok(sids.length >= 8 && Number(refused.headers.get('retry-after')) > 0);
    await until('the gateway knows', async () => {
      const call = await phone.call(`sip:+15550300001@${system.stack.sipAddress}`);
      // One that came before the gateway knew waits for a worker.
      await Promise.race([call.answered.catch(() => undefined), pause(systemClock, 1000)]);
      call.hangup();
      return (await call.ended).code === 503;
    });
    const up = (await system.api('GET', '/calls?status=in-progress&limit=100')).body.items.length;
    assert.ok(up >= 8, `${up} calls are up`);
    for (const sid of sids) await system.api('POST', `/calls/${sid}`, { status: 'completed' });
    for (const sid of sids) await system.ended(sid);
    await until('it takes calls again', async () => (await system.api('POST', '/calls', body)).status === 201);
    for (const { sid } of (await system.api('GET', '/calls?limit=100')).body.items) {
      await system.api('POST', `/calls/${sid}`, { status: 'completed' });
      await system.ended(sid);
    }
  });

  it('has its thread with the sound, and not its main thread, on a CPU of its own: THREAD_CPUS says so', () => {
    const tasks = `/proc/${system.stack.children.get('worker-1')?.pid}/task`;
    const cpus = readdirSync(tasks).map((thread) => {
      const status = readFileSync(`${tasks}/${thread}/status`, 'utf8');
      return /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '';
    });
    const all = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
    const first = String(Number.parseInt(all, 10));
    assert.ok(cpus.includes(first), cpus.join(' '));
    assert.equal(cpus[0], all);
  });
});
