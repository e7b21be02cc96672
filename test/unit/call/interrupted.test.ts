/** What ends or replaces a document that is cut short already and has not let go yet. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';
import { type Deferred, deferred } from '../../../worker/call/deferred.ts';
import { callRecord, World } from '../../support/fake-ports.ts';

const parser = openTwimlParser();
after(() => parser.close());

const NEW = 'https://app.example/new';
const NEWER = 'https://app.example/newer';

function replace(world: World, url: string): void {
  world.session.deliver({ kind: 'replace', document: { kind: 'url', url, method: 'POST' } });
}

/** A call in `<Connect>` whose document was replaced; the app has not answered the goodbye of its stream. */
async function replaced(): Promise<{ world: World; done: Promise<void>; goodbye: Deferred<void> }> {
  const world = new World(parser);
  world.fetcher.pages.set('https://app.example/voice', {
    body: '<Response><Connect><Stream url="wss://app.example/two-way"/></Connect></Response>',
  });
  world.fetcher.pages.set(NEW, { body: '<Response><Pause length="60"/></Response>' });
  world.fetcher.pages.set(NEWER, { body: '<Response><Hangup/></Response>' });
  const done = world.session.run(callRecord());
  world.leg.farAnswers();
  await world.until('the stream', () => world.streams.length === 1);
  const stream = world.lastStream;
  const goodbye = deferred<void>();
  stream.stop = (reason) => {
    stream.end(reason);
    return goodbye.promise;
  };
  replace(world, NEW);
  await turn();
  return { world, done, goodbye };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Longer than anything that lets go is waited for. */
const LET_GO_MS = 2500;

const fetched = (world: World): readonly string[] => world.fetcher.orders.slice(1).map(({ url }) => url);

describe('while a replaced Connect closes its stream', () => {
  for (const [what, cause, end] of [
    ['the far end hangs up', 'far_hangup', (world: World) => world.leg.farHangsUp()],
    [
      'the API ends the call',
      'api_completed',
      (world: World) => world.session.deliver({ kind: 'end', status: 'completed' }),
    ],
    ['the worker is stopped', 'owner_closed', (world: World) => world.session.ownerClosed()],
  ] as const) {
    it(`${what}: the new document never runs`, async () => {
      const { world, done, goodbye } = await replaced();
      end(world);
      goodbye.resolve();
      await world.pass(LET_GO_MS);
      await done;
      assert.equal(world.journal.call.ending?.cause, cause);
      assert.deepEqual(fetched(world), []);
      assert.deepEqual(world.journal.types('verb.started'), ['verb.started Connect']);
      assert.equal(world.clock.pending, 0);
    });
  }

  it('another document comes: that one runs, and the end after it counts', async () => {
    const { world, done, goodbye } = await replaced();
    replace(world, NEWER);
    goodbye.resolve();
    await world.pass(LET_GO_MS);
    assert.deepEqual(fetched(world), [NEWER]);
    await done;
    assert.equal(world.journal.call.ending?.cause, 'hangup_verb');
  });

  it('the end is final, whatever document comes after it', async () => {
    const { world, done, goodbye } = await replaced();
    world.leg.farHangsUp();
    replace(world, NEWER);
    goodbye.resolve();
    await world.pass(LET_GO_MS);
    await done;
    assert.deepEqual(fetched(world), []);
  });

  it('the call becomes another owner’s: nothing is fetched for it here', async () => {
    const { world, done, goodbye } = await replaced();
    world.session.lost();
    goodbye.resolve();
    await world.pass(LET_GO_MS);
    await done;
    assert.deepEqual(fetched(world), []);
    assert.equal(world.journal.call.ending, undefined);
  });
});

describe('a document that is replaced while it is read', () => {
  it('runs no verb, also none that waits for nothing', async () => {
    const reading = deferred<void>();
    const world = new World({
      ...parser,
      parse: async (text, options) => {
        if (text.includes('<Stop>')) await reading.promise;
        return parser.parse(text, options);
      },
    });
    world.fetcher.pages.set('https://app.example/voice', {
      body: '<Response><Start><Stream url="wss://app.example/s"/></Start><Pause length="60"/></Response>',
    });
    const done = world.session.run(callRecord());
    world.leg.farAnswers();
    await world.until('the verb', () => world.seen('verb.started Pause'));
    const twiml = (verbs: string) => ({ kind: 'inline', twiml: `<Response>${verbs}</Response>` }) as const;
    world.session.deliver({ kind: 'replace', document: twiml('<Stop><Stream/></Stop><Pause length="60"/>') });
    await turn();
    world.session.deliver({ kind: 'replace', document: twiml('<Say>Hello</Say>') });
    reading.resolve();
    await world.until('speech', () => world.said.length === 1);
    assert.deepEqual(world.lastStream.log, []);
    assert.deepEqual(world.journal.types('verb.started'), [
      'verb.started Start',
      'verb.started Pause',
      'verb.started Say',
    ]);
    world.leg.farHangsUp();
    await done;
  });
});
