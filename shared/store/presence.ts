/** Who is there: worker threads and gateways, each for a few seconds by the clock of Redis unless renewed. */
import type { GatewayId, OwnerId } from '../kernel/ids.ts';
import { texts } from './encoding.ts';
import { presenceKeys } from './keys.ts';
import { attempt, Script } from './redis.ts';
import type { StoreScope } from './scope.ts';
import type { GatewayState, OwnerState, Presence } from './store.ts';

const steps = { announce: new Script('announce'), present: new Script('present') };

export class PresentOnes implements Presence {
  readonly #scope: StoreScope;

  constructor(scope: StoreScope) {
    this.#scope = scope;
  }

  async announceOwner(owner: OwnerId, state: OwnerState): Promise<void> {
    await this.#announce(presenceKeys.owners, owner, state, this.#scope.settings.presenceMs);
  }

  async withdrawOwner(owner: OwnerId): Promise<void> {
    await attempt(this.#scope.client.hdel(presenceKeys.owners, owner));
  }

  async owners(): ReturnType<Presence['owners']> {
    const found = await this.#find(presenceKeys.owners, 'present');
    return found.map(([owner, json]) => {
      const state: OwnerState = JSON.parse(json);
      return { ...state, owner: owner as OwnerId };
    });
  }

  async goneOwners(): Promise<readonly OwnerId[]> {
    const found = await this.#find(presenceKeys.owners, 'gone');
    return found.map(([owner]) => owner as OwnerId);
  }

  announceGateway(gateway: GatewayId, state: GatewayState): Promise<'new' | 'again'> {
    return this.#announce(presenceKeys.gateways, gateway, state, this.#scope.settings.gatewayPresenceMs);
  }

  async withdrawGateway(gateway: GatewayId): Promise<void> {
    await attempt(this.#scope.client.hdel(presenceKeys.gateways, gateway));
  }

  async gateways(): ReturnType<Presence['gateways']> {
    const found = await this.#find(presenceKeys.gateways, 'present');
    return found.map(([gateway, json]) => {
      const state: GatewayState = JSON.parse(json);
      return { ...state, gateway: gateway as GatewayId };
    });
  }

  async #announce(key: string, who: string, state: object, forMs: number): Promise<'new' | 'again'> {
    const values = [who, JSON.stringify(state), forMs];
    return (await steps.announce.run(this.#scope.client, [key], values)) === 1 ? 'new' : 'again';
  }

  async #find(key: string, which: 'present' | 'gone'): Promise<readonly (readonly [string, string])[]> {
    const flat = texts(await steps.present.run(this.#scope.client, [key], [which]));
    const found: [string, string][] = [];
    for (let index = 0; index + 1 < flat.length; index += 2) found.push([flat[index] ?? '', flat[index + 1] ?? '{}']);
    return found;
  }
}
