/** Dialogs of a gateway as plain data, one hash per gateway, read whole when it starts again. */
import type { CallSid, GatewayId, LegId } from '../kernel/ids.ts';
import { isCallSid } from '../kernel/ids.ts';
import { dialogsKey } from './keys.ts';
import { attempt } from './redis.ts';
import type { StoreScope } from './scope.ts';
import type { DialogStore } from './store.ts';

export class Dialogs implements DialogStore {
  readonly #scope: StoreScope;

  constructor(scope: StoreScope) {
    this.#scope = scope;
  }

  async put(gateway: GatewayId, sid: CallSid, leg: LegId, data: unknown): Promise<void> {
    await attempt(this.#scope.client.hset(dialogsKey(gateway), `${sid} ${leg}`, JSON.stringify(data)));
  }

  async remove(gateway: GatewayId, sid: CallSid, leg: LegId): Promise<void> {
    await attempt(this.#scope.client.hdel(dialogsKey(gateway), `${sid} ${leg}`));
  }

  async all(gateway: GatewayId): ReturnType<DialogStore['all']> {
    const fields = await attempt(this.#scope.client.hgetall(dialogsKey(gateway)));
    return Object.entries(fields).flatMap(([field, json]) => {
      const [sid = '', leg = ''] = field.split(' ');
      const data: unknown = JSON.parse(json);
      return isCallSid(sid) ? [{ sid, leg: leg as LegId, data }] : [];
    });
  }
}
