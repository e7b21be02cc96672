/**
 * One worker thread: constructs everything its calls share (metronome, ports, legs, streams, speech,
 * fetcher, parser) and a pool over it, and drains when the host says so. Closes in reverse order.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { KeptCookie } from '../shared/domain/call.ts';
import { systemClock as clock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { ExpectedFailure } from '../shared/kernel/expected-failure.ts';
import type { Guard } from '../shared/kernel/guard.ts';
import { createLogger, type Logger } from '../shared/kernel/log.ts';
import { RedisPing } from '../shared/metrics/redis-ping.ts';
import { createDestinationGuard } from '../shared/net/destination.ts';
import { readMoved } from '../shared/net/moved-notice.ts';
import { leaseTimes, openQueue } from '../shared/queue/queue.ts';
import { readSettings, type Settings, SettingsError } from '../shared/settings.ts';
import { openStore } from '../shared/store/open.ts';
import { openTracer } from '../shared/tracing/open-tracer.ts';
import { remoteParser } from '../shared/twiml/parser-bridge.ts';
import { Session } from './call/session.ts';
import { HttpFetcher } from './fetch/http-fetcher.ts';
import { makeLegFactory } from './leg/leg-factory.ts';
import { AudioDump } from './media/dump.ts';
import { initMedia } from './media/init.ts';
import { Metronome } from './media/metronome.ts';
import { callMetrics } from './metrics/call-metrics.ts';
import { LegWatch } from './metrics/leg-watch.ts';
import { Sampler } from './metrics/sampler.ts';
import { StreamWatch } from './metrics/stream-watch.ts';
import { ThreadMetrics } from './metrics/thread-metrics.ts';
import { Couriers } from './pool/couriers.ts';
import { Lease } from './pool/lease.ts';
import { observedByAll } from './pool/observer.ts';
import { openPool, type Pool } from './pool/pool.ts';
import { ThreadVitals } from './pool/vitals.ts';
import { PortPool, portsOfThread } from './rtp/ports.ts';
import { openMediaSockets } from './sockets/media-sockets.ts';
import { openSynthesiser } from './speech/open-synthesiser.ts';
import { createConnector } from './stream/connection.ts';
import { guardedConnect } from './stream/guarded-connect.ts';
import { createStreamOpener } from './stream/session.ts';
import type { OpenStream } from './stream/stream.ts';
import { readTls } from './stream/tls.ts';
import { cpuOfThread, keepTo } from './thread-cpu.ts';
import type { ThreadData, ThreadOrder, ThreadReport } from './thread-host.ts';
import { callTraces } from './tracing/call-traces.ts';
import { tracedFetcher } from './tracing/traced-fetcher.ts';

const data: ThreadData = workerData;
const closers = new Closers();
const metrics = new ThreadMetrics(data.index);

function keepToOwnCpu({ THREAD_CPUS }: Settings, log: Logger): void {
  const cpu = THREAD_CPUS === undefined ? null : cpuOfThread(data.index, THREAD_CPUS);
  if (cpu === null) return;
  keepTo(cpu);
  log.info({ cpu }, 'the thread has a CPU of its own');
}

async function open(settings: Settings, redisUrl: string): Promise<Pool> {
  const log = createLogger(`worker-${data.index}`, settings.LOG_LEVEL);
  keepToOwnCpu(settings, log);
  const tracer = await openTracer('worker', settings);
  closers.push(() => tracer?.close());
  const store = await openStore(redisUrl, { retentionMs: settings.CALL_RETENTION }, clock, log);
  closers.push(() => store.close());
  const redisPing = new RedisPing(metrics.registry, clock, () => store.ping());
  closers.push(() => redisPing.close());
  const queue = await openQueue(redisUrl, clock, log);
  closers.push(() => queue.close());
  await initMedia();

  const destinations = createDestinationGuard({ allowPrivate: settings.ALLOW_PRIVATE_ADDRESSES });
  const authToken = settings.AUTH_TOKEN;
  const http = new HttpFetcher({ guard: destinations, authToken, clock });
  closers.push(() => http.close());
  const newFetcher = (kept?: readonly KeptCookie[]) => http.session(kept);
  const synthesiser = await openSynthesiser({ clock });
  closers.push(() => synthesiser.close());
  const parser = remoteParser(data.parser, clock);
  closers.push(() => parser.close());
  const metronome = new Metronome({
    clock,
    report: (err) => log.error({ err }, 'a beat failed'),
    mayGoOn: (stalledMs) => lease.mayGoOn(stalledMs),
  });
  const lease = new Lease(clock, leaseTimes, () => metronome.goOn());
  closers.push(() => metronome.close());
  const ports = new PortPool(portsOfThread(settings.RTP_PORTS, data.index, data.count), clock);
  const sockets = openMediaSockets(settings.MEDIA_SOCKETS, (err) =>
    log.warn({ err }, "the addon of the media sockets cannot be used: Node's own are"),
  );
  closers.push(() => sockets.close());
  log.info({ sockets: sockets.kind }, 'media sockets are open');
  const makeLeg = makeLegFactory({ settings, ports, bind: sockets.bind, beatSource: metronome, log });
  const dump = settings.DUMP_AUDIO === undefined ? null : await AudioDump.open(settings.DUMP_AUDIO, log);
  closers.push(() => dump?.close());
  const tls = readTls({ ca: settings.STREAM_CA, cert: settings.STREAM_CERT, key: settings.STREAM_KEY });
  const newStreams = ({ clock, broke }: Guard): OpenStream =>
    createStreamOpener({
      clock,
      log,
      connect: guardedConnect(createConnector({ clock, guard: destinations, authToken, tls, sockets }), broke),
    });
  const webhook =
    settings.WEBHOOK_URL === undefined ? null : { url: settings.WEBHOOK_URL, method: settings.WEBHOOK_METHOD };
  const onDone = (result: string): void => metrics.callbacks.inc({ result });
  const couriers = new Couriers({
    outbox: store.outbox,
    timeline: store.timeline,
    newFetcher: () => (tracer === null ? newFetcher() : tracedFetcher(tracer, newFetcher(), null)),
    clock,
    log,
    onDone,
  });
  closers.push(() => couriers.close());
  const legs = new LegWatch(metrics);
  const streams = new StreamWatch(metrics, clock);
  const counted = callMetrics({ metrics, legs, streams, clock });

  const vitals = new ThreadVitals(metronome);

  const pool = await openPool({
    owner: data.owner,
    capacity: settings.CALLS_PER_THREAD,
    ...(settings.BUSY_LIMIT === 0
      ? {}
      : { load: { vitals: () => vitals.look(), busyLimit: settings.BUSY_LIMIT / 100 } }),
    queueTimeoutMs: settings.QUEUE_TIMEOUT,
    probe: data.probe,
    observe: tracer === null ? counted : observedByAll([counted, callTraces(tracer)]),
    store,
    queue,
    clock,
    log,
    courier: couriers,
    lease,
    makeLeg: ({ callSid, onMoved, ...order }) =>
      makeLeg({
        ...order,
        moved: { read: (packet) => readMoved(authToken, callSid, packet), tell: onMoved },
        record: dump && ((tee) => dump.start(`${callSid}-${order.id}`, tee)),
        session: sdpSession(callSid),
      }),
    makeSession: (callPorts) => new Session(callPorts),
    shared: { parser, synthesiser, webhook, allowInsecureWs: settings.ALLOW_INSECURE_WS },
    newStreams,
    newFetcher,
  });
  const sampler = new Sampler({ metrics, legs, streams, metronome: vitals, ports, pool: () => pool.state, clock });
  closers.push(() => sampler.close());
  return pool;
}

/** The same for every owner of a call: the far end sees one session go on (RFC 3264 §8). */
const sdpSession = (callSid: string): number => Number.parseInt(callSid.slice(-7), 16);

