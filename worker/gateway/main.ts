/**
 * The gateway process: constructs store, queue, SIP stack and gateway, and ties their ends together.
 * SIGTERM writes down what is under way and ends: dialogs stay in Redis and are taken up by the next process at the
 * same address. Only when the workers stop as well does it stay, up to `DRAIN_TIMEOUT`, until the calls are over.
 */

import type { Trunk } from '../../shared/domain/trunk.ts';
import { systemClock } from '../../shared/kernel/clock.ts';
import type { Closers } from '../../shared/kernel/closers.ts';
import { isAccountSid } from '../../shared/kernel/ids.ts';
import { createLogger } from '../../shared/kernel/log.ts';
import { openProbe } from '../../shared/launch/probe.ts';
import { runService, type ServiceInfo } from '../../shared/launch/service.ts';
import { openQueue } from '../../shared/queue/queue.ts';
import { readSettings, type Settings, SettingsError } from '../../shared/settings.ts';
import { openStore } from '../../shared/store/open.ts';
import { openTracer } from '../../shared/tracing/open-tracer.ts';
import { readTrunks } from '../../shared/trunks.ts';
import { openUserAgent } from '../sip/user-agent.ts';
import { Gateway } from './gateway.ts';
import { GatewayMetrics } from './gateway-metrics.ts';
import { listenAgain } from './listen-again.ts';
import { MovedNotices } from './moved-notices.ts';
import { gatewayIdOf } from './ports.ts';
import { phoneBankTrunk } from './trunks.ts';

const PRODUCT = 'Pivot-Streams';
/** SIP transactions have this long to finish when the process goes. */
const LAST_TRANSACTIONS_MS = 2000;

/** The trunks as set, or the phone bank beside us when none are. */
function trunksOf(settings: Settings): readonly Trunk[] {
  if (settings.TRUNKS !== undefined) return readTrunks(settings.TRUNKS);
  const { PHONES_PORT, SIP_HOST } = settings;
  return typeof PHONES_PORT === 'number' && PHONES_PORT > 0 ? [phoneBankTrunk(SIP_HOST, PHONES_PORT)] : [];
}

async function start(closers: Closers): Promise<ServiceInfo> {
  const settings = readSettings(process.env);
  if (settings.REDIS_URL === undefined) throw new SettingsError('REDIS_URL: the gateway needs one');
  if (!isAccountSid(settings.ACCOUNT_SID)) throw new SettingsError('ACCOUNT_SID: AC and 32 hex digits');
  const log = createLogger('gateway', settings.LOG_LEVEL);
  const clock = systemClock;
  const tracer = await openTracer('gateway', settings);
  closers.push(() => tracer?.close());
  const store = await openStore(settings.REDIS_URL, { retentionMs: settings.CALL_RETENTION }, clock, log);
  closers.push(() => store.close());
  const queue = await openQueue(settings.REDIS_URL, clock, log);
  closers.push(() => queue.close());

  const metrics = new GatewayMetrics({ figures: () => gateway.figures(), ping: () => store.ping(), clock });
  closers.push(() => metrics.close());
  const { PROBE_HOST, PROBE_PORT } = settings;
  const probe = PROBE_PORT === undefined ? null : await openProbe(PROBE_HOST, PROBE_PORT, () => metrics.text());
  closers.push(() => probe?.close());
  const notices = new MovedNotices(settings.AUTH_TOKEN, clock);
  closers.push(() => notices.close());
  const gateway = new Gateway({
    store,
    queue,
    clock,
    log,
    trunks: trunksOf(settings),
    allow: settings.SIP_ALLOW,
    accountSid: settings.ACCOUNT_SID,
    queueTimeoutMs: settings.QUEUE_TIMEOUT,
    probe: probe?.address ?? null,
    counted: metrics,
    tellMoved: (sid, from, version) => notices.tell(sid, from, version),
    tracer,
  });
  const options = {
    host: settings.SIP_HOST,
    publicAddress: settings.SIP_PUBLIC_ADDRESS ?? null,
    product: PRODUCT,
  };
  const ua = await listenAgain(settings.SIP_PORT, settings.DATA_DIR, (port) =>
    openUserAgent({ ...options, port }, gateway, clock, log, { waits: true }),
  );
  closers.push(() => ua.close(LAST_TRANSACTIONS_MS));

  const { host, port } = ua.address;
  const address = ua.publicAddress;
  const id = gatewayIdOf(address);
  await gateway.start(ua, { id, address });
  const bell = queue.hearSignals(id, (sid) => gateway.onBell(sid));
  closers.push(() => bell.abandon());
  closers.push(() => gateway.drain(settings.DRAIN_TIMEOUT, () => bell.close()));
  log.info({ address, gateway: id }, 'The gateway takes calls.');
  return { host, port, ...(probe === null ? {} : { probe: probe.address }) };
}

runService('gateway', start);
