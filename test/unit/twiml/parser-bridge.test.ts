/** One parser process for all threads of a process: asked over a MessagePort. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { remoteParser, serveParser } from '../../../shared/twiml/parser-bridge.ts';
import { openXmlChild } from '../../../shared/twiml/xml-child.ts';
import { type ReadXml, unreadable } from '../../../shared/twiml/xml-reader.ts';
import { ManualClock } from '../../support/clock.ts';

const context = { dialect: 'pivot', baseUrl: null } as const;

it('answers each thread its own documents, in any number at once', async () => {
  const reader = openXmlChild();
  const { port1, port2 } = new MessageChannel();
  const stop = serveParser(port1, reader);
  const parser = remoteParser(port2);
  const lengths = [1, 2, 3];
  const parsed = await Promise.all(
    lengths.map((length) => parser.parse(`<Response><Pause length="${length}"/></Response>`, context)),
  );
  assert.deepEqual(
    parsed.map((one) => one.kind === 'document' && one.document.verbs[0]),
    lengths.map((length) => ({ verb: 'Pause', lengthMs: length * 1000, line: 1 })),
  );
  await parser.close();
  assert.equal((await parser.parse('<Response/>', context)).kind, 'refused');
  stop();
  await reader.close();
});

it('gives up on a main thread that does not answer, and on one that is gone', async () => {
  const clock = new ManualClock();
  const { port1, port2 } = new MessageChannel();
  const stop = serveParser(port1, {
    read: () => new Promise<ReadXml>(() => unreadable('never')),
    close: async () => {},
  });
  const parser = remoteParser(port2, clock);
  const late = parser.parse('<Response/>', context);
  clock.advance(20_000);
  assert.equal((await late).kind, 'refused');
  const orphan = parser.parse('<Response/>', context);
  stop();
  assert.equal((await orphan).kind, 'refused');
});
