/** Redis: reachable, new enough, set so that nothing is lost, quick, and of one mind with us about the time. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../../../shared/kernel/clock.ts';
import { ExpectedFailure } from '../../../shared/kernel/expected-failure.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { connectRedis, type RedisClient, RedisUnavailable, untilReady } from '../../../shared/store/redis.ts';
import { type Finding, fault, ok, warning } from '../finding.ts';

const CONNECT_MS = 3000;
const PINGS = 25;
const SLOW_MS = 5;
const SKEW_MS = 500;
const BAD_SKEW_MS = 5000;
const OLDEST = 6.2;

const programs = ['redis-server', 'valkey-server'];

export async function checkRedis(url: string | undefined, clock: Clock): Promise<readonly Finding[]> {
  if (url === undefined) return [embedded()];
  let client: RedisClient;
  try {
    client = connectRedis(url, 'commands', silentLogger);
  } catch (error) {
    if (!(error instanceof ExpectedFailure)) throw error;
    return [fault('redis', error.message, 'Correct REDIS_URL.')];
  }
  try {
    await untilReady(client, clock, CONNECT_MS);
    return await look(client, clock);
  } catch (error) {
    if (!(error instanceof ExpectedFailure))
      return [fault('redis', `it refuses us: ${messageOf(error)}`, remedies.refused)];
    const reason = error instanceof RedisUnavailable && error.reason !== '' ? `: ${error.reason}` : '';
    return [fault('redis', `it cannot be reached${reason}`, remedies.away)];
  } finally {
    client.disconnect();
  }
}

const remedies = {
  away: 'Start it, or correct REDIS_URL (host, port, password, rediss:// for TLS).',
  refused: 'Correct user and password in REDIS_URL, and what its ACL allows.',
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** `npm start` runs one of its own. */
function embedded(): Finding {
  const found = programs.find((program) =>
    (process.env['PATH'] ?? '').split(path.delimiter).some((folder) => isExecutable(path.join(folder, program))),
  );
  if (found) return ok('redis', `REDIS_URL is not set: \`npm start\` runs ${found}; other services need it`);
  const remedy = 'Install redis-server (Debian, Ubuntu: apt-get install redis-server), or set REDIS_URL.';
  return fault('redis', 'REDIS_URL is not set, and there is no redis-server or valkey-server on PATH', remedy);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function look(client: RedisClient, clock: Clock): Promise<readonly Finding[]> {
  const info = new Info(await client.info());
  return [version(info), policy(info), persistence(info), await latency(client, clock), await time(client, clock)];
}

/** INFO: what CONFIG would say, where that is not allowed. */
class Info {
  readonly #lines: ReadonlyMap<string, string>;

  constructor(text: string) {
    this.#lines = new Map(
      text.split(/\r?\n/).flatMap((line) => {
        const at = line.indexOf(':');
        return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
      }),
    );
  }

  get(name: string): string {
    return this.#lines.get(name) ?? '';
  }
}

function version(info: Info): Finding {
  const found = `${info.get('redis_version')}, ${info.get('redis_mode') || 'standalone'}`;
  if (Number.parseFloat(info.get('redis_version')) >= OLDEST) return ok('redis', found);
  return fault('redis', `${found} is too old`, `Use Redis ${OLDEST} or newer.`);
}

function policy(info: Info): Finding {
  const maxmemory = Number(info.get('maxmemory'));
  const used = Number(info.get('used_memory'));
  const found = `maxmemory-policy is ${info.get('maxmemory_policy')}`;
  if (info.get('maxmemory_policy') !== 'noeviction') {
    const remedy = 'Set maxmemory-policy noeviction: any other throws calls and callbacks away when memory is short.';
    return fault('redis memory', found, remedy);
  }
  if (maxmemory > 0 && used > maxmemory * 0.9) {
    return fault(
      'redis memory',
      `${used} of ${maxmemory} bytes are in use: writes will be refused`,
      'Raise maxmemory.',
    );
  }
  return ok('redis memory', found);
}

function persistence(info: Info): Finding {
  if (info.get('aof_enabled') === '1') return ok('redis files', 'appendonly is on');
  const remedy = 'Set appendonly yes: else calls, callbacks and dialogs are forgotten when it is started again.';
  return warning('redis files', 'appendonly is off', remedy);
}

async function latency(client: RedisClient, clock: Clock): Promise<Finding> {
  const times: number[] = [];
  for (let index = 0; index < PINGS; index++) {
    const began = clock.monotonic();
    await client.ping();
    times.push(clock.monotonic() - began);
  }
  times.sort((one, other) => one - other);
  const median = times[Math.floor(PINGS / 2)] ?? 0;
  const found = `answers in ${median.toFixed(2)} ms, ${(times.at(-1) ?? 0).toFixed(2)} ms at worst`;
  if (median <= SLOW_MS) return ok('redis delay', found);
  return warning('redis delay', found, 'Every step of a call waits for it: put it nearer, or find what keeps it busy.');
}

async function time(client: RedisClient, clock: Clock): Promise<Finding> {
  const began = clock.now();
  const [seconds = 0, micros = 0] = (await client.time()).map(Number);
  const here = (began + clock.now()) / 2;
  const skew = Math.round(seconds * 1000 + micros / 1000 - here);
  const found = `clocks differ by ${Math.abs(skew)} ms`;
  if (Math.abs(skew) <= SKEW_MS) return ok('clock', found);
  const remedy = 'Let NTP set both clocks: limits and times of calls are compared across machines.';
  return Math.abs(skew) <= BAD_SKEW_MS ? warning('clock', found, remedy) : fault('clock', found, remedy);
}
