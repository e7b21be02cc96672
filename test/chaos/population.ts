/**
 * The calls that are up when a fault happens: half inbound and half outbound, of every kind of
 * `documents.ts` in turn; and those that are being set up at that very moment.
 */
import { documentOf, type Kind } from './documents.ts';
import type { Scene } from './scene.ts';

export interface PlacedCall {
  /** The number of its phone: called, or calling. */
  readonly number: string;
  readonly kind: Kind;
  readonly inbound: boolean;
  /** Not up yet when the fault happens. */
  readonly settingUp: boolean;
  sid: string;
}

const steadyKinds: readonly Kind[] = ['one-way', 'two-way', 'say', 'raw', 'play', 'redirect', 'listened-say'];
const AT_ONCE = 10;
const UP_WITHIN_MS = 60_000;
/** Rings on when the fault happens; is answered while or after the system gets over it. */
const RING_MS = [4000, 1500, 8000] as const;

let placed = 0;
/** A number no call of the run has had. */
export const reserveNumber = (): string => `+1777${String(1_000_000 + placed++).slice(1)}0`;

/** Places `count` calls and waits until all of them are up. */
export async function placeSteady(scene: Scene, count: number): Promise<void> {
  const calls = Array.from({ length: count }, (_, index): PlacedCall => {
    const kind = steadyKinds[Math.floor(index / 2) % steadyKinds.length] ?? 'one-way';
    return { number: reserveNumber(), kind, inbound: index % 2 === 0, settingUp: false, sid: '' };
  });
  await placeAll(scene, calls);
  const up = await scene.until(async () => (await upCount(scene, calls)) === calls.length, UP_WITHIN_MS);
  if (!up) throw new Error(`only ${await upCount(scene, calls)} of ${calls.length} calls came up`);
}

/** Places calls that will be up only later, and answers as soon as all of them are on their way. */
export async function placeSettingUp(scene: Scene, count: number): Promise<void> {
  const calls = Array.from({ length: count }, (_, index): PlacedCall => {
    const inbound = index % 2 === 0;
    const kind: Kind = inbound ? (index % 4 === 0 ? 'unanswered' : 'slow') : 'one-way';
    return { number: reserveNumber(), kind, inbound, settingUp: true, sid: '' };
  });
  for (const [index, { number, inbound }] of calls.entries()) {
    const ms = RING_MS[index % RING_MS.length] ?? 4000;
    if (!inbound) await scene.phones.ask({ kind: 'ring-for', number, ms });
  }
  await placeAll(scene, calls);
  const numbers = new Set(calls.map(({ number }) => number));
  await scene.until(async () => {
    const lines = await scene.lines();
    return [...numbers].every((number) => lines.get(number)?.state === 'ringing');
  }, 5000);
}

async function placeAll(scene: Scene, calls: readonly PlacedCall[]): Promise<void> {
  scene.calls.push(...calls);
  for (let from = 0; from < calls.length; from += AT_ONCE) {
    await Promise.all(
      calls.slice(from, from + AT_ONCE).map((call) => (call.inbound ? placeInbound(scene, call) : dial(scene, call))),
    );
  }
}

/** By its URL, or whole: the document of every other call is fetched again by its next owner. */
function documentFields(scene: Scene, { kind, number }: PlacedCall, urlName: 'url' | 'voiceUrl'): object {
  const byUrl = kind === 'slow' || Number(number.at(-2)) % 2 === 0;
  if (!byUrl) return { twiml: documentOf(kind, number, scene.appPort) };
  return { [urlName]: scene.appUrl(`/document/${kind}/${number.replace('+', '')}`) };
}

async function dial(scene: Scene, call: PlacedCall): Promise<void> {
  call.sid = await scene.system.call({
    to: call.number,
    ...documentFields(scene, call, 'url'),
    statusCallback: scene.appUrl('/status'),
    statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
  });
}

/** A number of its own for each, so that each has a document of its own. */
async function placeInbound(scene: Scene, call: PlacedCall): Promise<void> {
  const called = call.number.replace('+1777', '+1999');
  const answer = await scene.system.api('PUT', `/numbers/${called}`, {
    ...documentFields(scene, call, 'voiceUrl'),
    ...(call.kind === 'unanswered' ? { dialect: 'twilio' } : {}),
    statusCallback: scene.appUrl('/status'),
  });
  if (answer.status >= 300) throw new Error(`PUT /numbers answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  await scene.phones.ask({ kind: 'dial', number: call.number, to: `sip:${called}@${scene.system.stack.sipAddress}` });
}

/** How many of these are up at both ends; finds the sids of inbound ones on the way. */
export async function upCount(scene: Scene, calls: readonly PlacedCall[]): Promise<number> {
  const lines = await scene.lines();
  const shown = new Map((await scene.shown('in-progress')).map((call) => [call.sid, call]));
  const bySender = new Map([...shown.values()].map((call) => [call.from, call.sid]));
  let up = 0;
  for (const call of calls) {
    if (call.sid === '') call.sid = bySender.get(call.number) ?? '';
    if (shown.has(call.sid) && lines.get(call.number)?.state === 'up') up += 1;
  }
  return up;
}
