/** The table of docs/reliability.md "Which verbs repeat": an owner died in each verb, and the next one goes on. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';
import { callRecord, World } from '../../support/fake-ports.ts';
import { readPage, rowsOf } from '../../support/markdown.ts';

const parser = openTwimlParser();
after(() => parser.close());

const rows = rowsOf(readPage('docs/reliability.md'), 'A call whose worker dies').filter(([verb = '']) =>
  /^<\w+>$/.test(verb),
);

/** Each verb as it may stand in a document. */
const verbs: Readonly<Record<string, string>> = {
  Say: '<Say>Hello</Say>',
  Play: '<Play digits="1"/>',
  Pause: '<Pause length="1"/>',
  Start: '<Start><Stream url="wss://app.example/s"/></Start>',
  Stop: '<Stop><Stream name="s"/></Stop>',
  Connect: '<Connect><Stream url="wss://app.example/s"/></Connect>',
  Redirect: '<Redirect>https://app.example/next</Redirect>',
  Hangup: '<Hangup/>',
};

/** What the next owner begins, of a call that was in the second of three verbs. */
async function begunAfter(verb: string): Promise<readonly string[]> {
  const world = new World(parser);
  const body = `<Response><Say>Before</Say>${verbs[verb]}<Pause length="30"/></Response>`;
  world.fetcher.pages.set('https://app.example/voice', { body });
  world.fetcher.pages.set('https://app.example/next', { body: '<Response><Pause length="30"/></Response>' });
  const record = callRecord({ status: 'in-progress', answeredAt: new Date(world.clock.now()).toISOString() });
  const checkpoint = { document: record.plan.document, verb: 1, variables: {} };
  const done = world.session.run({ ...record, checkpoint });
  await world.until('the leg', () => world.leg.log.length > 0);
  world.leg.farAnswers();
  await world.until('a verb', () => world.journal.types('verb.started').length > 0);
  world.session.deliver({ kind: 'end', status: 'completed' });
  await done;
  return world.journal.types('verb.started').map((entry) => entry.replace('verb.started ', ''));
}

describe('the verb an owner died in', () => {
  for (const [cell = '', then = ''] of rows) {
    const verb = cell.replace(/[<>]/g, '');
    it(`${verb}: ${then}`, async () => {
      const [first] = await begunAfter(verb);
      assert.equal(first, then.startsWith('not repeated') ? 'Pause' : verb);
    });
  }

  it('is every verb there is', () => {
    assert.deepEqual(rows.map(([cell = '']) => cell.replace(/[<>]/g, '')).sort(), Object.keys(verbs).sort());
  });
});
