/** /healthz: this process runs. /readyz: calls can be made: Redis answers, a worker and a gateway are there. */
import { withDeadline } from '../../shared/kernel/deadline.ts';
import type { ApiDeps } from '../deps.ts';
import { type Endpoint, endpoint } from '../endpoint.ts';
import { z } from '../schemas/zod.ts';

const READY_WITHIN_MS = 2000;

export const health = z.strictObject({ status: z.literal('ok') }).openapi('Health');

export const readiness = z
  .strictObject({
    status: z.enum(['ready', 'not ready']),
    redis: z.strictObject({ ok: z.boolean(), ms: z.number().nullable() }),
    workers: z.strictObject({
      ok: z.boolean(),
      threads: z.number().int(),
      calls: z.number().int(),
      capacity: z.number().int(),
    }),
    gateways: z.strictObject({ ok: z.boolean(), count: z.number().int() }),
  })
  .openapi('Readiness');

export type Readiness = z.output<typeof readiness>;

const getHealth = endpoint({
  method: 'get',
  path: '/healthz',
  tag: 'Health',
  summary: 'Whether this process runs.',
  isPublic: true,
  answers: { 200: { description: 'It does.', schema: health } },
  problems: [],
  handle: async () => ({ status: 200, body: { status: 'ok' } }),
});

const getReadiness = endpoint({
  method: 'get',
  path: '/readyz',
  tag: 'Health',
  summary: 'Whether calls can be made now.',
  isPublic: true,
  answers: {
    200: { description: 'They can.', schema: readiness },
    503: { description: 'Something is missing.', schema: readiness },
  },
  problems: [],
  handle: async (_asked, deps) => {
    const body = await examine(deps);
    return { status: body.status === 'ready' ? 200 : 503, body };
  },
});

async function examine(deps: ApiDeps): Promise<Readiness> {
  try {
    return await withDeadline(deps.clock, READY_WITHIN_MS, 'readiness', look(deps));
  } catch {
    return {
      status: 'not ready',
      redis: { ok: false, ms: null },
      workers: { ok: false, threads: 0, calls: 0, capacity: 0 },
      gateways: { ok: false, count: 0 },
    };
  }
}

async function look({ store, queue }: ApiDeps): Promise<Readiness> {
  const [ms, owners, gateways] = await Promise.all([
    store.ping(),
    store.presence.owners(),
    store.presence.gateways(),
    // Its connection is another one, in a Cluster to a node that can be gone alone; without it no call is made.
    queue.waiting(),
  ]);
  const taking = owners.filter((owner) => !owner.draining);
  const workers = {
    ok: taking.length > 0,
    threads: taking.length,
    calls: owners.reduce((sum, owner) => sum + owner.calls, 0),
    capacity: taking.reduce((sum, owner) => sum + owner.capacity, 0),
  };
  const ready = workers.ok && gateways.length > 0;
  return {
    status: ready ? 'ready' : 'not ready',
    redis: { ok: true, ms: Math.round(ms * 100) / 100 },
    workers,
    gateways: { ok: gateways.length > 0, count: gateways.length },
  };
}

export const healthEndpoints: readonly Endpoint[] = [getHealth, getReadiness];
