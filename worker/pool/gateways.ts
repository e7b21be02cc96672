/**
 * Which gateway a new outbound call goes out by: of two drawn at random the one with fewer calls, so that many workers
 * who know the same figures do not all choose the same. What was given away since the last figures counts as well.
 */
import type { GatewayId } from '../../shared/kernel/ids.ts';
import type { GatewayState } from '../../shared/store/store.ts';

interface Known {
  readonly gateway: GatewayId;
  calls: number;
}

export class Gateways {
  readonly #random: () => number;
  #known: readonly Known[] = [];

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  get isEmpty(): boolean {
    return this.#known.length === 0;
  }

  /** Those that are there; the others are gone. */
  seen(gateways: readonly (GatewayState & { readonly gateway: GatewayId })[]): void {
    this.#known = gateways.map(({ gateway, calls = 0 }) => ({ gateway, calls }));
  }

  /** Null when there is none. */
  choose(): GatewayId | null {
    const [one, other] = [this.#draw(), this.#draw()];
    const chosen = one && other && other.calls < one.calls ? other : one;
    if (!chosen) return null;
    chosen.calls += 1;
    return chosen.gateway;
  }

  #draw(): Known | undefined {
    return this.#known[Math.floor(this.#random() * this.#known.length)];
  }
}
