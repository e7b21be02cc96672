/**
 * UDP and TCP on one port. Parses what comes in, stamps the top Via with where it came from, counts
 * and reports what is broken, and answers the broken requests that can be answered.
 * Opened and closed by the user agent.
 */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../../../shared/kernel/clock.ts';
import type { Logger } from '../../../shared/kernel/log.ts';
import type { IncomingMessage } from '../message/message.ts';
import { type Answerable, type ParseResult, parseDatagram, skipLineEnds } from '../message/parse.ts';
import { buildResponse } from '../message/respond.ts';
import { serialise } from '../message/serialise.ts';
import { formatHost } from '../message/uri.ts';
import { stampVia } from '../message/via.ts';
import type { SipTransport } from '../sip-call.ts';
import { sendReply } from '../transaction/server-transaction.ts';
import type { Flow, Wire } from '../transaction/wire.ts';
import { stamp } from './stamp.ts';
import { TcpTransport } from './tcp.ts';
import { UdpTransport } from './udp.ts';

export interface NetworkUser {
  onMessage(message: IncomingMessage, source: Flow): void;
  onMalformed(source: Flow, problem: string): void;
  /** Whether a call that is up came this way; without it none did. */
  isHeld?(flow: Flow): boolean;
}

export interface NetworkOptions {
  readonly host: string;
  readonly port: number;
  readonly publicAddress: string | null;
}

/** Tries for a port that is free for both when any will do. */
const PORT_TRIES = 20;

export class Network implements Wire {
  readonly host: string;
  readonly port: number;
  readonly sentBy: string;
  readonly #udp: UdpTransport;
  readonly #tcp: TcpTransport;
  readonly #log: Logger;
  #user: NetworkUser | null = null;

  private constructor(options: NetworkOptions, udp: UdpTransport, tcp: TcpTransport, log: Logger) {
    this.host = options.host;
    this.port = udp.port;
    this.#udp = udp;
    this.#tcp = tcp;
    this.#log = log;
    this.sentBy = sentByOf(options, udp.port);
  }

  /** Binds both; rejects when the port is taken. */
  static async open(options: NetworkOptions, clock: Clock, log: Logger): Promise<Network> {
    for (let tries = 1; ; tries++) {
      const tcp = await TcpTransport.open(options.host, options.port, clock);
      try {
        return new Network(options, await UdpTransport.open(options.host, tcp.port), tcp, log);
      } catch (error) {
        await tcp.close();
        if (options.port !== 0 || tries >= PORT_TRIES) throw error;
      }
    }
  }

  /** Begins to hand messages over; to be called in the turn the network was opened in. */
  start(user: NetworkUser): void {
    this.#user = user;
    const onTrouble = (error: Error): void => this.#log.warn({ err: error }, 'sip socket trouble');
    this.#udp.start({ onDatagram: (bytes, address, port) => this.#onDatagram(bytes, address, port), onTrouble });
    this.#tcp.start({
      onMessage: (result, address, port) => this.#onResult(result, { transport: 'tcp', address, port }),
      onBroken: (problem, address, port) => user.onMalformed({ transport: 'tcp', address, port }, problem),
      onTrouble,
      isHeld: (address, port) => user.isHeld?.({ transport: 'tcp', address, port }) ?? false,
    });
  }

  get connections(): number {
    return this.#tcp.connections;
  }

  supports(_transport: SipTransport): boolean {
    return true;
  }

  connected(flow: Flow): boolean {
    return flow.transport === 'tcp' && this.#tcp.connected(flow.address, flow.port);
  }

  send(bytes: Buffer, to: Flow, failed: () => void): void {
    if (to.transport === 'udp') this.#udp.send(bytes, to.address, to.port, failed);
    else this.#tcp.send(bytes, to.address, to.port, failed);
  }

  async close(): Promise<void> {
    await Promise.all([this.#udp.close(), this.#tcp.close()]);
  }

  #onDatagram(bytes: Buffer, address: string, port: number): void {
    if (skipLineEnds(bytes) === bytes.length) return;
    this.#onResult(parseDatagram(bytes), { transport: 'udp', address, port });
  }

  #onResult(result: ParseResult, source: Flow): void {
    const user = this.#user;
    if (!user) return;
    if (!result.ok) {
      user.onMalformed(source, result.problem);
      if (result.answer) this.#answerMalformed(result.answer, result.problem, source);
      return;
    }
    const { message } = result;
    if (message.kind === 'request') stamp(message, source);
    try {
      user.onMessage(message, source);
    } catch (error) {
      this.#log.error({ err: error, callId: message.callId }, 'sip message made us fail');
    }
  }

  #answerMalformed(answer: Answerable, problem: string, source: Flow): void {
    const { request, code, via } = answer;
    const field = request.headers.get('via') ?? '';
    request.headers.set('via', stampVia(field, via, source.address, source.port));
    const reason = code === 505 ? 'Version Not Supported' : `Bad Request: ${problem}`;
    const response = buildResponse(request, { code, reason, toTag: null });
    sendReply(this, serialise(response), { via }, source, () => {});
  }
}

function sentByOf(options: NetworkOptions, port: number): string {
  const given = options.publicAddress ?? (isWildcard(options.host) ? ownAddress(options.host) : options.host);
  const hasPort = isIP(given) === 0 && /:\d+$/.test(given);
  return hasPort ? given : `${formatHost(given)}:${port}`;
}

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** The first address of ours that others can reach; loopback when there is none. */
function ownAddress(host: string): string {
  const family = host === '::' ? 'IPv6' : 'IPv4';
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = all.find((one) => one.family === family && !one.internal && !one.address.startsWith('fe80'));
  return found?.address ?? (host === '::' ? '::1' : '127.0.0.1');
}
