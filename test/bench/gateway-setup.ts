/**
 * How many calls a second the gateway sets up: sipp calls, an owner of calls in this process answers
 * at once, sipp hangs up. Prints calls, failures, time to the answer and the gateway's own CPU.
 *
 *   node dist/test/bench/gateway-setup.js [calls a second] [calls] [udp|tcp]
 */

import type { NumberRecord } from '../../shared/domain/number.ts';
import { CallOwner } from '../support/call-owner.ts';
import { cpuSecondsOf, megabytesOf, startGatewayAlone } from '../support/gateway-alone.ts';
import { Sipp, sippMissing } from '../support/sipp.ts';

const [rate = '100', calls = '2000', transport = 'udp'] = process.argv.slice(2);

const everyNumber: NumberRecord = {
  number: '*',
  voiceUrl: null,
  voiceMethod: 'POST',
  voiceFallbackUrl: null,
  twiml: '<Response/>',
  statusCallback: null,
  dialect: 'pivot',
};

async function run(): Promise<void> {
  const missing = sippMissing();
  if (missing !== null) throw new Error(missing);
  const closers: (() => void | Promise<void>)[] = [];
  const test = { after: (close: () => void | Promise<void>) => void closers.push(close) };
  const alone = await startGatewayAlone();
  closers.push(() => alone.close());
  try {
    await alone.store.numbers.put(everyNumber);
    const owner = new CallOwner(alone.store, alone.queue, 2000);
    closers.push(() => owner.close());
    await measure(alone, test);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function measure(
  alone: Awaited<ReturnType<typeof startGatewayAlone>>,
  test: Parameters<typeof Sipp.start>[0],
): Promise<void> {
  const { pid } = alone.gateway;
  const startCpu = cpuSecondsOf(pid);
  const ownCpu = process.cpuUsage();
  const startMs = performance.now();
  const sipp = await Sipp.start(test, {
    scenario: 'uac-says-bye',
    target: alone.address,
    transport: transport === 'tcp' ? 'tcp' : 'udp',
    service: '15550100001',
    rate: Number(rate),
    calls: Number(calls),
    limit: 2000,
    pauseMs: 1000,
    timeoutS: 60 + Math.ceil(Number(calls) / Number(rate)),
  });
  const outcome = await sipp.outcome();
  const seconds = (performance.now() - startMs) / 1000;
  const cpu = cpuSecondsOf(pid) - startCpu;
  const own = process.cpuUsage(ownCpu);
  const last = outcome.statistics.at(-1);
  const figures = {
    transport,
    callsPerSecond: Number(rate),
    calls: Number(calls),
    succeeded: outcome.succeeded,
    failed: outcome.failed,
    retransmissions: Number(last?.['Retransmissions(C)'] ?? 0),
    seconds: Number(seconds.toFixed(1)),
    meanToAnswer: last?.['ResponseTimeanswer(C)'] ?? null,
    gatewayCpuSeconds: Number(cpu.toFixed(2)),
    gatewayCpuMsPerCall: Number(((cpu * 1000) / Number(calls)).toFixed(2)),
    gatewayCore: `${((cpu / seconds) * 100).toFixed(0)} %`,
    gatewayMegabytes: megabytesOf(pid),
    ownerCpuMsPerCall: Number(((own.user + own.system) / 1000 / Number(calls)).toFixed(2)),
  };
  console.log(JSON.stringify(figures, null, 2));
  if (outcome.failed > 0 || outcome.succeeded < Number(calls)) {
    console.error(outcome.errors.slice(0, 3000), alone.lines.slice(-20).join('\n'));
    process.exitCode = 1;
  }
}

await run();
