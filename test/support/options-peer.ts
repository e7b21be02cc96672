/** A SIP peer for OPTIONS alone, over UDP and TCP on one port: answers as told, asks for digest, or is silent. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { systemClock } from '../../shared/kernel/clock.ts';
import { DigestServer } from '../../worker/sip/digest.ts';
import { parseDatagram } from '../../worker/sip/message/parse.ts';
import type { Owner } from './suite.ts';

const REALM = 'carrier';

export interface OptionsPeer {
  readonly port: number;
  /** Requests that came. */
  asked: number;
}

/** `password`: of the user `anna`, who alone is answered then; `code` null: nobody is. */
export async function startOptionsPeer(
  owner: Owner,
  code: number | null,
  password: string | null = null,
): Promise<OptionsPeer> {
  const peer = { port: 0, asked: 0 };
  const digest = new DigestServer(systemClock);
  const answerTo = (bytes: Buffer): string | null => {
    peer.asked += 1;
    const { message } = parseDatagram(bytes) as { message: { headers: { all(name: string): string[] } } };
    if (code === null) return null;
    const copied = ['via', 'from', 'to', 'call-id', 'cseq'].map((name) => `${name}: ${message.headers.all(name)[0]}`);
    const given = message.headers.all('authorization');
    const isKnown = password === null || digest.verify(given, REALM, 'OPTIONS', () => password) === 'good';
    const challenges = isKnown ? [] : digest.challenge(REALM, false).map((value) => `WWW-Authenticate: ${value}`);
    const status = isKnown ? `${code} Answered` : '401 Unauthorized';
    return [`SIP/2.0 ${status}`, ...copied, ...challenges, 'Server: Peer', 'Content-Length: 0', '\r\n'].join('\r\n');
  };
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => socket.write(answerTo(bytes) ?? ''));
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  const address = tcp.address();
  peer.port = typeof address === 'object' && address !== null ? address.port : 0;
  const udp = createSocket('udp4');
  udp.on('message', (bytes, source) => {
    const answer = answerTo(bytes);
    if (answer !== null) udp.send(answer, source.port, source.address);
  });
  await new Promise<void>((resolve) => udp.bind(peer.port, '127.0.0.1', resolve));
  owner.after(() => new Promise<void>((resolve) => udp.close(() => resolve())));
  owner.after(() => new Promise<void>((resolve) => tcp.close(() => resolve())));
  return peer;
}
