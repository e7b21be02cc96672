/** Callbacks owed to the application, per call and in order. Only the first is ever looked at. */
import type { Callback } from '../domain/callback.ts';
import type { Posted } from '../domain/letter.ts';
import type { CallSid } from '../kernel/ids.ts';
import { decodePosted, texts } from './encoding.ts';
import { callKeys, scriptKeys } from './keys.ts';
import { attempt, Script } from './redis.ts';
import type { StoreScope } from './scope.ts';
import type { CallbackClaim, Outbox } from './store.ts';

const steps = {
  claim: new Script('call', 'claim-callback'),
  remove: new Script('call', 'remove-callback'),
  release: new Script('call', 'release-callbacks'),
};

export class OwedCallbacks implements Outbox {
  readonly #scope: StoreScope;

  constructor(scope: StoreScope) {
    this.#scope = scope;
  }

  async peek(sid: CallSid): Promise<Posted<Callback> | null> {
    const first = await attempt(this.#scope.client.lindex(callKeys(sid).outbox, 0));
    return first === null ? null : decodePosted<Callback>(first);
  }

  async claim(sid: CallSid, courier: string, leaseMs: number): Promise<CallbackClaim> {
    const [kind, more = ''] = texts(await steps.claim.run(this.#scope.client, scriptKeys(sid), [courier, leaseMs]));
    if (kind === 'owed') return { kind, owed: decodePosted<Callback>(more) };
    return kind === 'busy' ? { kind, forMs: Number(more) } : { kind: 'empty' };
  }

  async release(sid: CallSid, courier: string): Promise<void> {
    await steps.release.run(this.#scope.client, scriptKeys(sid), [courier]);
  }

  /** Two couriers may finish the same one: only its first remover takes it. */
  async remove(sid: CallSid, id: number, callback?: Callback): Promise<void> {
    const json = callback === undefined ? '' : JSON.stringify(callback);
    await steps.remove.run(this.#scope.client, scriptKeys(sid), [id, json]);
  }
}
