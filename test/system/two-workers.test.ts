/** Two worker processes and two API processes share one queue. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';

describe('two workers', () => {
  const owner = suiteOwner();
  let system: System;
  before(async () => {
    system = await startSystem(owner, { workers: 2, apis: 2, environment: { CALLS_PER_THREAD: '3' } });
  });

  it('share the calls of one queue, each call with one owner', async () => {
    const sids: string[] = [];
    for (let index = 0; index < 6; index++) {
      const answer = await system.api(
        'POST',
        '/calls',
        { to: '+15550100002', from: '+15550009999', twiml: '<Response><Pause length="60"/></Response>' },
        {},
        index % 2,
      );
      assert.equal(answer.status, 201);
      sids.push(answer.body.sid);
    }
    const owners = new Map<unknown, number>();
    for (const sid of sids) {
      await system.event(sid, (event) => event.type === 'verb.started');
      const claims = (await system.events(sid)).filter((event) => event.type === 'call.claimed');
      assert.equal(claims.length, 1);
      const owner = claims[0]?.['owner'];
      owners.set(owner, (owners.get(owner) ?? 0) + 1);
    }
    assert.deepEqual([...owners.values()], [3, 3]);
    for (const sid of sids) await system.api('POST', `/calls/${sid}`, { status: 'completed' });
    for (const sid of sids) assert.equal((await system.ended(sid)).status, 'completed');
  });

  it('make one call of one Idempotency-Key, whichever API process is asked', async () => {
    const body = { to: '+15550100003', from: '+15550009999', twiml: '<Response><Hangup/></Response>' };
    const answers = await Promise.all(
      [0, 1, 0, 1].map((api) => system.api('POST', '/calls', body, { 'Idempotency-Key': 'once' }, api)),
    );
    assert.equal(new Set(answers.map((answer) => answer.body.sid)).size, 1);
    assert.equal((await system.ended(answers[0]?.body.sid)).status, 'busy');
  });
});
