/**
 * The table of docs/streams.md "Life and end": who ended it × kind of stream × dialect, in calls of both
 * dialects. Each cell is run: the call's session over the stream's own, the app's side played by the test.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Dialect } from '../../../shared/domain/dialect.ts';
import { isTwoWay, type StreamMode, type StreamRecord } from '../../../shared/domain/stream.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';
import { endingRules } from '../../../worker/call/ending.ts';
import { initMedia } from '../../../worker/media/init.ts';
import { failures, type Loss, ruleBroken, statusFailure } from '../../../worker/stream/failure.ts';
import { createStreamOpener } from '../../../worker/stream/session.ts';
import { callRecord, World } from '../../support/fake-ports.ts';
import { readPage, rowsOf } from '../../support/markdown.ts';
import { FakeConnection } from '../stream/world.ts';

await initMedia();
const parser = openTwimlParser();
after(() => parser.close());

const rows = rowsOf(readPage('docs/streams.md'), 'Life and end').slice(1);

interface Kind {
  readonly mode: StreamMode;
  readonly dialect: Dialect;
}

const kinds: readonly Kind[] = [
  { mode: 'unidirectional', dialect: 'pivot' },
  { mode: 'raw', dialect: 'pivot' },
  { mode: 'bidirectional', dialect: 'pivot' },
  { mode: 'duplex', dialect: 'pivot' },
  { mode: 'unidirectional', dialect: 'twilio' },
  { mode: 'bidirectional', dialect: 'twilio' },
];

/** One call with one stream; what follows the stream in the document is `<Pause>`, or `<Redirect>` by `action`. */
class Scene {
  readonly kind: Kind;
  readonly world: World;
  readonly connections: FakeConnection[] = [];
  readonly call;
  /** Of the owner after this one, when there is one. */
  next: World | null = null;
  #done: Promise<void>;

  constructor(kind: Kind, callDialect: Dialect, { withAction = true, url = 'wss://app.example/', before = '' } = {}) {
    this.kind = kind;
    this.world = this.#newWorld();
    const raw = { raw: ' rawAudio="true"', duplex: ' rawAudio="duplex"', unidirectional: '', bidirectional: '' };
    const stream = `<Stream name="s" url="${url}" dialect="${kind.dialect}"${raw[kind.mode]}/>`;
    const verb = isTwoWay(kind.mode)
      ? `<Connect${withAction ? ' action="/after"' : ''}>${stream}</Connect><Stop><Stream name="s"/></Stop>`
      : `<Start>${stream}</Start>`;
    const page = (verbs: string) => ({ body: `<Response>${verbs}</Response>` });
    this.world.fetcher.pages.set('https://app.example/voice', page(`${before}${verb}<Pause length="3600"/>`));
    this.world.fetcher.pages.set('https://app.example/after', page('<Pause length="3600"/>'));
    this.call = callRecord({ dialect: callDialect });
    this.#done = this.world.session.run(this.call);
    this.world.leg.farAnswers();
  }

  get twoWay(): boolean {
    return isTwoWay(this.kind.mode);
  }

  get connection(): FakeConnection {
    const connection = this.connections.at(-1);
    assert.ok(connection, 'a socket was asked for');
    return connection;
  }

  get record(): StreamRecord {
    const record = [...this.world.journal.records.values()][0];
    assert.ok(record, 'the stream is recorded');
    const patches = [...this.world.journal.streamPatches, ...(this.next?.journal.streamPatches ?? [])].filter(
      ({ sid }) => sid === record.sid,
    );
    return Object.assign({}, record, ...patches.map(({ patch }) => patch));
  }

  async connecting(): Promise<this> {
    await this.world.until('the socket', () => this.connections.length === 1);
    if (!this.twoWay) await this.#pausing();
    return this;
  }

  async open(): Promise<this> {
    await this.connecting();
    this.connection.app.onOpen();
    return this;
  }

  lose(loss: Partial<Loss>): void {
    const event = { error: failures.abrupt, stage: 'lost', retryable: false, closeCode: null, ...loss } as const;
    this.connection.app.onGone(event);
  }

