/** What Redis tells of itself: commands, time in scripts, memory, CPU, and what one of them kept it from others. */
import type { Redis } from 'ioredis';

export interface RedisFigures {
  readonly atMs: number;
  readonly commands: number;
  /** Seconds of CPU. */
  readonly cpu: number;
  readonly memory: number;
  readonly scripts: number;
  /** Microseconds in scripts. */
  readonly scriptUs: number;
}

export async function redisFigures(client: Redis): Promise<RedisFigures> {
  const [info, stats] = [await client.info(), await client.info('commandstats')];
  const field = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? 0);
  const calls = { scripts: 0, scriptUs: 0 };
  for (const [, count, us] of stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+),usec=(\d+)/gm)) {
    calls.scripts += Number(count);
    calls.scriptUs += Number(us);
  }
  return {
    atMs: performance.now(),
    // Those that scripts run are counted too.
    commands: field('total_commands_processed'),
    cpu: field('used_cpu_sys') + field('used_cpu_user'),
    memory: field('used_memory'),
    ...calls,
  };
}

export interface RedisLoad {
  readonly commandsPerSecond: number;
  readonly scriptsPerSecond: number;
  readonly meanScriptUs: number;
  readonly corePercent: number;
}

export function loadBetween(before: RedisFigures, after: RedisFigures): RedisLoad {
  const seconds = (after.atMs - before.atMs) / 1000;
  const scripts = after.scripts - before.scripts;
  return {
    commandsPerSecond: Math.round((after.commands - before.commands) / seconds),
    scriptsPerSecond: Math.round(scripts / seconds),
    meanScriptUs: scripts === 0 ? 0 : Math.round((after.scriptUs - before.scriptUs) / scripts),
    corePercent: Math.round(((after.cpu - before.cpu) / seconds) * 100),
  };
}

/** The slowest commands since the last reset, one line each: milliseconds, how often, and what it was. */
export async function slowest(client: Redis): Promise<readonly string[]> {
  const rows: unknown = await client.slowlog('GET', 2000);
  const found = new Map<string, { worst: number; count: number }>();
  for (const row of Array.isArray(rows) ? rows : []) {
    const [, , us, words]: readonly unknown[] = Array.isArray(row) ? row : [];
    const [name = '', ...rest] = Array.isArray(words) ? words.map(String) : [];
    const key = `${name} ${/eval/i.test(name) ? `${rest[0]?.slice(0, 8)} ${rest[2] ?? ''}` : (rest[0] ?? '')}`.replace(
      /CA[0-9a-f]{32}/,
      'CA…',
    );
    const seen = found.get(key) ?? { worst: 0, count: 0 };
    found.set(key, { worst: Math.max(seen.worst, Number(us) / 1000), count: seen.count + 1 });
  }
  return [...found]
    .sort(([, one], [, other]) => other.worst - one.worst)
    .slice(0, 6)
    .map(([key, { worst, count }]) => `${worst.toFixed(1)} ms at worst, ${count} over 5 ms: ${key}`);
}

/** What kept Redis from everything else for longer than its latency monitor allows, and for how long at worst. */
export async function silences(client: Redis): Promise<readonly string[]> {
  const rows: unknown = await client.call('LATENCY', 'LATEST');
  return (Array.isArray(rows) ? rows : []).map((row) => {
    const [event, , , worstMs]: readonly unknown[] = Array.isArray(row) ? row : [];
    return `${event} ${worstMs} ms`;
  });
}
