/**
 * One operation of the API as data: the same object is mounted in Express and described in
 * /openapi.json, so the two cannot disagree. Bodies and queries are decoded here, once.
 */
import type { Request, Response } from 'express';
import type { ApiDeps } from './deps.ts';
import { jsonText } from './json-text.ts';
import { ApiProblem, type ProblemCode } from './problem.ts';
import { EXACTLY_ONE, fieldProblems } from './schemas/problem.ts';
import type { z } from './schemas/zod.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** What a request asked, decoded. */
export interface Asked<Body, Query> {
  readonly params: Readonly<Record<string, string>>;
  readonly body: Body;
  readonly query: Query;
  readonly request: Request;
}

/** What is answered; a body of `undefined` sends none. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AnswerDoc {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** When it is not JSON. */
  readonly contentType?: string;
}

/** `xml` is taken as text, for the schema to read; a `form` as an object of texts. */
export type BodyType = 'json' | 'xml' | 'form';

interface Description {
  readonly method: Method;
  /** Express path: `/calls/:sid`. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly answers: Readonly<Record<number, AnswerDoc>>;
  readonly problems: readonly ProblemCode[];
  readonly isPublic?: boolean;
  /** JSON when absent. */
  readonly bodyType?: BodyType;
  /** Headers the operation looks at, name to description. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface EndpointSpec<Body extends z.ZodType, Query extends z.ZodType> extends Description {
  readonly body?: Body;
  readonly query?: Query;
  /** Answers; null when it wrote the response itself (event streams). */
  readonly handle: (
    asked: Asked<z.output<Body>, z.output<Query>>,
    deps: ApiDeps,
    response: Response,
  ) => Promise<Answer | null>;
}

export interface Endpoint extends Description {
  readonly body?: z.ZodType;
  readonly query?: z.ZodType;
  readonly run: (deps: ApiDeps, request: Request, response: Response) => Promise<void>;
}

export function endpoint<Body extends z.ZodType = z.ZodUnknown, Query extends z.ZodType = z.ZodUnknown>(
  spec: EndpointSpec<Body, Query>,
): Endpoint {
  const run: Endpoint['run'] = async (deps, request, response) => {
    const asked = {
      params: textParams(request.params),
      body: decode(spec.body, request.body ?? {}),
      query: decode(spec.query, request.query),
      request,
    };
    const answer = await spec.handle(asked, deps, response);
    if (answer !== null) send(response, answer, deps.settings.PUBLIC_URL);
  };
  return { ...spec, run };
}

/** `publicUrl`: where `Location` begins, as the outside reaches us. */
function send(response: Response, answer: Answer, publicUrl: string | undefined): void {
  const { Location: path, ...headers } = answer.headers ?? {};
  response.status(answer.status).set(headers);
  if (path !== undefined) response.set('Location', `${publicUrl?.replace(/\/+$/, '') ?? ''}${path}`);
  if (answer.body === undefined) response.end();
  else response.type('json').send(jsonText(answer.body));
}

/** @throws ApiProblem `invalid` naming every mistake. */
export function decode<Schema extends z.ZodType>(schema: Schema | undefined, value: unknown): z.output<Schema> {
  if (schema === undefined) return undefined as z.output<Schema>;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(fieldProblems(result.error));
}

/** Mistakes with the field `twiml` that say nothing of the document in it. */
const aboutTheField: ReadonlySet<string> = new Set(['invalid_type', EXACTLY_ONE]);

/** A 422 with its list of mistakes; one that concerns only the document has a code of its own. */
export function invalid(errors: readonly { path: string; code: string; message: string }[]): ApiProblem {
  const documentOnly = errors.every(({ path, code }) => path === 'twiml' && !aboutTheField.has(code));
  const first = errors[0];
  const place = first === undefined || first.path === '' ? '' : `${first.path}: `;
  const detail = first === undefined ? undefined : `${place}${first.message}`;
  return new ApiProblem(documentOnly ? 'twiml_invalid' : 'invalid', detail, { errors });
}

function textParams(params: Readonly<Record<string, string | string[]>>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
}
