/**
 * Redis is silent for a while (SIGSTOP), dies and comes back with its data, or comes back empty. Sound and
 * streams do not depend on it; what it should have been told it is told afterwards, and what it forgot, again.
 */
import { systemClock } from '../../../shared/kernel/clock.ts';
import { pause } from '../../../shared/kernel/deadline.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { connectRedis } from '../../../shared/store/redis.ts';
import { type Check, silentAtMost, untouched } from '../judge.ts';
import { placeSteady } from '../population.ts';
import type { Fault } from '../run-fault.ts';
import type { Scene } from '../scene.ts';
import { steady } from './services.ts';

const SILENCE_MS = 500;
const BACK_WITHIN_MS = 15_000;
const SEEN_AFTER_MS = 3000;
/** Within this the API must have said what is the matter. */
const SAID_WITHIN_MS = 3000;

/** What the API said meanwhile. */
let said: { readonly status: number; readonly code: string; readonly retryAfter: string | null } | null = null;

export const stopRedis = (awayMs: number): Fault => ({
  name: 'stop-redis',
  title: `Redis silent for ${awayMs / 1000} s`,
  harm: async (scene) => {
    const at = Date.now();
    const pid = redisOf(scene);
    process.kill(pid, 'SIGSTOP');
    try {
      await pause(systemClock, SAID_WITHIN_MS);
      said = await ask(scene);
      await pause(systemClock, awayMs - SAID_WITHIN_MS);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await isBack(scene);
    await placeSteady(scene, 4);
    return { at, hits: new Set() };
  },
  holds: (after) => [silentAtMost(steady(after), SILENCE_MS), untouched(steady(after)), saidSo()],
});

export const killRedis: Fault = {
  name: 'kill-redis',
  title: 'kill -9 of Redis, started again on its data',
  harm: async (scene) => {
    const at = Date.now();
    process.kill(redisOf(scene), 'SIGKILL');
    await pause(systemClock, 50);
    said = await ask(scene);
    await isBack(scene);
    await placeSteady(scene, 4);
    return { at, hits: new Set() };
  },
  holds: (after) => [silentAtMost(steady(after), SILENCE_MS), untouched(steady(after)), saidSo()],
};

export const emptyRedis: Fault = {
  name: 'empty-redis',
  title: 'Redis restarted empty',
  harm: async (scene) => {
    const at = Date.now();
    const pid = redisOf(scene);
    const client = connectRedis(scene.system.stack.redisUrl, 'subscriber', silentLogger);
    await client.flushall();
    client.disconnect();
    process.kill(pid, 'SIGKILL');
    await pause(systemClock, 50);
    said = await ask(scene);
    await isBack(scene);
    await scene.until(async () => (await scene.shown('in-progress')).length > 0, BACK_WITHIN_MS);
    await placeSteady(scene, 4);
    return { at, hits: new Set() };
  },
  holds: (after) => [silentAtMost(steady(after), SILENCE_MS), untouched(steady(after)), saidSo()],
};

function redisOf(scene: Scene): number {
  const { redis } = scene.system.stack;
  if (redis === null) throw new Error('the Redis of this system is not ours to break');
  return redis.pid;
}

async function ask(scene: Scene): Promise<typeof said> {
  const { status, headers, body } = await scene.system.api('GET', `/calls/${scene.calls[0]?.sid || 'CA'}`);
  return { status, code: body?.code ?? '', retryAfter: headers.get('retry-after') };
}

async function isBack(scene: Scene): Promise<void> {
  const answers = async (): Promise<boolean> => (await scene.system.api('GET', '/readyz')).status === 200;
  if (!(await scene.until(answers, BACK_WITHIN_MS))) throw new Error('the API did not find Redis again');
  // The gateway refuses callers until it has seen it too.
  await pause(systemClock, SEEN_AFTER_MS);
}

const saidSo = (): Check => ({
  what: 'the API said 503 redis_unavailable with Retry-After meanwhile',
  held: said?.status === 503 && said.code === 'redis_unavailable' && said.retryAfter !== null,
  detail: JSON.stringify(said),
});
