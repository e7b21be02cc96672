/**
 * What can go wrong with a request: one table of codes, each with its HTTP status and title, and the
 * error that carries one to the edge. RFC 9457 `application/problem+json`; documented in docs/errors.md,
 * which a test keeps equal to this table.
 */

export const problems = {
  bad_json: { status: 400, title: 'The body is not JSON' },
  bad_request: { status: 400, title: 'The request cannot be read' },
  unauthorized: { status: 401, title: 'Credentials are missing or wrong' },
  destination_forbidden: { status: 403, title: 'The URL leads to a forbidden address' },
  call_not_found: { status: 404, title: 'No such call' },
  stream_not_found: { status: 404, title: 'No such stream' },
  number_not_found: { status: 404, title: 'No such number' },
  route_not_found: { status: 404, title: 'No such route' },
  method_not_allowed: { status: 405, title: 'The route does not take this method' },
  not_acceptable: { status: 406, title: 'None of the accepted types can be given' },
  call_not_in_progress: { status: 409, title: 'The call is not in progress' },
  call_in_progress: { status: 409, title: 'The call is already in progress' },
  stream_name_taken: { status: 409, title: 'A live stream has this name' },
  stream_limit: { status: 409, title: 'The call has as many streams as it may' },
  stream_ended: { status: 409, title: 'The stream has ended' },
  call_ended: { status: 410, title: 'The call has ended' },
  too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body is of another type than the route takes' },
  invalid: { status: 422, title: 'The request has errors' },
  twiml_invalid: { status: 422, title: 'The document has errors' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key came before with another body' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'The server failed' },
  at_capacity: { status: 503, title: 'No more calls or clients can be taken now' },
  parser_unavailable: { status: 503, title: 'Documents cannot be read now' },
  redis_unavailable: { status: 503, title: 'The state of the system cannot be reached' },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type ProblemCode = keyof typeof problems;

/** One mistake in a request. `path` is dotted: `headers.X-Room`; empty for the whole. */
export interface FieldProblem {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export interface ProblemExtras {
  readonly errors?: readonly FieldProblem[];
  /** For `Retry-After`. */
  readonly retryAfterSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An expected failure: becomes the answer, never a log line of level error. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly code: ProblemCode;
  readonly extras: ProblemExtras;

  constructor(code: ProblemCode, detail?: string, extras: ProblemExtras = {}) {
    super(detail ?? `${problems[code].title}.`);
    this.code = code;
    this.extras = extras;
  }

  get status(): number {
    return problems[this.code].status;
  }

  /** The body of the answer. */
  toBody(requestId: string): ProblemBody {
    return {
      type: `urn:pivot-streams:error:${this.code}`,
      title: problems[this.code].title,
      status: this.status,
      code: this.code,
      detail: this.message,
      errors: [...(this.extras.errors ?? [])],
      requestId,
    };
  }
}

export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly errors: FieldProblem[];
  readonly requestId: string;
}
