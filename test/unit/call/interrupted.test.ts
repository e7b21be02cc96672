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

describe('while the place of a two-way stream is claimed', () => {
  /** A call in such a `<Connect>`, for which Redis takes its time; `decided` lets the claim of then come back. */
  async function claiming(): Promise<{ world: World; done: Promise<void>; decided: () => void }> {
    const webhook = { url: 'https://account.example/events', method: 'POST' } as const;
    const world = new World(parser, { webhook });
    const connect = '<Response><Connect><Stream url="wss://app.example/two-way"/></Connect></Response>';
    world.fetcher.pages.set('https://app.example/voice', { body: connect });
    world.fetcher.pages.set(NEW, { body: connect });
    const open = world.journal.openStream.bind(world.journal);
    const claims: Deferred<void>[] = [];
    world.journal.openStream = async (record) => {
      const claim = deferred<void>();
      claims.push(claim);
      await claim.promise;
      return await open(record);
    };
    const done = world.session.run(callRecord());
    world.leg.farAnswers();
    await world.until('the claim', () => claims.length === 1);
    return { world, done, decided: () => claims.shift()?.resolve() };
  }

  const told = (world: World): (string | undefined)[] => world.journal.callbacks.map(({ fields }) => fields['reason']);

  it('a replaced document leaves no stream behind, and the next one claims when the place is free', async () => {
    const { world, done, decided } = await claiming();
    replace(world, NEW);
    await world.until('the new verb', () => world.journal.types('verb.started Connect').length === 2);
    decided();
    await world.until('the write-off', () => world.journal.streamPatches.length > 0);
    const [written] = world.journal.streamPatches;
    assert.deepEqual([written?.patch.status, written?.patch.reason], ['stopped', 'stopped']);
    assert.deepEqual([world.streams.length, told(world)], [0, ['stopped']]);
    await turn();
    decided();
    await world.until('the stream', () => world.streams.length === 1);
    assert.notEqual(world.lastStream.sid, written?.sid);
    world.lastStream.end('connection closed');
    await done;
    assert.equal(world.journal.call.ending?.cause, 'stream_ended');
  });

  it('the end of the call waits for the claim, and tells that the stream never was', async () => {
    const { world, done, decided } = await claiming();
    world.leg.farHangsUp();
    await turn();
    assert.ok(!world.seen('call.ended'));
    decided();
    await done;
    assert.deepEqual([world.streams.length, told(world)], [0, ['hangup']]);
    assert.equal(world.journal.call.ending?.cause, 'far_hangup');
  });

  it('the end of the call waits no longer than for a goodbye', async () => {
    const { world, done } = await claiming();
    world.leg.farHangsUp();
    await world.pass(2000);
    await done;
    assert.equal(world.journal.call.ending?.cause, 'far_hangup');
  });

  it('a stream that is opened in the very moment is stopped', async () => {
    const { world, done, decided } = await claiming();
    world.fetcher.pages.set(NEW, { body: '<Response><Pause length="60"/></Response>' });
    world.onStream = () => queueMicrotask(() => replace(world, NEW));
    decided();
    await world.until('the new document', () => world.seen('verb.started Pause'));
    assert.deepEqual(world.lastStream.log, ['stop stopped']);
    world.leg.farHangsUp();
    await done;
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
