/** The spans of one call: what they hang on, what they say, and how they end, whoever owns the call. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Epoch } from '../../../shared/kernel/ids.ts';
import type { SpanAttributes, Tracer } from '../../../shared/tracing/tracer.ts';
import type { FetchOrder } from '../../../worker/fetch/fetcher.ts';
import { callTraces } from '../../../worker/tracing/call-traces.ts';
import { tracedFetcher } from '../../../worker/tracing/traced-fetcher.ts';
import { FakeFetcher } from '../../support/fake-ports.ts';
import { aCall } from '../../support/records.ts';

interface Seen {
  readonly name: string;
  readonly parent: string | null;
  readonly attributes: Record<string, unknown>;
  readonly events: string[];
  /** Null while it runs; '' when it ended well. */
  ended: string | null;
}

class FakeTracer implements Tracer {
  readonly spans: Seen[] = [];

  start(name: string, _kind: string, parent: string | null, attributes: SpanAttributes = {}) {
    const seen: Seen = { name, parent, attributes: { ...attributes }, events: [], ended: null };
    this.spans.push(seen);
    return {
      traceparent: `span-${this.spans.length}`,
      rename: () => {},
      set: (more: SpanAttributes) => void Object.assign(seen.attributes, more),
      event: (event: string) => void seen.events.push(event),
      end: (failure = '') => {
        seen.ended ??= failure;
      },
    };
  }

  async close(): Promise<void> {}
}

const order = (url: string, more: Partial<FetchOrder> = {}): FetchOrder => ({
  url,
  method: 'GET',
  fields: {},
  timeoutMs: 1000,
  maxBytes: 1000,
  signal: new AbortController().signal,
  ...more,
});

describe('the span of a call', () => {
  const plan = { ...aCall().plan, traceparent: 'of-the-request' };

  it('hangs on the request, and ends as the call does', () => {
    const tracer = new FakeTracer();
    const observer = callTraces(tracer)({ call: aCall({ plan }), epoch: 1 as Epoch, queueMs: 7 });
    const [span] = tracer.spans;
    assert.ok(span);
    assert.deepEqual([span.name, span.parent, observer.traceparent], ['call', 'of-the-request', 'span-1']);
    observer.written({ patch: { status: 'ringing', ringingAt: '2026-01-01T00:00:00Z' } });
    observer.written({ patch: { status: 'in-progress', answeredAt: '2026-01-01T00:00:01Z' } });
    observer.written({ entries: [] });
    const ending = { status: 'failed', cause: 'owner_lost', blame: 'platform', sipCode: null, detail: null } as const;
    observer.written({ patch: { status: 'failed', ending } });
    assert.equal(span.ended, null, 'callbacks are still to be delivered');
    observer.closed();
    assert.deepEqual([span.events, span.ended], [['ringing', 'answered'], 'owner_lost']);
    assert.equal(span.attributes['pivot.blame'], 'platform');
  });

  it('is another one, of the same request, for each owner', () => {
    const tracer = new FakeTracer();
    for (const epoch of [1, 2])
      callTraces(tracer)({ call: aCall({ plan }), epoch: epoch as Epoch, queueMs: 0 }).closed();
    assert.deepEqual(
      tracer.spans.map(({ parent, attributes, ended }) => [parent, attributes['pivot.epoch'], ended]),
      [
        ['of-the-request', 1, ''],
        ['of-the-request', 2, ''],
      ],
    );
  });

  it('begins a trace when the call brings none', () => {
    const tracer = new FakeTracer();
    callTraces(tracer)({ call: aCall(), epoch: 1 as Epoch, queueMs: 0 });
    assert.equal(tracer.spans[0]?.parent, null);
  });
});

describe('the span of a request', () => {
  it('hangs on the order when that brings a trace, else on the call, and hands itself on', async () => {
    const tracer = new FakeTracer();
    const fetcher = new FakeFetcher();
    fetcher.pages.set('http://app/', { body: '' });
    const traced = tracedFetcher(tracer, fetcher, 'of-the-call');
    await traced.fetch(order('http://app/'));
    await traced.fetch(order('http://user:secret@app/?key=secret', { traceparent: 'of-a-callback' }));
    assert.deepEqual(
      tracer.spans.map(({ parent }) => parent),
      ['of-the-call', 'of-a-callback'],
    );
    assert.deepEqual(
      fetcher.orders.map(({ traceparent }) => traceparent),
      ['span-1', 'span-2'],
    );
    assert.doesNotMatch(JSON.stringify(tracer.spans), /secret/);
  });

  it('fails with the request, and says so when nobody waits for it any longer', async () => {
    const tracer = new FakeTracer();
    const traced = tracedFetcher(tracer, new FakeFetcher(), null);
    await traced.fetch(order('http://app/nothing'));
    await assert.rejects(traced.fetch(order('http://app/', { signal: AbortSignal.abort(new Error('over')) })), /over/);
    assert.deepEqual(
      tracer.spans.map(({ ended, attributes }) => [ended, attributes['http.response.status_code']]),
      [
        ['11200 refused', 404],
        ['canceled', undefined],
      ],
    );
  });
});
