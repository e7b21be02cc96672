/**
 * Traces as the rest of the system sees them: spans with explicit parents, named by W3C trace context
 * (`traceparent`), which travels in records and headers and so outlives the process. Without a tracer (null)
 * nothing of this exists: whoever traces asks for one first.
 */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  /** For the header or the record of whoever continues the trace. */
  readonly traceparent: string;
  rename(name: string): void;
  set(attributes: SpanAttributes): void;
  event(name: string, attributes?: SpanAttributes): void;
  /** With a sentence when it failed. The first end counts. */
  end(failure?: string): void;
}

export interface Tracer {
  /** A child of `parent`, or the beginning of a trace when that is null or no trace context. */
  start(name: string, kind: SpanKind, parent: string | null, attributes?: SpanAttributes): Span;
  /** Sends what is not sent yet, within a few seconds. */
  close(): Promise<void>;
}

/** W3C Trace Context §3.2: version, trace id, parent id, flags. */
export const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
