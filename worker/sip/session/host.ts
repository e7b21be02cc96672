/** What a call needs of the user agent that holds it. */
import type { Clock } from '../../../shared/kernel/clock.ts';
import type { Logger } from '../../../shared/kernel/log.ts';
import type { IncomingResponse, SipRequest } from '../message/message.ts';
import type { SipTransport } from '../sip-call.ts';
import type { Flow } from '../transaction/wire.ts';
import type { Call } from './call.ts';
import type { RequestSender } from './sender.ts';

export interface CallHost {
  readonly clock: Clock;
  readonly log: Logger;
  readonly sender: RequestSender;
  /** The `User-Agent` and `Server` header. */
  readonly product: string;
  /** 0 ≤ x < 1 */
  random(): number;
  newTag(): string;
  newCallId(): string;
  /** The Contact header's value for a call. */
  contact(user: string | null, transport: SipTransport): string;
  /** CANCELs an INVITE whose transaction is gone; it has its Via. */
  cancel(invite: SipRequest, target: Flow): void;
  /** Acknowledges a refusal of such an INVITE. */
  acknowledge(invite: SipRequest, response: IncomingResponse, target: Flow): void;
  /** Requests and ACKs of this Call-ID and local tag are the call's until `forget`. */
  enrol(call: Call): void;
  forget(call: Call): void;
}