async function run(): Promise<void> {
  const settings = readSettings(process.env);
  if (settings.REDIS_URL === undefined) throw new SettingsError('REDIS_URL is needed: calls come from there.');
  const pool = await open(settings, settings.REDIS_URL);
  // Last, so that it is closed first: nothing is taken away from a call that runs.
  parentPort?.on('message', (order: ThreadOrder) => {
    switch (order.kind) {
      case 'drain':
        void end(pool, order.withinMs);
        break;
      case 'figures':
        void tellFigures();
        break;
      case 'pulse':
        parentPort?.postMessage({ kind: 'pulse' } satisfies ThreadReport);
        break;
    }
  });
  parentPort?.postMessage({ kind: 'ready' } satisfies ThreadReport);
}

async function tellFigures(): Promise<void> {
  const values = await metrics.values();
  parentPort?.postMessage({ kind: 'figures', values } satisfies ThreadReport);
}

async function end(pool: Pool, withinMs: number): Promise<void> {
  await pool.drain(withinMs);
  for (const error of await closers.close()) console.error('worker thread: while closing:', error);
  process.exit(0);
}

// Bugs are not caught: the thread ends with the error, and the host tells why.
await run().catch(async (error: unknown) => {
  if (!(error instanceof ExpectedFailure)) throw error;
  parentPort?.postMessage({ kind: 'failed', message: error.message } satisfies ThreadReport);
  await closers.close();
  process.exit(1);
});
