/**
 * The Express application, built from its dependencies and not listening. The order matters: an id and
 * a log line for everything, then the open health routes, the rate, the credentials, the bodies, the routes.
 */
import express, { type Express, type Request, type RequestHandler } from 'express';
import { withDeadline } from '../shared/kernel/deadline.ts';
import { consolePages } from './console/pages.ts';
import type { ApiDeps } from './deps.ts';
import type { Endpoint } from './endpoint.ts';
import { bodyReader } from './middleware/body.ts';
import { credentials } from './middleware/credentials.ts';
import { errorAnswers } from './middleware/errors.ts';
import { rateLimits } from './middleware/rate-limit.ts';
import { requestIds } from './middleware/request-id.ts';
import { requestLog } from './middleware/request-log.ts';
import { securityHeaders } from './middleware/security.ts';
import { traces } from './middleware/traces.ts';
import { documentationPages } from './openapi/pages.ts';
import { ApiProblem } from './problem.ts';
import { endpoints } from './routes/all.ts';
import { isTwilioPath } from './twilio/errors.ts';

/** After this an answer is `redis_unavailable`: nothing else a request waits for takes that long. */
const ANSWER_WITHIN_MS = 5000;
/** Event streams last as long as their call. */
const longLived = '/calls/:sid/events';

export function createApp(deps: ApiDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  if (deps.settings.TRUST_PROXY !== undefined) app.set('trust proxy', deps.settings.TRUST_PROXY);
  app.use(requestIds, requestLog(deps.logger, deps.metrics, deps.clock), securityHeaders);
  mount(
    app,
    endpoints.filter((endpoint) => endpoint.isPublic),
    deps,
  );
  app.use(rateLimits(deps.settings.RATE_LIMIT, deps.rateStore));
  if (deps.tracer) app.use(traces(deps.tracer));
  app.use(credentials(deps.accountSid, deps.settings.AUTH_TOKEN));
  app.use('/docs', documentationPages());
  app.use('/console', named('/console'), consolePages());
  mount(
    app,
    endpoints.filter((endpoint) => !endpoint.isPublic),
    deps,
  );
  app.get('/', named('/'), (_request, response) => response.redirect('/console'));
  app.use((request) => {
    throw new ApiProblem('route_not_found', noRoute(request));
  });
  app.use(errorAnswers(deps.logger));
  return app;
}

/** The paths of Twilio's own API are asked for by its clients. */
const noRoute = ({ method, path }: Request): string =>
  isTwilioPath(path)
    ? "Of Twilio's routes only POST of a call's Streams is there; POST /calls places a call."
    : `There is no ${method} ${path}.`;

const readers = { json: bodyReader('json'), xml: bodyReader('xml'), form: bodyReader('form') };

function mount(app: Express, mounted: readonly Endpoint[], deps: ApiDeps): void {
  for (const endpoint of mounted)
    app[endpoint.method](
      endpoint.path,
      named(endpoint.path),
      readers[endpoint.bodyType ?? 'json'],
      runner(endpoint, deps),
    );
  for (const path of new Set(mounted.map((endpoint) => endpoint.path))) {
    const allowed = mounted.filter((endpoint) => endpoint.path === path).map(({ method }) => method.toUpperCase());
    app.all(path, named(path), otherMethods(allowed));
  }
}

/** Remembers the route as written, for the log and the metrics. */
const named =
  (path: string): RequestHandler =>
  (_request, response, next) => {
    response.locals['route'] = path;
    next();
  };

const runner =
  (endpoint: Endpoint, deps: ApiDeps): RequestHandler =>
  async (request, response) => {
    const work = endpoint.run(deps, request, response);
    if (endpoint.path === longLived) await work;
    else await withDeadline(deps.clock, ANSWER_WITHIN_MS, endpoint.path, work);
  };

function otherMethods(methods: readonly string[]): RequestHandler {
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
  return (request, response) => {
    if (request.method === 'OPTIONS') {
      response.status(204).set('Allow', allow).end();
      return;
    }
    throw new ApiProblem('method_not_allowed', `Allowed: ${allow}.`, { headers: { Allow: allow } });
  };
}
