/** Play: files as long as they are and as often as asked, digits, and files that are none. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';
import { initMedia } from '../../../worker/media/init.ts';
import { callRecord, World } from '../../support/fake-ports.ts';

const parser = openTwimlParser();
before(() => initMedia());
after(() => parser.close());

/** 16 bit mono PCM at 8 kHz. */
function wav(ms: number): Buffer {
  const bytes = (ms * 8000 * 2) / 1000;
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + bytes, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8000, 24);
  header.writeUInt32LE(16_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(bytes, 40);
  return Buffer.concat([header, Buffer.alloc(bytes)]);
}

async function played(verbs: string, file: string | Buffer, ms: number): Promise<World> {
  const world = new World(parser);
  world.fetcher.pages.set('https://app.example/voice', { body: `<Response>${verbs}</Response>` });
  world.fetcher.pages.set('https://app.example/a.wav', { body: file, type: 'audio/wav' });
  const done = world.session.run(callRecord());
  world.leg.farAnswers();
  await world.until('the verb', () => world.seen('verb.started Play'));
  await world.pass(ms);
  await world.until(
    'the end of Play',
    () => world.journal.types('verb.ended Play').length > 0 || world.seen('verb.failed Play'),
  );
  world.leg.farHangsUp();
  await done;
  return world;
}

describe('Play', () => {
  it('plays a file to its end, twice when asked, fetching it once', async () => {
    const world = await played('<Play loop="2">/a.wav</Play><Pause/>', wav(500), 1400);
    assert.equal(world.leg.playout.playedSamples, 8000);
    assert.equal(world.fetcher.orders.filter(({ url }) => url.endsWith('a.wav')).length, 1);
    assert.deepEqual(world.fetcher.orders[1]?.fields, {}, 'no parameters go with a file');
  });

  it('a file of one millisecond that is played for ever keeps nobody, and is heard without a gap', async () => {
    const world = new World(parser);
    world.fetcher.pages.set('https://app.example/voice', { body: '<Response><Play loop="0">/a.wav</Play></Response>' });
    world.fetcher.pages.set('https://app.example/a.wav', { body: wav(1), type: 'audio/wav' });
    const done = world.session.run(callRecord());
    world.leg.farAnswers();
    const { playout } = world.leg;
    const enqueue = playout.enqueue.bind(playout);
    let enqueued = 0;
    playout.enqueue = (samples) => {
      enqueued += 1;
      return enqueue(samples);
    };
    await world.until('two seconds of it', () => playout.queuedSamples >= 16_000);
    assert.ok(enqueued <= 10, `${enqueued} pieces in one go`);
    await world.pass(5000);
    assert.equal(playout.playedSamples, 5 * 8000);
    assert.ok(playout.queuedSamples > 8000);
    world.leg.farHangsUp();
    await done;
    assert.equal(playout.queuedSamples, 0);
  });

  it('a file without a sample is over, however often it is played', async () => {
    const world = await played('<Play loop="0">/a.wav</Play><Pause/>', wav(0), 100);
    assert.ok(world.seen('verb.started Pause'));
  });

  it('a file that is none fails the verb; the next one runs', async () => {
    const world = await played('<Play>/a.wav</Play><Pause/>', 'not sound at all', 100);
    assert.ok(world.seen('verb.failed Play'));
    assert.ok(world.seen('verb.started Pause'));
  });

  it('a file that cannot be had fails the verb; the next one runs', async () => {
    const world = await played('<Play>/nowhere.wav</Play><Pause/>', '', 100);
    const failed = world.journal.entries.find((entry) => entry.type === 'verb.failed');
    assert.match(failed?.detail ?? '', /^11200 /);
    assert.ok(world.seen('verb.started Pause'));
  });

  it('AC-76: digits are pressed towards the far party with their pauses', async () => {
    const world = await played('<Play digits="1w2"/><Pause/>', '', 0);
    assert.ok(world.leg.log.includes('press 1w2'));
    const sent = world.journal.entries.find((entry) => entry.type === 'dtmf.sent');
    assert.deepEqual(sent, { type: 'dtmf.sent', digits: '•••', by: 'document' });
  });
});
