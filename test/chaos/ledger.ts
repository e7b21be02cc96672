/**
 * What is counted: the calls as phones, app, API and timeline saw them, gathered at one moment. The
 * judgement of what is counted is `judge.ts`.
 */
import type { Event } from '../support/system.ts';
import type { CallbackSeen, SocketSeen } from './app-orders.ts';
import { earPath } from './documents.ts';
import type { LineReport } from './phone-orders.ts';
import type { PlacedCall } from './population.ts';
import type { Scene } from './scene.ts';

export interface Account extends PlacedCall {
  readonly status: string;
  readonly owner: string | null;
  readonly line: LineReport | null;
  readonly sockets: readonly SocketSeen[];
  readonly callbacks: readonly CallbackSeen[];
  readonly events: readonly Event[];
}

/** One account of every call of the scene. */
export async function takeStock(scene: Scene): Promise<readonly Account[]> {
  const [lines, app, shown] = await Promise.all([scene.lines(), scene.appReport(), scene.shown()]);
  const byKey = new Map(shown.flatMap((call) => [[call.sid, call] as const, [call.from, call] as const]));
  const accounts: Account[] = [];
  for (const call of scene.calls) {
    const record = byKey.get(call.sid === '' ? call.number : call.sid);
    call.sid = record?.sid ?? call.sid;
    const path = earPath(call.kind, call.number);
    accounts.push({
      ...call,
      status: record?.status ?? 'unknown',
      owner: record?.owner ?? null,
      line: lines.get(call.number) ?? null,
      sockets: app.sockets.filter((socket) => socket.path === path),
      callbacks: app.callbacks.filter((callback) => callback.call === call.sid),
      events: call.sid === '' ? [] : await scene.system.events(call.sid),
    });
  }
  return accounts;
}

/** Of sorted or unsorted numbers the one below which a share of them lies; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
