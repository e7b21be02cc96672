/** Workers and gateways as Prometheus' HTTP service discovery wants them: each process once, however many threads it has. */
import type { ApiDeps } from '../deps.ts';
import { z } from '../schemas/zod.ts';

export const targets = z
  .array(
    z.strictObject({
      targets: z.array(z.string()),
      labels: z.strictObject({ service: z.enum(['worker', 'gateway']) }),
    }),
  )
  .openapi('ScrapeTargets');

export async function scrapeTargets({ store }: Pick<ApiDeps, 'store'>): Promise<z.output<typeof targets>> {
  const [owners, gateways] = await Promise.all([store.presence.owners(), store.presence.gateways()]);
  return [group('worker', owners), group('gateway', gateways)];
}

function group(service: 'worker' | 'gateway', ones: readonly { readonly probe?: string | null }[]) {
  const addresses = ones.flatMap(({ probe }) => probe ?? []);
  return { targets: [...new Set(addresses)].sort(), labels: { service } };
}
