/** A network without sockets under a SIP user agent: messages are given by hand and what is sent is kept. */
import type { IncomingMessage, IncomingRequest, IncomingResponse } from '../../worker/sip/message/message.ts';
import { parseDatagram } from '../../worker/sip/message/parse.ts';
import type { Flow } from '../../worker/sip/transaction/wire.ts';
import { stamp } from '../../worker/sip/transport/stamp.ts';
import type { AgentNetwork } from '../../worker/sip/user-agent.ts';

type User = Parameters<AgentNetwork['start']>[0];

export interface SentMessage {
  readonly message: IncomingMessage;
  readonly to: Flow;
}

export class FakeNetwork implements AgentNetwork {
  readonly host: string;
  readonly port = 5060;
  readonly connections = 0;
  readonly sentBy: string;
  readonly sent: SentMessage[] = [];
  /** Called for each message sent; gives it to another network, or drops it. */
  carry: ((bytes: Buffer, to: Flow) => void) | null = null;
  #user: User | null = null;

  constructor(host = '192.0.2.1') {
    this.host = host;
    this.sentBy = `${host}:5060`;
  }

  start(user: User): void {
    this.#user = user;
  }
  supports(): boolean {
    return false;
  }
  connected(): boolean {
    return false;
  }
  async close(): Promise<void> {}

  send(bytes: Buffer, to: Flow): void {
    const result = parseDatagram(bytes);
    if (!result.ok) throw new Error(`we sent something broken: ${result.problem}`);
    this.sent.push({ message: result.message, to });
    this.carry?.(bytes, to);
  }

  /** As if it had come by UDP; answers whether it was well-formed. */
  deliver(bytes: Buffer, address = '192.0.2.9', port = 5060): boolean {
    const result = parseDatagram(bytes);
    const source: Flow = { transport: 'udp', address, port };
    if (result.ok && result.message.kind === 'request') stamp(result.message, source);
    if (result.ok) this.#user?.onMessage(result.message, source);
    else this.#user?.onMalformed(source, result.problem);
    return result.ok;
  }

  get responses(): IncomingResponse[] {
    return this.sent.map((one) => one.message).filter((message) => message.kind === 'response');
  }

  get requests(): IncomingRequest[] {
    return this.sent.map((one) => one.message).filter((message) => message.kind === 'request');
  }

  /** `INVITE`, `200 INVITE`, …: what was sent, in order. */
  get lines(): string[] {
    return this.sent.map(({ message }) =>
      message.kind === 'request' ? message.method : `${message.status} ${message.cseq.method}`,
    );
  }
}
