/** The world of a call session without Redis, SIP and sockets: everything is recorded, the test answers for the rest. */
import assert from 'node:assert/strict';
import type { CallPatch, CallPlan, CallRecord, KeptCookie } from '../../shared/domain/call.ts';
import type { Callback } from '../../shared/domain/callback.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { GatewayLetter } from '../../shared/domain/letter.ts';
import {
  NO_COUNTERS,
  type StreamError,
  type StreamPatch,
  type StreamRecord,
  type StreamRefusal,
} from '../../shared/domain/stream.ts';
import { newAccountSid, newCallSid, type StreamSid } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import type { TwimlParser } from '../../shared/twiml/parser.ts';
import type { CallPorts, Journal } from '../../worker/call/ports.ts';
import { Session } from '../../worker/call/session.ts';
import type { Fetched, Fetcher, FetchFailed, FetchOrder } from '../../worker/fetch/fetcher.ts';
import type { Utterance } from '../../worker/speech/synthesiser.ts';
import type { StopReason, Stream, StreamDelegate, StreamOrder } from '../../worker/stream/stream.ts';
import { ManualClock } from './clock.ts';
import { FakeLeg } from './fake-leg.ts';

export class FakeJournal implements Journal {
  readonly patches: CallPatch[] = [];
  readonly entries: TimelineEntry[] = [];
  readonly callbacks: Callback[] = [];
  readonly streamPatches: { readonly sid: StreamSid; readonly patch: StreamPatch }[] = [];
  readonly records = new Map<string, StreamRecord>();
  refusal: StreamRefusal | null = null;

  patch(patch: CallPatch): void {
    this.patches.push(patch);
  }
  entry(entry: TimelineEntry): void {
    this.entries.push(entry);
  }
  callback(callback: Callback): void {
    this.callbacks.push(callback);
  }
  streamPatch(sid: StreamSid, patch: StreamPatch): void {
    this.streamPatches.push({ sid, patch });
  }
  async openStream(record: StreamRecord): ReturnType<Journal['openStream']> {
    if (this.refusal !== null) return { kind: 'refused', reason: this.refusal };
    this.records.set(record.sid, record);
    return { kind: 'opened' };
  }
  async stream(sid: StreamSid): Promise<StreamRecord | null> {
    return this.records.get(sid) ?? null;
  }
  async streams(): Promise<readonly StreamRecord[]> {
    return [...this.records.values()];
  }
  async flush(): Promise<void> {}

  /** The whole record as it stands. */
  get call(): CallPatch {
    return Object.assign({}, ...this.patches);
  }
  /** The timeline as words: `verb.started Say`, `stream.failed 31922`. */
  types(prefix = ''): string[] {
    return this.entries.map(words).filter((text) => text.startsWith(prefix));
  }
}

function words(entry: TimelineEntry): string {
  if ('verb' in entry) return `${entry.type} ${entry.verb}`;
  if ('code' in entry && entry.code !== undefined) return `${entry.type} ${entry.code}`;
  return entry.type;
}

/** A stream whose other side is the test. */
export class FakeStream implements Stream {
  readonly order: StreamOrder;
  readonly delegate: StreamDelegate;
  readonly log: string[] = [];
  #over = false;
  constructor(order: StreamOrder, delegate: StreamDelegate) {
    this.order = order;
    this.delegate = delegate;
  }
  get sid(): StreamSid {
    return this.order.record.sid;
  }
  get name(): string {
    return this.order.record.spec.name;
  }
  get record(): StreamRecord {
    return this.order.record;
  }
  counters = () => NO_COUNTERS;
  digit(digit: string): void {
    this.log.push(`digit ${digit}`);
  }
  update(change: object): void {
    this.log.push(`update ${JSON.stringify(change)}`);
  }
  async stop(reason: StopReason): Promise<void> {
    this.log.push(`stop ${reason}`);
    this.end(reason);
  }
  lost(): void {
    this.log.push('lost');
  }
  end(reason: StopReason, error: StreamError | null = null): void {
    if (this.#over) return;
    this.#over = true;
    this.delegate.onStopped(reason, error);
  }
}

type Page =
  | { readonly body: string | Buffer; readonly type?: string | null }
  | { readonly fail: number; readonly status?: number };

/** Answers by URL without its query; what is not there is 404. */
export class FakeFetcher implements Fetcher {
  readonly pages = new Map<string, Page | (() => Page)>();
  readonly orders: FetchOrder[] = [];
  readonly kept: KeptCookie[] = [];
  cookies(): readonly KeptCookie[] {
    return this.kept;
  }
  async fetch(order: FetchOrder): Promise<Fetched | FetchFailed> {
    order.signal.throwIfAborted();
    this.orders.push(order);
    const found = this.pages.get(order.url.split('?')[0] ?? '') ?? { fail: 11_200, status: 404 };
    const page = typeof found === 'function' ? found() : found;
    if ('fail' in page) {
      const httpStatus = page.status ?? null;
      return { kind: 'failed', code: page.fail, httpStatus, contentType: null, detail: 'refused', ms: 1 };
    }
    const contentType = page.type === undefined ? 'text/xml' : page.type;
    return {
      kind: 'fetched',
      httpStatus: 200,
      contentType,
      body: typeof page.body === 'string' ? Buffer.from(page.body) : page.body,
      finalUrl: order.url,
      ms: 1,
    };
  }
}

/** One call and its world. */
export class World {
  readonly clock = new ManualClock();
  readonly journal = new FakeJournal();
  readonly fetcher = new FakeFetcher();
  readonly said: Utterance[] = [];
  readonly streams: FakeStream[] = [];
  /** What was said to the gateway past the leg. */
  readonly toGateway: GatewayLetter[] = [];
  readonly session: Session;
  /** Whether a stream's socket opens as soon as it is asked for. */
  socketsOpen = true;
  /** Told of each stream as it is opened. */
  onStream: (stream: FakeStream) => void = () => {};
  /** Length of everything that is said. */
  speechMs = 1000;
  #leg: FakeLeg | null = null;

