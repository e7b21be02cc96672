/** What the transaction layer needs of the transport below it. */
import type { SipSource, SipTransport } from '../sip-call.ts';

/** The far end of a packet or connection: where to, or where from. */
export type Flow = SipSource;

export interface Wire {
  /** `host:port` for Via and Contact. */
  readonly sentBy: string;
  /** Sends; `failed` is called at most once, later, when the transport knows it cannot. */
  send(bytes: Buffer, to: Flow, failed: () => void): void;
  /** Whether that transport is open at all. */
  supports(transport: SipTransport): boolean;
}

/** One name per far end, for tables. */
export const flowKey = (flow: Flow): string => `${flow.transport}:${flow.address}:${flow.port}`;
