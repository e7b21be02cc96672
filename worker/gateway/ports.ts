/**
 * What the gateway needs of the world: the part of the store it touches, the queue, and time.
 * `main.ts` gives the real ones, tests give `test/support/gateway-world.ts`.
 */
import type { CallSid, GatewayId, OwnerId } from '../../shared/kernel/ids.ts';
import type {
  CallStore,
  DialogStore,
  Mailbox,
  NumberStore,
  Presence,
  TimelineStore,
} from '../../shared/store/store.ts';

export interface GatewayStore {
  readonly calls: Pick<CallStore, 'create' | 'get' | 'endUnclaimed'>;
  readonly timeline: Pick<TimelineStore, 'append'>;
  readonly mailbox: Pick<Mailbox, 'postToCall' | 'readForGateway' | 'ackForGateway'>;
  readonly dialogs: DialogStore;
  readonly numbers: Pick<NumberStore, 'get'>;
  readonly presence: Pick<Presence, 'announceGateway' | 'withdrawGateway' | 'owners'>;
  ping(): Promise<number>;
}

export interface GatewayQueue {
  /** Adds the job that is the call. */
  addCall(sid: CallSid): Promise<void>;
  /** Takes the job of a call that has ended off the queue. */
  dropCall(sid: CallSid): Promise<void>;
  /** Asks some worker to deliver the callbacks an ended call owes. */
  addCallbacks(sid: CallSid): Promise<void>;
  /** Tells the owner's thread: its call has a letter. */
  signal(owner: OwnerId, sid: CallSid): Promise<void>;
}

/** Who this gateway is. */
export interface GatewayIdentity {
  readonly id: GatewayId;
  /** `host:port` as the outside reaches us: the domain of our From, and what presence shows. */
  readonly address: string;
}

/** The id of a gateway is its address, so that it finds its dialogs again after a restart. */
export const gatewayIdOf = (address: string): GatewayId => `gw-${address.replace(/[^\w.]/g, '-')}` as GatewayId;
