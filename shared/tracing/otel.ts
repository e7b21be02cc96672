/**
 * The tracer over OpenTelemetry, and its only importer: spans are sent in batches by OTLP over HTTP. Parents are
 * given, so there is no context manager and nothing of OpenTelemetry runs where nobody traces. Addresses, headers,
 * sampling and batching are set by the standard variables (OTEL_EXPORTER_OTLP_…, OTEL_TRACES_SAMPLER, OTEL_BSP_…).
 */
import os from 'node:os';
import {
  type Context,
  SpanKind as OtelKind,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { type Span, type SpanAttributes, type SpanKind, TRACEPARENT, type Tracer } from './tracer.ts';

const kinds = {
  server: OtelKind.SERVER,
  client: OtelKind.CLIENT,
  producer: OtelKind.PRODUCER,
  consumer: OtelKind.CONSUMER,
  internal: OtelKind.INTERNAL,
} as const satisfies Record<SpanKind, OtelKind>;

export function createTracer(service: string): Tracer {
  const own = resourceFromAttributes({
    'service.name': `pivot-streams-${service}`,
    'service.instance.id': `${os.hostname()}-${process.pid}`,
  });
  // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
  const resource = defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [envDetector] }));
  const processor = new BatchSpanProcessor(new OTLPTraceExporter());
  const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
  const tracer = provider.getTracer('pivot-streams');
  return {
    start: (name, kind, parent, attributes = {}) => new RunningSpan(start(tracer, name, kind, parent, attributes)),
    // What cannot be sent is lost: a collector that is away must not hold up the end of a process.
    close: () => provider.shutdown().catch(() => {}),
  };
}

function start(tracer: OtelTracer, name: string, kind: SpanKind, parent: string | null, attributes: SpanAttributes) {
  return tracer.startSpan(name, { kind: kinds[kind], attributes }, contextOf(parent));
}

function contextOf(traceparent: string | null): Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
  });
}

class RunningSpan implements Span {
  readonly traceparent: string;
  readonly #span: OtelSpan;
  #ended = false;

  constructor(span: OtelSpan) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
    this.#span = span;
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes);
  }

  event(name: string, attributes: SpanAttributes = {}): void {
    this.#span.addEvent(name, attributes);
  }

  end(failure?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    if (failure !== undefined) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
    this.#span.end();
  }
}
