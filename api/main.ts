/** Starts one API process: constructs, listens, and closes in the reverse order. Any number may run. */
import { collectDefaultMetrics } from 'prom-client';
import { RedisStore as RateStore } from 'rate-limit-redis';
import { systemClock as clock } from '../shared/kernel/clock.ts';
import type { Closers } from '../shared/kernel/closers.ts';
import { isAccountSid } from '../shared/kernel/ids.ts';
import { createLogger, type Logger } from '../shared/kernel/log.ts';
import { runService, type ServiceInfo } from '../shared/launch/service.ts';
import { RedisPing } from '../shared/metrics/redis-ping.ts';
import { createDestinationGuard } from '../shared/net/destination.ts';
import { openQueue } from '../shared/queue/queue.ts';
import { readSettings, SettingsError } from '../shared/settings.ts';
import { openStore } from '../shared/store/open.ts';
import { connectRedis, sendRaw, untilReady } from '../shared/store/redis.ts';
import { openTracer } from '../shared/tracing/open-tracer.ts';
import { readTrunks } from '../shared/trunks.ts';
import { openTwimlParser } from '../shared/twiml/twiml-parser.ts';
import { createApp } from './app.ts';
import { ApiMetrics } from './metrics.ts';
import { watchOverdue } from './overdue.ts';
import { listen } from './server.ts';

/** Answers under way may take this long at the end; none is allowed longer anyway. */
const CLOSE_WITHIN_MS = 5000;
const CONNECT_WITHIN_MS = 10_000;

runService('api', start);

async function start(closers: Closers): Promise<ServiceInfo> {
  const settings = readSettings(process.env);
  const { ACCOUNT_SID: accountSid, REDIS_URL: redisUrl } = settings;
  if (!isAccountSid(accountSid)) throw new SettingsError('ACCOUNT_SID is not an account sid.');
  if (redisUrl === undefined) throw new SettingsError('REDIS_URL is needed: the API keeps nothing by itself.');
  const logger = createLogger('api', settings.LOG_LEVEL);
  const metrics = new ApiMetrics();
  collectDefaultMetrics({ register: metrics.registry });

  const tracer = await openTracer('api', settings);
  closers.push(() => tracer?.close());
  const store = await openStore(redisUrl, { retentionMs: settings.CALL_RETENTION }, clock, logger);
  closers.push(() => store.close());
  const redisPing = new RedisPing(metrics.registry, clock, () => store.ping());
  closers.push(() => redisPing.close());
  const queue = await openQueue(redisUrl, clock, logger);
  closers.push(() => queue.close());
  const rateStore = await openRateStore(redisUrl, logger, closers);
  const stopping = new AbortController();
  const guard = createDestinationGuard({ allowPrivate: settings.ALLOW_PRIVATE_ADDRESSES });
  const parser = openTwimlParser({ clock, log: logger });
  closers.push(() => parser.close());
  const parts = { accountSid, settings, store, queue, guard, parser, clock, logger, metrics, tracer, rateStore };
  const deps = { ...parts, ...trunkNames(settings.TRUNKS, logger) };
  closers.push(watchOverdue({ ...deps }));

  const server = await listen(createApp({ ...deps, stopping: stopping.signal }), settings.HOST, settings.PORT, clock);
  closers.push(() => {
    stopping.abort();
    return server.close(CLOSE_WITHIN_MS);
  });
  return { host: server.host, port: server.port };
}

/** Trunks the API cannot read are the gateway's matter: their names are not checked then. */
function trunkNames(setting: string | undefined, logger: Logger): { readonly trunks?: ReadonlySet<string> } {
  if (setting === undefined) return {};
  try {
    return { trunks: new Set(readTrunks(setting).map(({ name }) => name)) };
  } catch (error) {
    logger.warn({ err: error }, 'names of trunks are not checked');
    return {};
  }
}

async function openRateStore(redisUrl: string, logger: Logger, closers: Closers): Promise<RateStore> {
  const client = connectRedis(redisUrl, 'commands', logger);
  closers.push(() => client.disconnect());
  await untilReady(client, clock, CONNECT_WITHIN_MS);
  return new RateStore({
    prefix: 'pivot:rate:',
    sendCommand: async (...command) => rateReply(await sendRaw(client, command)),
  });
}

type Reply = boolean | number | string;

/** What the counter's scripts answer: plain values, or a list of them. */
function rateReply(reply: unknown): Reply | Reply[] {
  const plain = (value: unknown): Reply => (typeof value === 'number' ? value : String(value));
  return Array.isArray(reply) ? reply.map(plain) : plain(reply);
}
