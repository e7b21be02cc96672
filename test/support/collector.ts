/** A collector of traces on loopback: takes OTLP over HTTP as JSON, as OpenTelemetry's exporter sends it, and keeps the spans. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Owner } from './suite.ts';

type Value = string | number | boolean;

export interface CollectedSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, Value>>;
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number; readonly boolValue?: boolean };
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<CollectedSpan, 'service' | 'attributes' | 'failed'> & {
        readonly attributes: readonly Attribute[];
        readonly status: { readonly code?: number };
      })[];
    }[];
  }[];
}

const ERROR = 2;

const valuesOf = (attributes: readonly Attribute[]): Record<string, Value> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? value.boolValue ?? '']),
  );

export class Collector {
  readonly spans: CollectedSpan[] = [];
  /** What came, as it came. */
  readonly texts: string[] = [];
  url = '';

  static async start(owner: Owner): Promise<Collector> {
    const collector = new Collector();
    const server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      if (request.url === '/v1/traces' && request.headers['content-type'] === 'application/json') collector.#take(text);
      response.writeHead(200, { 'Content-Type': 'application/json', Connection: 'close' }).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    owner.after(
      () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    collector.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return collector;
  }

  /** Of one trace. */
  trace(traceId: string): readonly CollectedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  /** The names from the first span of the trace down to this one. */
  path(span: CollectedSpan): readonly string[] {
    const parent = this.spans.find(({ spanId }) => spanId === span.parentSpanId);
    return [...(parent === undefined ? [] : this.path(parent)), span.name];
  }

  #take(text: string): void {
    this.texts.push(text);
    const { resourceSpans }: Export = JSON.parse(text);
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = String(valuesOf(resource.attributes)['service.name']);
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        const { traceId, spanId, parentSpanId = '', name, kind, status, attributes } = span;
        const failed = status.code === ERROR;
        this.spans.push({
          service,
          traceId,
          spanId,
          parentSpanId,
          name,
          kind,
          failed,
          attributes: valuesOf(attributes),
        });
      }
    }
  }
}
