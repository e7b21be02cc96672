/**
 * Errors as Twilio tells them, for every path below /2010-04-01: a number, a sentence, a link and the status
 * (PROTOCOL §6 "Errors"). The problem is the same one our own routes throw; only its face is another.
 */
import type { ApiProblem, FieldProblem, ProblemCode } from '../problem.ts';

export const isTwilioPath = (path: string): boolean => path.startsWith('/2010-04-01/');

interface TwilioCode {
  readonly code: number;
  readonly status: number;
}

const NOT_FOUND: TwilioCode = { code: 20404, status: 404 };
const INVALID: TwilioCode = { code: 20422, status: 400 };
const NOT_IN_PROGRESS: TwilioCode = { code: 21220, status: 400 };
const UNAVAILABLE: TwilioCode = { code: 20503, status: 503 };
const INVALID_URL = 21205;

/** Each of our codes in Twilio's numbers. */
export const twilioErrors = {
  bad_json: INVALID,
  bad_request: INVALID,
  unauthorized: { code: 20003, status: 401 },
  destination_forbidden: INVALID,
  call_not_found: NOT_FOUND,
  stream_not_found: NOT_FOUND,
  number_not_found: NOT_FOUND,
  route_not_found: NOT_FOUND,
  method_not_allowed: { code: 20004, status: 405 },
  not_acceptable: { code: 20422, status: 406 },
  call_not_in_progress: NOT_IN_PROGRESS,
  call_in_progress: INVALID,
  stream_name_taken: INVALID,
  stream_limit: INVALID,
  stream_ended: INVALID,
  call_ended: NOT_IN_PROGRESS,
  too_large: { code: 20422, status: 413 },
  unsupported_media_type: { code: 20422, status: 415 },
  invalid: INVALID,
  twiml_invalid: INVALID,
  idempotency_key_reused: INVALID,
  rate_limited: { code: 20429, status: 429 },
  internal: { code: 20500, status: 500 },
  at_capacity: UNAVAILABLE,
  parser_unavailable: UNAVAILABLE,
  redis_unavailable: UNAVAILABLE,
} as const satisfies Record<ProblemCode, TwilioCode>;

export interface TwilioError {
  readonly code: number;
  readonly message: string;
  readonly more_info: string;
  readonly status: number;
}

export function twilioError(problem: ApiProblem): TwilioError {
  const errors = (problem.extras.errors ?? []).map((error) => ({ ...error, path: formField(error) }));
  const { status, code: usual } = twilioErrors[problem.code];
  const code = errors[0]?.path === 'Url' ? INVALID_URL : usual;
  const message =
    errors.length === 0 ? problem.message : errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status };
}

/** A field of ours by Twilio's name: `statusCallback` is `StatusCallback`. */
const formField = ({ path }: FieldProblem): string => path.charAt(0).toUpperCase() + path.slice(1);