  /** Another worker has the call, and its phone follows. */
  async changeOwner(): Promise<void> {
    this.world.session.lost();
    await this.#done;
    const { record } = this;
    const next = this.#newWorld();
    this.next = next;
    for (const [url, page] of this.world.fetcher.pages) next.fetcher.pages.set(url, page);
    next.journal.records.set(record.sid, record);
    const { checkpoint = null } = this.world.journal.call;
    const answeredAt = new Date(next.clock.now()).toISOString();
    this.#done = next.session.run({ ...this.call, status: 'in-progress', answeredAt, checkpoint });
    await next.until('the leg is asked', () => next.leg.log.includes('take over'));
    assert.deepEqual([this.connections.length, next.journal.types('verb.')], [1, []], 'all waits for the phone');
    next.leg.farAnswers();
    await next.until('another socket', () => this.connections.length === 2);
    this.connection.app.onOpen();
  }

  /** The document went on with the verb after the stream. */
  async wentOn(): Promise<void> {
    await this.#pausing();
    await this.world.pass(100);
    assert.equal(this.world.journal.call.ending, undefined, 'the call goes on');
  }

  async finish(): Promise<void> {
    (this.next ?? this.world).leg.farHangsUp();
    await this.#done;
  }

  #newWorld(): World {
    const world: World = new World(parser, {
      openStream: (order, delegate) =>
        createStreamOpener({
          clock: world.clock,
          log: silentLogger,
          connect: (asked, app) => {
            const connection = new FakeConnection(asked, app);
            this.connections.push(connection);
            return connection;
          },
        })(order, delegate),
    });
    return world;
  }

  async #pausing(): Promise<void> {
    const over = (): boolean => this.world.journal.call.ending !== undefined;
    await this.world.until('the next verb', () => this.world.seen('verb.started Pause') || over());
  }
}

const protocolError = ruleBroken('invalid_utf8');
const document = { kind: 'inline', twiml: '<Response><Say>New</Say><Pause length="3600"/></Response>' } as const;

interface Happening {
  readonly label: string;
  /** Of several ways to come into this row. */
  readonly variant?: string;
  readonly only?: (kind: Kind) => boolean;
  readonly scene?: Omit<NonNullable<ConstructorParameters<typeof Scene>[2]>, 'withAction'>;
  readonly from?: 'connecting' | 'nothing';
  readonly refused?: boolean;
  readonly happens: (scene: Scene) => void | Promise<void>;
}

const happenings: readonly Happening[] = [
  ...[1000, 1001, 1005].map((closeCode) => ({
    label: 'you close, with 1000, 1001 or no code',
    variant: String(closeCode),
    happens: (scene: Scene) => scene.lose({ stage: 'closed', closeCode }),
  })),
  {
    label: 'you close with another code',
    happens: (scene) => scene.lose({ stage: 'closed', closeCode: 1011 }),
  },
  {
    label: 'the socket is lost, or no answer to pings',
    variant: 'lost',
    happens: (scene) => scene.lose({}),
  },
  {
    label: 'the socket is lost, or no answer to pings',
    variant: 'pings',
    happens: (scene) => scene.lose({ error: failures.dead }),
  },
  { label: 'you break the rules of RFC 6455', happens: (scene) => scene.lose({ error: protocolError }) },
  {
    label: 'the socket could not be opened',
    from: 'connecting',
    happens: (scene) => scene.lose({ stage: 'upgrade', error: statusFailure(404) }),
  },
  {
    label: 'the stream was refused (limit, name, URL)',
    variant: 'limit',
    from: 'nothing',
    refused: true,
    happens: () => {},
  },
  {
    label: 'the stream was refused (limit, name, URL)',
    variant: 'URL',
    from: 'nothing',
    scene: { url: 'ftp://app.example/' },
    happens: () => {},
  },
  {
    label: '<Stop>',
    scene: {},
    happens: (scene) => {
      if (scene.twoWay) return;
      scene.world.session.deliver({
        kind: 'replace',
        document: {
          kind: 'inline',
          twiml: '<Response><Stop><Stream name="s"/></Stop><Pause length="3600"/></Response>',
        },
      });
    },
  },
  {
    label: 'DELETE /calls/:sid/streams/:name',
    happens: (scene) => scene.world.session.deliver({ kind: 'stream-stop', stream: scene.record.sid }),
  },
  {
    label: 'your message hangup (bidirectional)',
    only: ({ mode }) => mode !== 'duplex',
    happens: (scene) => scene.connection.app.onText(JSON.stringify({ event: 'hangup', streamSid: scene.record.sid })),
  },
  {
    label: 'another document by POST /calls/:sid',
    happens: (scene) => scene.world.session.deliver({ kind: 'replace', document }),
  },
  {
    label: 'either side hangs up, or the document ends',
    variant: 'they hang up',
    happens: (scene) => scene.world.leg.farHangsUp(),
  },
  {
    label: 'either side hangs up, or the document ends',
    variant: 'we hang up',
    happens: (scene) => scene.world.session.deliver({ kind: 'end', status: 'completed' }),
  },
  {
    label: 'either side hangs up, or the document ends',
    variant: 'the document ends',
    only: ({ mode }) => !isTwoWay(mode),
    happens: (scene) =>
      scene.world.session.deliver({ kind: 'replace', document: { kind: 'inline', twiml: '<Response/>' } }),
  },
  {
    label: 'an hour of pause without a message from you',
    happens: (scene) => {
      scene.world.session.deliver({ kind: 'stream-update', stream: scene.record.sid, paused: true });
      scene.world.leg.beats(180_001);
    },
  },
  {
    label: 'our worker dies',
    happens: (scene) => scene.changeOwner(),
  },
];

