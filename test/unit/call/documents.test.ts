/** Documents that are not what their sender thinks: what the timeline and the ending say of them. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';
import { callRecord, World } from '../../support/fake-ports.ts';

const VOICE = 'https://app.example/voice';
const parser = openTwimlParser();
after(() => parser.close());

/** The call that was answered with this, when it has ended. */
async function callOf(body: string, type: string): Promise<World> {
  const world = new World(parser);
  world.fetcher.pages.set(VOICE, { body, type });
  const done = world.session.run(callRecord());
  world.leg.farAnswers();
  await done;
  return world;
}

const errorsOf = (world: World): string[] =>
  world.journal.entries.flatMap((entry) => (entry.type === 'document.error' ? [entry.detail] : []));

describe('an answer that is no XML', () => {
  for (const page of ['<!DOCTYPE html><html></html>', '<html><body><br></body></html>', 'Bad Gateway']) {
    it(`is told with its content type: ${page}`, async () => {
      const world = await callOf(page, 'text/html');
      assert.match(errorsOf(world)[0] ?? '', /^the answer is text\/html and not XML: ./);
      assert.match(world.journal.call.ending?.detail ?? '', /^12100 the answer is text\/html and not XML: /);
    });
  }

  it('has only its mistake told when it says that it is XML', async () => {
    for (const type of ['text/xml', 'application/xml', 'application/xhtml+xml']) {
      const world = await callOf('<Response><Say>', type);
      assert.equal(errorsOf(world).length, 1);
      assert.doesNotMatch(errorsOf(world)[0] ?? '', /the answer is/);
    }
  });

  it('has only its mistake told when it could be read', async () => {
    const world = await callOf('<html/>', 'text/html');
    assert.deepEqual(errorsOf(world), ['the root element is html, not Response']);
  });
});

describe('a document of which nothing can be run', () => {
  it('ends the call, which says so', async () => {
    const world = await callOf('<Response><Dial>1</Dial><Gather/></Response>', 'text/xml');
    const { cause, detail } = world.journal.call.ending ?? {};
    assert.deepEqual([cause, detail], ['document_ended', 'the document ended: every verb was skipped']);
  });

  it('is not one that is empty, nor one with a verb', async () => {
    for (const body of [
      '<Response/>',
      '',
      '<Response><Dial>1</Dial><Start><Stream url="wss://h/"/></Start></Response>',
    ]) {
      const world = await callOf(body, 'text/xml');
      const { cause, detail } = world.journal.call.ending ?? {};
      assert.deepEqual([cause, detail], ['document_ended', 'the document ended'], body);
    }
  });
});
