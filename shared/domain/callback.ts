/** A request we owe the application: a status callback of a call or a stream. Delivered in order, retried. */
import type { HttpMethod } from './call.ts';

export interface Callback {
  /** What it tells, for the timeline: `call.completed`, `stream.stream-started`, … */
  readonly event: string;
  readonly url: string;
  readonly method: HttpMethod;
  /** Form fields; a GET carries them in the query. */
  readonly fields: Readonly<Record<string, string>>;
  /** W3C trace context of what it tells of; absent without traces. */
  readonly traceparent?: string;
}