/** A cell for one-way and for two-way streams: `one-way: …; two-way: …`. */
function cellFor(cell: string, twoWay: boolean): string {
  const parts = /^one-way: (.*); two-way: (.*)$/.exec(cell);
  if (parts !== null) return (twoWay ? parts[2] : parts[1]) ?? '';
  const only = /^two-way: (.*)$/.exec(cell);
  return only === null ? cell : twoWay ? (only[1] ?? '') : '–';
}

/** The stream as the table words it. */
function streamIs({ status, reason, error }: StreamRecord, label: string): string {
  if (status === 'stopped') return `stopped, ${reason}${error === null ? '' : `, error ${error.code}`}`;
  if (status !== 'failed') return 'stays';
  assert.equal(reason, 'error');
  return label.includes('could not be opened') ? 'failed, with its error' : `failed, error ${error?.code}`;
}

/** The owner after this one runs this verb and no other, and the call goes on. */
async function repeats({ next }: Scene, verb: string): Promise<void> {
  assert.ok(next);
  await next.until('the verb', () => next.seen(`verb.started ${verb}`));
  await next.pass(100);
  assert.deepEqual([next.journal.types('verb.'), next.journal.call.ending], [[`verb.started ${verb}`], undefined]);
}

async function checkDocument(scene: Scene, cell: string): Promise<void> {
  // The parser is a real process, which no clock of ours hurries.
  await scene.world.until('the document', () => scene.world.journal.types('verb.').length > 0);
  const { journal, fetcher } = scene.world;
  const after = () => fetcher.orders.find(({ url }) => url.endsWith('/after'));
  const ended = /^the call ends(?:, (\w+))?$/.exec(cell);
  if (ended !== null) {
    for (let beats = 0; beats < 250 && journal.call.ending === undefined; beats++) await scene.world.pass(20);
    const { ending } = journal.call;
    assert.ok(ending, 'the call ends');
    if (ended[1] !== undefined) assert.equal(ending.cause, ended[1]);
    assert.equal(after(), undefined, 'no action');
    if (scene.twoWay) assert.ok(!journal.types().includes('verb.started Pause'), 'nothing follows the stream');
    return;
  }
  switch (cell) {
    case 'go on':
    case '–':
      await scene.wentOn();
      break;
    case 'the verb that was cut is repeated':
      await repeats(scene, 'Pause');
      break;
    case 'the verb goes on with the same stream': {
      await repeats(scene, 'Connect');
      const sids = [...(scene.next?.journal.records.keys() ?? [])];
      assert.equal(sids.length, 1);
      const [start] = scene.connection.of('start');
      if (scene.kind.mode === 'bidirectional')
        assert.deepEqual([start.streamSid, start.start.reconnected], [sids[0], true]);
      break;
    }
    case 'not possible':
      assert.ok(!scene.world.seen('verb.started Stop'), 'the document waits for the stream');
      break;
    case 'the new document runs':
      await scene.world.until('the new document', () => scene.world.seen('verb.started Say'));
      assert.equal(journal.call.ending, undefined);
      break;
    case 'action, else the next verb':
    case 'the same, with StreamError': {
      await scene.wentOn();
      const order = after();
      if (order === undefined) assert.ok(scene.world.seen('verb.started Stop'), 'the next verb runs');
      else assert.equal('StreamError' in order.fields, cell !== 'action, else the next verb');
      break;
    }
    default:
      assert.fail(`nobody knows what this cell means: ${cell}`);
  }
  await scene.finish();
}

