/** Callbacks owed to the application, per call and in order. Only the first is ever looked at. */
import type { Callback } from '../domain/callback.ts';
import type { Posted } from '../domain/letter.ts';
import type { CallSid } from '../kernel/ids.ts';
import { decodePosted } from './encoding.ts';
import { callKeys, scriptKeys } from './keys.ts';
import { attempt, Script } from './redis.ts';
import type { StoreScope } from './scope.ts';
import type { Outbox } from './store.ts';

const remove = new Script('call', 'remove-callback');

export class OwedCallbacks implements Outbox {
  readonly #scope: StoreScope;

  constructor(scope: StoreScope) {
    this.#scope = scope;
  }

  async peek(sid: CallSid): Promise<Posted<Callback> | null> {
    const first = await attempt(this.#scope.client.lindex(callKeys(sid).outbox, 0));
    return first === null ? null : decodePosted<Callback>(first);
  }

  /** Two couriers may finish the same one: only its first remover takes it. */
  async remove(sid: CallSid, id: number): Promise<void> {
    await remove.run(this.#scope.client, scriptKeys(sid), [id]);
  }
}
