/** The OpenAPI document, built from the endpoints themselves: what is mounted is what is described. */
import {
  OpenAPIRegistry,
  OpenApiGeneratorV31,
  type ResponseConfig,
  type RouteConfig,
} from '@asteasolutions/zod-to-openapi';
import type { BodyType, Endpoint } from '../endpoint.ts';
import { type ProblemCode, problems } from '../problem.ts';
import { endpoints } from '../routes/all.ts';
import { problemResource } from '../schemas/problem.ts';
import { z } from '../schemas/zod.ts';
import { isTwilioPath, twilioErrors } from '../twilio/errors.ts';
import { twilioErrorResource } from '../twilio/schemas.ts';

type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

/** What every operation behind the credentials may answer. */
const everywhere: readonly ProblemCode[] = ['unauthorized', 'rate_limited', 'redis_unavailable'];
const withBody = {
  json: ['bad_json', 'too_large', 'unsupported_media_type'],
  xml: ['too_large', 'unsupported_media_type'],
  form: ['too_large', 'unsupported_media_type'],
} as const satisfies Record<BodyType, readonly ProblemCode[]>;

let built: OpenApiDocument | null = null;

/** Built at the first use and kept. */
export function openApiDocument(): OpenApiDocument {
  built ??= build();
  return built;
}

function build(): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'basic', {
    type: 'http',
    scheme: 'basic',
    description: 'The account sid as user, the auth token as password.',
  });
  for (const endpoint of endpoints) registry.registerPath(route(endpoint));
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Pivot Streams',
      version: '1',
      description: 'Calls that run TwiML and stream their audio to your WebSocket.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
  });
}

function route(endpoint: Endpoint): RouteConfig {
  const { body } = endpoint;
  const parameters = parametersOf(endpoint);
  return {
    method: endpoint.method,
    path: endpoint.path.replace(/:(\w+)/g, '{$1}'),
    operationId: `${endpoint.method}${endpoint.path.replace(/[^a-z]+(.|$)/gi, (_all, next: string) => next.toUpperCase())}`,
    summary: endpoint.summary,
    tags: [endpoint.tag],
    security: endpoint.isPublic ? [] : [{ basic: [] }],
    request: {
      ...parameters,
      ...(body === undefined ? {} : { body: { required: true, content: contentOf(endpoint, body) } }),
    },
    responses: { ...answersOf(endpoint), ...problemsOf(endpoint) },
  };
}

const bodyTypes = {
  json: ['application/json'],
  xml: ['application/xml', 'text/xml'],
  form: ['application/x-www-form-urlencoded'],
} as const;

const contentOf = ({ bodyType = 'json' }: Endpoint, schema: z.ZodType) =>
  Object.fromEntries(bodyTypes[bodyType].map((type) => [type, { schema }]));

function parametersOf(endpoint: Endpoint): NonNullable<RouteConfig['request']> {
  const names = [...endpoint.path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
  const params = z.object(Object.fromEntries(names.map((name) => [name, z.string()])));
  const headers = Object.entries(endpoint.headers ?? {}).map(([name, description]) => [
    name,
    z.string().optional().openapi({ description }),
  ]);
  return {
    ...(names.length === 0 ? {} : { params }),
    ...(headers.length === 0 ? {} : { headers: z.object(Object.fromEntries(headers)) }),
    ...(endpoint.query instanceof z.ZodObject ? { query: endpoint.query } : {}),
  };
}

function answersOf(endpoint: Endpoint): Record<string, ResponseConfig> {
  const answers = Object.entries(endpoint.answers).map(([status, { description, schema, contentType }]) => {
    const type = contentType ?? 'application/json';
    const content =
      schema === undefined && contentType === undefined
        ? {}
        : { content: { [type]: { schema: schema ?? z.string() } } };
    return [status, { description, ...content }];
  });
  return Object.fromEntries(answers);
}

/** How an error is told: what stands for its code, its status, and the shape of the answer. */
interface ErrorFace {
  readonly told: (code: ProblemCode) => { readonly code: string | number; readonly status: number };
  readonly contentType: string;
  readonly schema: z.ZodType;
}

const ours: ErrorFace = {
  told: (code) => ({ code, status: problems[code].status }),
  contentType: 'application/problem+json',
  schema: problemResource,
};
const twilios: ErrorFace = {
  told: (code) => twilioErrors[code],
  contentType: 'application/json',
  schema: twilioErrorResource,
};

/** Codes of one status share one answer. */
function problemsOf(endpoint: Endpoint): Record<string, ResponseConfig> {
  if (endpoint.isPublic) return {};
  const face = isTwilioPath(endpoint.path) ? twilios : ours;
  const ofBody = endpoint.body === undefined ? [] : withBody[endpoint.bodyType ?? 'json'];
  const codes = [...new Set([...endpoint.problems, ...everywhere, ...ofBody])];
  const byStatus = new Map<number, string[]>();
  for (const problem of codes) {
    const { code, status } = face.told(problem);
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\`: ${problems[problem].title}.`]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, told]) => [
      String(status),
      { description: told.join(' '), content: { [face.contentType]: { schema: face.schema } } },
    ]),
  );
}
