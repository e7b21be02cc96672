/**
 * sipp calls us and is called, over UDP and TCP, and misbehaves: the whole system as real processes.
 * The scenarios (`scenarios/*.xml`) fail on any message the standard does not expect there.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { before, describe, it } from 'node:test';
import { freePort } from '../support/free-ports.ts';
import { Sipp, type SippOptions, sippMissing } from '../support/sipp.ts';
import { type Owner, suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';

const missing = sippMissing();

const SHORT = '+15550100010';
const LONG = '+15550100011';
const SLOW = '+15550100012';
const EARLY = '+15550100014';
const HOLDING = '+15550100015';
const PRESSING = '+15550100016';

/** One pause of a second, then the document ends and we hang up; and one that outlasts every test. */
const shortDocument = '<Response><Pause length="1"/></Response>';
const longDocument = '<Response><Pause length="60"/></Response>';

/** The URL of an application that takes requests and never answers: the call rings meanwhile. */
async function silentServer(owner: Owner): Promise<string> {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`;
}

describe('sipp', missing === null ? { concurrency: 4 } : { skip: missing }, () => {
  const owner = suiteOwner();
  let system: System;
  const ports = new Map<string, number>();

  before(async () => {
    const names = ['udp', 'tcp', 'bye-udp', 'busy', 'late', 'gone'];
    for (const name of names) ports.set(name, await freePort());
    const trunks = names.map((name) => ({
      name,
      host: `127.0.0.1:${ports.get(name)}`,
      transport: name === 'tcp' ? 'tcp' : 'udp',
    }));
    system = await startSystem(owner, { environment: { TRUNKS: JSON.stringify(trunks), PHONES_PORT: '0' } });
    await number(SHORT, { twiml: shortDocument });
    await number(LONG, { twiml: longDocument });
    await number(SLOW, { voiceUrl: await silentServer(owner) });
    await number(EARLY, { voiceUrl: await silentServer(owner) });
  });

  async function number(name: string, fields: object): Promise<void> {
    const answer = await system.api('PUT', `/numbers/${encodeURIComponent(name)}`, fields);
    assert.ok(answer.status === 201 || answer.status === 200, JSON.stringify(answer.body));
  }

  /** Starts sipp as a caller and finds its call by the number it dials from. */
  const caller = (options: Pick<SippOptions, 'scenario' | 'transport' | 'service'> & Partial<SippOptions>) =>
    Sipp.start(owner, { target: system.stack.sipAddress, ...options });

  const callee = (name: string, options: Pick<SippOptions, 'scenario'> & Partial<SippOptions>) => {
    const port = ports.get(name);
    assert.ok(port);
    return Sipp.start(owner, { target: null, transport: name === 'tcp' ? 'tcp' : 'udp', port, ...options });
  };

  async function fine(sipp: Sipp): Promise<void> {
    const outcome = await sipp.outcome();
    assert.equal(outcome.failed, 0, `${outcome.errors}\n${system.lines.join('\n')}`);
    assert.ok(outcome.succeeded > 0, outcome.errors);
  }

  async function newestTo(to: string): Promise<string> {
    const list = await system.api('GET', `/calls?to=${encodeURIComponent(to)}&limit=1`);
    const [call] = list.body.items;
    assert.ok(call, `no call to ${to}\n${system.lines.join('\n')}`);
    return call.sid;
  }

  for (const transport of ['udp', 'tcp'] as const) {
    it(`calls us over ${transport}, hears the document end and our BYE`, async () => {
      await fine(await caller({ scenario: 'uac-hears-bye', transport, service: SHORT.slice(1) }));
    });

    it(`calls us over ${transport} and hangs up`, async () => {
      await fine(await caller({ scenario: 'uac-says-bye', transport, service: SHORT, pauseMs: 500 }));
    });

    it(`is called over ${transport} and hears our BYE`, async () => {
      const phone = await callee(transport, { scenario: 'uas-hears-bye' });
      const sid = await system.call({ to: '+15550100001', trunk: transport, twiml: shortDocument });
      await fine(phone);
      const call = await system.ended(sid);
      assert.equal(call.status, 'completed');
      assert.equal(call.ending.cause, 'document_ended');
    });
  }

  it('is called and hangs up', async () => {
    const phone = await callee('bye-udp', { scenario: 'uas-says-bye', pauseMs: 500 });
    const sid = await system.call({ to: '+15550100001', trunk: 'bye-udp', twiml: longDocument });
    await fine(phone);
    const call = await system.ended(sid);
    assert.equal(call.ending.cause, 'far_hangup');
    assert.equal(call.ending.blame, 'callee');
    const types = (await system.events(sid)).map(({ type }) => type);
    for (const type of ['sip.invite', 'sip.ringing', 'sip.answered', 'sip.ack', 'sip.bye']) {
      assert.ok(types.includes(type), `${type} is missing: ${types.join(' ')}`);
    }
  });

  it('is busy', async () => {
    const phone = await callee('busy', { scenario: 'uas-busy' });
    const sid = await system.call({ to: '+15550100001', trunk: 'busy', twiml: longDocument });
    await fine(phone);
    const call = await system.ended(sid);
    assert.equal(call.status, 'busy');
    assert.equal(call.ending.sipCode, 486);
  });

  it('is not there at all: the call fails and says why', async () => {
    const sid = await system.call({ to: '+15550100001', trunk: 'gone', twiml: longDocument, timeout: 5 });
    const call = await system.ended(sid);
    assert.equal(call.status, 'no-answer');
    assert.equal(call.ending.cause, 'no_answer');
    assert.equal(call.ending.blame, 'callee');
  });

  it('calls a number that is not ours: 404', async () => {
    await fine(await caller({ scenario: 'uac-not-found', transport: 'udp', service: '15559999999' }));
  });

  it('holds and takes the call back: each re-INVITE is answered by the worker', async () => {
    await number(HOLDING, { twiml: longDocument });
    await fine(await caller({ scenario: 'uac-holds', transport: 'udp', service: HOLDING, pauseMs: 300 }));
    const sid = await newestTo(HOLDING);
    await system.ended(sid);
    const types = (await system.events(sid)).map(({ type }) => type);
    const told = types.filter((type) => ['sip.reinvite', 'media.held', 'media.resumed'].includes(type));
    assert.deepEqual(told.sort(), ['media.held', 'media.resumed', 'sip.reinvite', 'sip.reinvite']);
  });

  it('presses a digit by INFO', async () => {
    await number(PRESSING, { twiml: longDocument });
    await fine(await caller({ scenario: 'uac-info-digit', transport: 'tcp', service: PRESSING, pauseMs: 300 }));
    const digit = await system.event(await newestTo(PRESSING), 'dtmf.received');
    assert.equal(digit['by'], 'info');
    assert.equal(digit['durationMs'], 160);
  });

  it('gives up while it rings: 487, and the call is canceled', async () => {
    await fine(await caller({ scenario: 'uac-cancels', transport: 'udp', service: SLOW }));
    const call = await system.ended(await newestTo(SLOW));
    assert.equal(call.status, 'canceled');
    assert.equal(call.ending.blame, 'caller');
  });

  it('hangs up while it rings, with BYE instead of CANCEL', async () => {
    await fine(await caller({ scenario: 'uac-byes-early', transport: 'udp', service: EARLY }));
    const call = await system.ended(await newestTo(EARLY));
    assert.equal(call.answeredAt, null);
    assert.equal(call.ending.blame, 'caller');
  });

  it('hangs up without having acknowledged the answer', async () => {
    await fine(await caller({ scenario: 'uac-bye-for-ack', transport: 'udp', service: LONG }));
    const call = await system.ended(await newestTo(LONG));
    assert.equal(call.ending.cause, 'far_hangup');
  });

  it('answers after it was cancelled: acknowledged and hung up at once', async () => {
    const phone = await callee('late', { scenario: 'uas-answers-after-cancel' });
    const sid = await system.call({ to: '+15550100001', trunk: 'late', twiml: longDocument });
    await system.event(sid, 'sip.ringing');
    const canceled = await system.api('POST', `/calls/${sid}`, { status: 'canceled' });
    assert.equal(canceled.status, 200);
    await fine(phone);
    const call = await system.ended(sid);
    assert.equal(call.status, 'canceled');
    assert.equal(call.ending.blame, 'api');
  });

  it('never acknowledges the answer: hung up after 32 s, and only that call', async () => {
    const number = '+15550100013';
    await system.api('PUT', `/numbers/${encodeURIComponent(number)}`, { twiml: longDocument });
    await fine(await caller({ scenario: 'uac-never-acks', transport: 'udp', service: number, timeoutS: 45 }));
    const call = await system.ended(await newestTo(number));
    assert.equal(call.ending.cause, 'dialog_lost');
  });
});
