/** docs/monitoring.md lists every figure a process can show, asked of the processes' own registries. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { ApiMetrics } from '../../../api/metrics.ts';
import { RedisPing } from '../../../shared/metrics/redis-ping.ts';
import { type CounterName, counterNames } from '../../../worker/gateway/counters.ts';
import { GatewayMetrics } from '../../../worker/gateway/gateway-metrics.ts';
import { HostMetrics } from '../../../worker/metrics/host-metrics.ts';
import { ThreadMetrics } from '../../../worker/metrics/thread-metrics.ts';
import { ManualClock } from '../../support/clock.ts';
import { Exposition } from '../../support/exposition.ts';

it('docs/monitoring.md has every figure of ours, and no other', async () => {
  const clock = new ManualClock();
  const ping = async (): Promise<number> => 1;
  const thread = new ThreadMetrics(0);
  new RedisPing(thread.registry, clock, ping);
  const host = new HostMetrics(1, async () => [await thread.values()]);
  const counters = Object.fromEntries(counterNames.map((name) => [name, 0])) as Record<CounterName, number>;
  const figures = () => ({ ...counters, calls: 0, legs: 0, waitingToWrite: 0, storeAway: false });
  const gateway = new GatewayMetrics({ figures, ping, clock });
  const exposition = new Exposition();
  for (const text of [await host.text(), await gateway.text(), await new ApiMetrics().registry.metrics()])
    exposition.read(text);
  const rows = [...exposition.kinds]
    .filter(([name]) => name.startsWith('pivot_'))
    .map(([name, { kind, help }]) => `| \`${name}\` | ${kind} | ${help} |`)
    .sort();
  const table = readFileSync('docs/monitoring.md', 'utf8').split(/<!-- \/?metrics -->\n/)[1] ?? '';
  assert.equal(table, `| metric | kind | |\n|---|---|---|\n${rows.join('\n')}\n`);
});
