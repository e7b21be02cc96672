/**
 * The names of all keys. Everything of one call carries the hash tag `{CA…}`, so each step on a call
 * stays on one slot of a Redis Cluster; what spans calls has a tag of its own.
 */
import type { CallSid, GatewayId } from '../kernel/ids.ts';

/** The keys of one call, in the order every script of `scripts/` takes them. */
export interface CallKeys {
  /** Hash: each field of the record as JSON, and the counters that start with `_`. */
  readonly call: string;
  /** Stream: the timeline, ids `<seq>-0`. */
  readonly timeline: string;
  /** Hash: `<stream sid>:<field>` as JSON, and `name:<name>` to the newest sid of that name. */
  readonly streams: string;
  /** List: stream sids in the order they were opened. */
  readonly order: string;
  /** Hash: live streams only, what the limits look at. */
  readonly live: string;
  /** Lists of `<id> <JSON>`. */
  readonly box: string;
  readonly gatewayBox: string;
  readonly outbox: string;
  /** Where growth of the timeline is published. */
  readonly grown: string;
}

export function callKeys(sid: CallSid): CallKeys {
  const base = `pivot:{${sid}}`;
  return {
    call: `${base}:call`,
    timeline: `${base}:timeline`,
    streams: `${base}:streams`,
    order: `${base}:order`,
    live: `${base}:live`,
    box: `${base}:box`,
    gatewayBox: `${base}:gateway-box`,
    outbox: `${base}:outbox`,
    grown: `${base}:grown`,
  };
}

/** As KEYS of a script: `shared/store/scripts/call.lua` names them. */
export function scriptKeys(sid: CallSid): readonly string[] {
  const keys = callKeys(sid);
  return [
    keys.call,
    keys.timeline,
    keys.streams,
    keys.order,
    keys.live,
    keys.box,
    keys.gatewayBox,
    keys.outbox,
    keys.grown,
  ];
}

/** Sorted sets of call sids by `createdAt`: all that are kept, those not ended, those nobody has taken. */
export const indexKeys = {
  all: 'pivot:{index}:all',
  live: 'pivot:{index}:live',
  queued: 'pivot:{index}:queued',
} as const;

export const numberKeys = { records: 'pivot:{numbers}:records', order: 'pivot:{numbers}:order' } as const;
export const presenceKeys = { owners: 'pivot:{presence}:owners', gateways: 'pivot:{presence}:gateways' } as const;

/** See generation.ts. */
export const generationKey = 'pivot:{generation}';
export const idempotencyKey = (digest: string): string => `pivot:{once:${digest}}`;
export const dialogsKey = (gateway: GatewayId): string => `pivot:{gateway:${gateway}}:dialogs`;
