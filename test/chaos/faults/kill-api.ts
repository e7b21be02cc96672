/**
 * `kill -9` of the API with requests for calls under way. Whoever asked asks again with the same
 * `Idempotency-Key`: each call is placed once.
 */
import { randomUUID } from 'node:crypto';
import { documentOf } from '../documents.ts';
import { type Check, everyCall, silentAtMost, untouched } from '../judge.ts';
import { reserveNumber } from '../population.ts';
import type { Fault } from '../run-fault.ts';
import type { Scene } from '../scene.ts';
import { restarted, steady } from './services.ts';

const REQUESTS = 12;
const SILENCE_MS = 500;

/** Calls that were asked for again, by their number. */
let asked: ReadonlySet<string> = new Set();

export const killApi: Fault = {
  name: 'kill-api',
  title: 'kill -9 of the API with requests under way',
  harm: async (scene) => {
    const orders = Array.from({ length: REQUESTS }, () => ({ number: reserveNumber(), key: randomUUID() }));
    asked = new Set(orders.map(({ number }) => number));
    const first = orders.map((order) => place(scene, order).catch(() => null));
    const at = Date.now();
    await Promise.race(first);
    await restarted(scene, 'api-1', 'SIGKILL');
    await Promise.all(first);
    for (const order of orders) {
      const sid = await place(scene, order);
      scene.calls.push({ number: order.number, kind: 'say', inbound: false, settingUp: true, sid });
    }
    return { at, hits: new Set() };
  },
  holds: (after) => [silentAtMost(steady(after), SILENCE_MS), untouched(steady(after)), placedOnce(after)],
};

async function place(
  scene: Scene,
  { number, key }: { readonly number: string; readonly key: string },
): Promise<string> {
  const fields = {
    from: '+15550009999',
    to: number,
    twiml: documentOf('say', number, scene.appPort),
    statusCallback: scene.appUrl('/status'),
    statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
  };
  const { status, body } = await scene.system.api('POST', '/calls', fields, { 'Idempotency-Key': key });
  if (status >= 300) throw new Error(`POST /calls answered ${status}: ${JSON.stringify(body)}`);
  return body.sid;
}

const placedOnce = (accounts: Parameters<Fault['holds']>[0]): Check =>
  everyCall(
    'each request placed one call',
    accounts.filter(({ number }) => asked.has(number)),
    ({ line }) => (line?.dialogs === 1 ? null : `the phone was called ${line?.dialogs ?? 0} times`),
  );
