/** The table of docs/streams.md "Life and end": what becomes of the stream, by its machine; of document and call, by running them. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';
import { endingRules } from '../../../worker/call/ending.ts';
import { failures, type Loss, socketFailure, statusFailure } from '../../../worker/stream/failure.ts';
import { next, type StreamEvent, type StreamState } from '../../../worker/stream/state.ts';
import { callRecord, World } from '../../support/fake-ports.ts';
import { readPage, rowsOf } from '../../support/markdown.ts';

const parser = openTwimlParser();
after(() => parser.close());

const rows = rowsOf(readPage('docs/streams.md'), 'Life and end');
const rowOf = (label: string): readonly string[] => {
  const row = rows.find(([first]) => first === label);
  assert.ok(row, `there is a row: ${label}`);
  return row;
};

const connecting: StreamState = { kind: 'connecting', paused: false };
const open: StreamState = { kind: 'in-progress' };
const gone = (loss: Partial<Loss>): StreamEvent => ({
  event: 'gone',
  patient: false,
  loss: { error: failures.abrupt, stage: 'lost', retryable: true, closeCode: null, ...loss },
});
const protocolError = socketFailure(Object.assign(new Error(), { code: 'WS_ERR_INVALID_UTF8' }));

const happenings: readonly { readonly label: string; readonly from: StreamState; readonly event: StreamEvent }[] = [
  ...[1000, 1001, 1005].map((closeCode) => ({
    label: 'you close, with 1000, 1001 or no code',
    from: open,
    event: gone({ closeCode }),
  })),
  { label: 'you close with another code', from: open, event: gone({ closeCode: 1011 }) },
  { label: 'the socket is lost, or two pings unanswered', from: open, event: gone({ error: failures.dead }) },
  { label: 'you break the rules of RFC 6455', from: open, event: gone({ error: protocolError }) },
  { label: 'the socket could not be opened', from: connecting, event: gone({ error: statusFailure(404) }) },
  { label: 'DELETE /calls/:sid/streams/:name', from: open, event: { event: 'stop', reason: 'api' } },
  {
    label: 'an hour of pause without a message from you',
    from: { kind: 'paused' },
    event: { event: 'stop', reason: 'connection_inactivity' },
  },
];

type Over = Extract<StreamState, { kind: 'stopped' | 'failed' }>;

function over({ from, event }: (typeof happenings)[number]): { readonly state: Over; readonly says: string } {
  const { state, effects } = next(from, event);
  assert.ok(state.kind === 'stopped' || state.kind === 'failed');
  return { state, says: effects.includes('farewell') ? 'stop' : '–' };
}

/** As the table words it. */
function told({ kind, reason, error }: Over, from: StreamState): string {
  if (kind === 'failed') return from === connecting ? 'failed, with its error' : `failed, error ${error?.code}`;
  return `stopped, ${reason}${error === null ? '' : `, error ${error.code}`}`;
}

/** A call whose two-way stream ends so; the document goes on with `action`. */
async function called(dialect: 'pivot' | 'twilio', { reason, error }: Over): Promise<World> {
  const world = new World(parser);
  const action = dialect === 'twilio' ? ' action="/after"' : '';
  const body = `<Response><Connect${action}><Stream url="wss://app.example/"/></Connect><Hangup/></Response>`;
  world.fetcher.pages.set('https://app.example/voice', { body });
  world.fetcher.pages.set('https://app.example/after', { body: '<Response><Hangup/></Response>' });
  const done = world.session.run(callRecord({ dialect }));
  world.leg.farAnswers();
  await world.until('the stream', () => world.streams.length === 1);
  world.lastStream.end(reason, error);
  await done;
  return world;
}

describe('the end of a stream is as documented', () => {
  for (const happening of happenings) {
    const { label, from, event } = happening;
    const code = event.event === 'gone' && event.loss.closeCode !== null ? ` (${event.loss.closeCode})` : '';
    it(`${label}${code}`, async () => {
      const [, stream, receives, oneWay, pivot = '', twilio = ''] = rowOf(label);
      const { state, says } = over(happening);
      assert.equal(stream, told(state, from));
      assert.equal(receives, says);
      assert.equal(oneWay, 'go on');

      const ended = await called('pivot', state);
      assert.equal(pivot, `the call ends, ${ended.journal.call.ending?.cause}`);
      const went = await called('twilio', state);
      const after = went.fetcher.orders.find(({ url }) => url.endsWith('/after'));
      assert.equal(went.journal.call.ending?.cause, 'hangup_verb');
      assert.ok(after, 'the action was requested');
      assert.equal(twilio, 'StreamError' in after.fields ? 'the same, with StreamError' : 'action, else the next verb');
    });
  }

  it('names only endings there are', () => {
    const causes = rows.flatMap((row) => row.flatMap((cell) => /^the call ends, (\w+)$/.exec(cell)?.[1] ?? []));
    assert.ok(causes.length > 8);
    for (const cause of causes) assert.ok(Object.hasOwn(endingRules, cause), cause);
  });
});
