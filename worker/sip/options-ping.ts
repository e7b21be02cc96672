/**
 * One OPTIONS (RFC 3261 §11) to a peer, outside any user agent: does it answer, how soon, and does it take our
 * credentials. Sent again over UDP, which may lose it. For health checks and the doctor, never for calls.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Clock } from '../../shared/kernel/clock.ts';
import { Closers } from '../../shared/kernel/closers.ts';
import { DeadlineExceeded, withDeadline } from '../../shared/kernel/deadline.ts';
import { authorise, chooseChallenge } from './digest.ts';
import type { IncomingResponse } from './message/message.ts';
import { type ParseResult, parseDatagram } from './message/parse.ts';
import type { SipCredentials } from './sip-call.ts';
import type { Flow } from './transaction/wire.ts';
import { StreamFramer } from './transport/framing.ts';

export interface OptionsPing {
  readonly target: Flow;
  /** The Request-URI. */
  readonly uri: string;
  readonly credentials: SipCredentials | null;
  readonly clock: Clock;
  readonly withinMs: number;
}

export type Pinged =
  | {
      readonly kind: 'answered';
      readonly code: number;
      readonly reason: string;
      /** From the request to its answer; of the second one, when there was a challenge. */
      readonly ms: number;
      /** Of whoever answered, by its own account. */
      readonly product: string;
      readonly digest: 'not-asked' | 'accepted' | 'refused' | 'no-credentials';
    }
  | { readonly kind: 'silent' }
  /** Nobody listens there, or no way leads there: `ECONNREFUSED`, `ENETUNREACH` … */
  | { readonly kind: 'unreachable'; readonly code: string };

const AGAIN_MS = 500;

interface Line {
  readonly local: string;
  send(text: string): void;
}

interface Answer {
  readonly response: IncomingResponse;
  readonly ms: number;
}

/** Never rejects. */
export async function pingOptions(ping: OptionsPing): Promise<Pinged> {
  const closers = new Closers();
  try {
    return await withDeadline(ping.clock, ping.withinMs, 'OPTIONS', converse(ping, closers));
  } catch (error) {
    if (error instanceof DeadlineExceeded) return { kind: 'silent' };
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no way there';
    return { kind: 'unreachable', code };
  } finally {
    await closers.close();
  }
}

async function converse(ping: OptionsPing, closers: Closers): Promise<Pinged> {
  const { clock, target, uri, credentials } = ping;
  const hear = new Hearing();
  const line = target.transport === 'udp' ? await openUdp(target, hear, closers) : await openTcp(target, hear, closers);
  const callId = randomBytes(12).toString('hex');
  const ask = async (number: number, authorization: string): Promise<Answer> => {
    const text = optionsText({ ping, local: line.local, callId, number, authorization });
    const began = clock.monotonic();
    const send = (): void => {
      line.send(text);
      if (target.transport === 'udp') again = clock.after(AGAIN_MS, send);
    };
    let again = clock.after(0, send);
    closers.push(() => again.cancel());
    const response = await hear.answer(callId, number);
    again.cancel();
    return { response, ms: clock.monotonic() - began };
  };
  const first = await ask(1, '');
  const { status, headers } = first.response;
  if (status !== 401 && status !== 407) return answered(first, 'not-asked');
  const [asking, answering] = status === 401 ? ['www-authenticate', 'Authorization'] : proxyHeaders;
  const challenge = chooseChallenge(headers.all(asking));
  if (credentials === null || challenge === null) return answered(first, 'no-credentials');
  const value = authorise(credentials, challenge, { method: 'OPTIONS', uri }, 1, randomBytes(8).toString('hex'));
  const second = await ask(2, `${answering}: ${value}\r\n`);
  return answered(second, [401, 403, 407].includes(second.response.status) ? 'refused' : 'accepted');
}

const proxyHeaders = ['proxy-authenticate', 'Proxy-Authorization'] as const;

function answered({ response, ms }: Answer, digest: Extract<Pinged, { kind: 'answered' }>['digest']): Pinged {
  const { status: code, reason, headers } = response;
  const product = headers.get('server') ?? headers.get('user-agent') ?? '';
  return { kind: 'answered', code, reason, ms, product, digest };
}

/** Final answers to our requests, whoever waits for them. */
class Hearing {
  readonly #waiting = new Map<string, (response: IncomingResponse) => void>();
  #fail: (error: Error) => void = () => {};
  readonly #failed = new Promise<never>((_resolve, reject) => {
    this.#fail = reject;
  });

  constructor() {
    // A failure after the last answer is nobody's.
    this.#failed.catch(() => {});
  }

  answer(callId: string, number: number): Promise<IncomingResponse> {
    const answer = new Promise<IncomingResponse>((resolve) => this.#waiting.set(`${callId} ${number}`, resolve));
    return Promise.race([answer, this.#failed]);
  }

  heard(result: ParseResult): void {
    if (!result.ok || result.message.kind !== 'response' || result.message.status < 200) return;
    const { callId, cseq } = result.message;
    this.#waiting.get(`${callId} ${cseq.number}`)?.(result.message);
  }

  failed(error: Error): void {
    this.#fail(error);
  }
}

/** Connected, so that a port nobody listens on is told at once (ICMP) instead of after the deadline. */
async function openUdp({ address, port }: Flow, hear: Hearing, closers: Closers): Promise<Line> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  closers.push(() => void socket.close());
  socket.on('message', (bytes) => hear.heard(parseDatagram(bytes)));
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(port, address, () => resolve());
  });
  socket.removeAllListeners('error').on('error', (error) => hear.failed(error));
  const own = socket.address();
  return { local: spelt(own.address, own.port), send: (text) => socket.send(text) };
}

async function openTcp({ address, port }: Flow, hear: Hearing, closers: Closers): Promise<Line> {
  const socket = connect(port, address);
  closers.push(() => void socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => resolve());
  });
  const framer = new StreamFramer({
    onMessage: (result) => hear.heard(result),
    onPing: () => {},
    onBroken: (problem) => hear.failed(new Error(problem)),
  });
  socket.removeAllListeners('error').on('error', (error) => hear.failed(error));
  socket.on('data', (chunk) => framer.push(chunk));
  return {
    local: spelt(socket.localAddress ?? '', socket.localPort ?? 0),
    send: (text) => void socket.write(text),
  };
}

interface OptionsText {
  readonly ping: OptionsPing;
  readonly local: string;
  readonly callId: string;
  readonly number: number;
  /** A header line, or nothing. */
  readonly authorization: string;
}

function optionsText({ ping, local, callId, number, authorization }: OptionsText): string {
  const { uri, target } = ping;
  return [
    `OPTIONS ${uri} SIP/2.0`,
    `Via: SIP/2.0/${target.transport.toUpperCase()} ${local};branch=z9hG4bK${callId}${number};rport`,
    'Max-Forwards: 70',
    `From: <sip:probe@${local}>;tag=${callId}`,
    `To: <${uri}>`,
    `Call-ID: ${callId}`,
    `CSeq: ${number} OPTIONS`,
    `Contact: <sip:probe@${local}>`,
    `${authorization}Accept: application/sdp`,
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');
}

const spelt = (host: string, port: number): string => `${isIPv6(host) ? `[${host}]` : host}:${port}`;
