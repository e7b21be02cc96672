/** The ways that calls which are up came by, and how many by each: what the transport must not close. Owned by the user agent. */
import { type Flow, flowKey } from '../transaction/wire.ts';

export class HeldFlows {
  readonly #calls = new Map<string, number>();

  add(flow: Flow | null): void {
    if (flow) this.#calls.set(flowKey(flow), this.#count(flow) + 1);
  }

  remove(flow: Flow | null): void {
    if (!flow) return;
    const left = this.#count(flow) - 1;
    if (left > 0) this.#calls.set(flowKey(flow), left);
    else this.#calls.delete(flowKey(flow));
  }

  has(flow: Flow): boolean {
    return this.#calls.has(flowKey(flow));
  }

  #count(flow: Flow): number {
    return this.#calls.get(flowKey(flow)) ?? 0;
  }
}
