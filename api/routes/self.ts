/** What the API says about itself: /openapi.json and /metrics, both for whoever has the credentials. */
import { type Endpoint, endpoint } from '../endpoint.ts';
import { openApiDocument } from '../openapi/document.ts';
import { scrapeTargets, targets } from './targets.ts';

const getOpenApi = endpoint({
  method: 'get',
  path: '/openapi.json',
  tag: 'Self',
  summary: 'This description.',
  answers: { 200: { description: 'OpenAPI 3.1.' } },
  problems: [],
  handle: async (_asked, { settings: { PUBLIC_URL } }) => {
    const servers = PUBLIC_URL === undefined ? {} : { servers: [{ url: PUBLIC_URL }] };
    return { status: 200, body: { ...openApiDocument(), ...servers } };
  },
});

const getMetrics = endpoint({
  method: 'get',
  path: '/metrics',
  tag: 'Self',
  summary: 'Figures for Prometheus: of this process, the queues and all workers together.',
  answers: { 200: { description: 'The exposition format.', contentType: 'text/plain' } },
  problems: [],
  handle: async (_asked, deps, response) => {
    const { metrics } = deps;
    await metrics.system.look(deps);
    const text = await metrics.registry.metrics();
    response.status(200).set('Content-Type', metrics.registry.contentType).end(text);
    return null;
  },
});

const getTargets = endpoint({
  method: 'get',
  path: '/metrics/targets',
  tag: 'Self',
  summary: 'Where workers and gateways show theirs: service discovery for Prometheus (http_sd).',
  answers: { 200: { description: 'Those that are there now and have a PROBE_PORT.', schema: targets } },
  problems: [],
  handle: async (_asked, deps) => ({ status: 200, body: await scrapeTargets(deps) }),
});

export const selfEndpoints: readonly Endpoint[] = [getOpenApi, getMetrics, getTargets];