async function run(happening: Happening, kind: Kind, callDialect: Dialect, withAction: boolean): Promise<void> {
  const row = rows.find(([first]) => first === happening.label);
  assert.ok(row, `there is a row: ${happening.label}`);
  const [, stream = '', receives = '', oneWay = '', pivot = '', twilio = ''] = row;
  const scene = new Scene(kind, callDialect, { withAction, ...happening.scene });
  if (happening.refused) scene.world.journal.refusal = 'stream_limit';
  if (happening.from === 'connecting') await scene.connecting();
  else if (happening.from !== 'nothing') await scene.open();
  await happening.happens(scene);
  const cell = scene.twoWay ? (kind.dialect === 'pivot' ? pivot : twilio) : oneWay;
  const untouched = cell === 'not possible' || cell === '–';
  if (untouched || happening.from === 'nothing') {
    await checkDocument(scene, cell);
    if (happening.from === 'nothing') assert.equal(scene.connections.length, 0, 'no stream');
    return;
  }
  const words = cellFor(stream, scene.twoWay);
  if (words === 'stays' || words === 'goes on with reconnected') {
    assert.equal(streamIs(scene.record, happening.label), 'stays');
    assert.equal(scene.connections.length, words === 'stays' ? 1 : 2);
    const [start] = scene.connection.of('start');
    if (kind.mode === 'unidirectional') assert.equal(start.start.reconnected, words === 'stays' ? undefined : true);
    await checkDocument(scene, cell);
    return;
  }
  await scene.world.until('the end of the stream', () => streamIs(scene.record, happening.label) !== 'stays');
  assert.equal(streamIs(scene.record, happening.label), words);
  const speaks = kind.mode === 'unidirectional' || kind.mode === 'bidirectional';
  const [connection = scene.connection] = scene.connections;
  const last = connection.messages.at(-1);
  const got = last?.event === 'stop' ? 'stop' : '–';
  assert.equal(got, speaks ? cellFor(receives, scene.twoWay) : '–');
  if (got === 'stop') assert.equal(last.stop.reason, scene.record.reason);
  assert.equal(connection.messages.filter(({ event }) => event === 'stop').length, got === 'stop' ? 1 : 0);
  await checkDocument(scene, cell);
}

describe('the end of a stream is as documented', () => {
  for (const happening of happenings) {
    const variant = happening.variant === undefined ? '' : ` (${happening.variant})`;
    describe(`${happening.label}${variant}`, () => {
      for (const kind of kinds.filter((one) => happening.only?.(one) ?? true)) {
        it(`${kind.mode}, ${kind.dialect}`, async () => {
          for (const callDialect of ['pivot', 'twilio'] as const) {
            await run(happening, kind, callDialect, true);
            if (isTwoWay(kind.mode)) await run(happening, kind, callDialect, false);
          }
        });
      }
    });
  }

  it('has a case for every row', () => {
    const cases = new Set(happenings.map(({ label }) => label));
    assert.deepEqual(
      rows.map(([first]) => first),
      [...cases],
    );
  });

  it('names only endings there are', () => {
    const causes = rows.flatMap((row) => row.flatMap((cell) => /^the call ends, (\w+)$/.exec(cell)?.[1] ?? []));
    assert.ok(causes.length > 8);
    for (const cause of causes) assert.ok(Object.hasOwn(endingRules, cause), cause);
  });
});
