/** What the API says about itself: /openapi.json and /metrics, both for whoever has the credentials. */
import { type Endpoint, endpoint } from '../endpoint.ts';
import { openApiDocument } from '../openapi/document.ts';

const getOpenApi = endpoint({
  method: 'get',
  path: '/openapi.json',
  tag: 'Self',
  summary: 'This description.',
  answers: { 200: { description: 'OpenAPI 3.1.' } },
  problems: [],
  handle: async () => ({ status: 200, body: openApiDocument() }),
});

const getMetrics = endpoint({
  method: 'get',
  path: '/metrics',
  tag: 'Self',
  summary: 'Figures for Prometheus.',
  answers: { 200: { description: 'The exposition format.', contentType: 'text/plain' } },
  problems: [],
  handle: async (_asked, { metrics }, response) => {
    const text = await metrics.registry.metrics();
    response.status(200).set('Content-Type', metrics.registry.contentType).end(text);
    return null;
  },
});

export const selfEndpoints: readonly Endpoint[] = [getOpenApi, getMetrics];
