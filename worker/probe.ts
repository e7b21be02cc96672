/**
 * Whether the worker of this host lives: its threads announce themselves in Redis every two seconds and
 * are forgotten after six. Ends with 0 when as many as there should be are there, with 1 and a line that
 * says why when not. For health checks: `node dist/worker/probe.js`, with the settings the worker has.
 */
import { systemClock as clock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { withDeadline } from '../shared/kernel/deadline.ts';
import { createLogger } from '../shared/kernel/log.ts';
import { readSettings, SettingsError } from '../shared/settings.ts';
import { openStore } from '../shared/store/open.ts';
import { isOfThisHost } from './pool/owner-id.ts';

const WITHIN_MS = 3000;

async function look(closers: Closers): Promise<void> {
  const settings = readSettings(process.env);
  if (settings.REDIS_URL === undefined) throw new SettingsError('REDIS_URL is needed: threads are announced there.');
  const log = createLogger('probe', 'silent');
  const store = await openStore(settings.REDIS_URL, { retentionMs: settings.CALL_RETENTION }, clock, log);
  closers.push(() => store.close());
  const owners = (await store.presence.owners()).filter(({ owner }) => isOfThisHost(owner));
  if (owners.length >= settings.WORKER_THREADS) return;
  throw new Error(`${owners.length} worker threads of this host are there, of ${settings.WORKER_THREADS}`);
}

const closers = new Closers();
try {
  await withDeadline(clock, WITHIN_MS, 'Redis', look(closers));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
await closers.close();
// A store that is still being opened would hold the process.
process.exit();