  constructor(parser: TwimlParser, ports: Partial<CallPorts> = {}) {
    this.session = new Session({
      clock: this.clock,
      log: silentLogger,
      journal: this.journal,
      parser,
      fetcher: this.fetcher,
      synthesiser: {
        synthesise: async (utterance) => {
          this.said.push(utterance);
          return new Int16Array((this.speechMs * 8000) / 1000);
        },
        close: async () => {},
      },
      openStream: (order, delegate) => {
        const stream = new FakeStream(order, delegate);
        this.streams.push(stream);
        this.onStream(stream);
        if (this.socketsOpen && order.resumed !== true) queueMicrotask(() => delegate.onStarted());
        return stream;
      },
      makeLeg: (id, _offer, delegate) => {
        this.#leg = new FakeLeg(id, delegate, this.clock);
        return this.#leg;
      },
      allowInsecureWs: false,
      webhook: null,
      tellGateway: (letter) => void this.toGateway.push(letter),
      ...ports,
    });
  }

  get leg(): FakeLeg {
    assert.ok(this.#leg, 'the call has not begun');
    return this.#leg;
  }

  get lastStream(): FakeStream {
    const stream = this.streams.at(-1);
    assert.ok(stream, 'no stream was opened');
    return stream;
  }

  /** Lets real input (the parser process) and microtasks happen until it holds; no clock moves. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const giveUpAt = Date.now() + 10_000;
    while (!holds()) {
      assert.ok(Date.now() < giveUpAt, `never: ${what}; timeline: ${this.journal.types().join(', ')}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Moves time on in beats, with everything that follows from it. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 20) {
      this.clock.advance(Math.min(20, left));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  seen(words: string): boolean {
    return this.journal.types().includes(words);
  }
}

export const PLAN: CallPlan = {
  document: { kind: 'url', url: 'https://app.example/voice', method: 'GET' },
  fallbackUrl: null,
  statusCallback: null,
  statusCallbackMethod: 'POST',
  statusCallbackEvents: ['completed'],
  ringTimeoutMs: 60_000,
  timeLimitMs: 3_600_000,
  sendDigits: null,
  trunk: null,
  headers: {},
};

/** A call as a pool hands it over: outbound, Pivot, unless told otherwise. */
export function callRecord(
  over: Partial<Omit<CallRecord, 'plan'>> & { readonly plan?: Partial<CallPlan> } = {},
): CallRecord {
  const { plan, ...fields } = over;
  return {
    sid: newCallSid(),
    accountSid: newAccountSid(),
    parentCallSid: null,
    direction: 'outbound-api',
    from: '+15550199',
    to: '+15550100',
    callerName: null,
    status: 'queued',
    dialect: 'pivot',
    createdAt: '2026-11-23T10:00:00.000Z',
    ringingAt: null,
    answeredAt: null,
    endedAt: null,
    queueMs: null,
    durationMs: null,
    ending: null,
    owner: null,
    gateway: null,
    offer: null,
    checkpoint: null,
    ...fields,
    plan: { ...PLAN, ...plan },
  };
}
