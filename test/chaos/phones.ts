/**
 * The telephone side of the chaos run, a process of its own: one SIP address, a UDP socket for each
 * call, nothing clever. It sends sound at an even pace and writes down what reaches it: from which
 * source each packet came, and how long it heard nothing. Ordered about by `peer.ts` over IPC.
 */
import dgram from 'node:dgram';
import { pcmuAnswer } from '../../bench/bare-phone.ts';
import { systemClock } from '../../shared/kernel/clock.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import type { SipCall, SipCallDelegate, SipInvitation } from '../../worker/sip/sip-call.ts';
import { openUserAgent } from '../../worker/sip/user-agent.ts';
import { Dice } from '../support/dice.ts';
import { Hearing } from './hearing.ts';
import type { LineReport, PhoneOrder, PhoneReply } from './phone-orders.ts';

const FRAME_MS = 20;
const FRAME_BYTES = 160;
const HEADER_BYTES = 12;
const PHASES = 10;

/** One call at the phone; named by the number it has there. */
interface Line {
  readonly number: string;
  readonly socket: dgram.Socket;
  readonly hearing: Hearing;
  readonly packet: Buffer;
  readonly ssrc: number;
  sip: SipCall | null;
  remote: { readonly address: string; readonly port: number } | null;
  sequence: number;
  state: 'new' | 'ringing' | 'up' | 'ended';
  dialogs: number;
  reoffers: number;
  byes: number;
  failed: number | null;
}

const lines = new Map<string, Line>();
const phases: Line[][] = Array.from({ length: PHASES }, () => []);
/** How long a called number rings before it answers; by default at once, negative for never. */
const ringing = new Map<string, number>();

const agent = await openUserAgent(
  { host: '127.0.0.1', port: 0, publicAddress: null, product: 'chaos-phone' },
  { onInvite: (invitation) => void take(invitation) },
  systemClock,
  silentLogger,
);

async function take(invitation: SipInvitation): Promise<void> {
  const number = `+${(invitation.requestUri.user ?? '').replace(/\D/g, '')}`;
  const line = lines.get(number) ?? (await openLine(number));
  line.dialogs += 1;
  line.state = 'ringing';
  line.sip = invitation.accept(delegateOf(line));
  line.sip.ring(180, null);
  const offer = invitation.sdp ?? '';
  const answer = (): void => {
    if (line.state !== 'ringing') return;
    line.state = 'up';
    line.remote = remoteOf(offer);
    line.hearing.begin();
    line.sip?.answer(pcmuAnswer(line.socket.address().port));
  };
  const afterMs = ringing.get(number) ?? 0;
  if (afterMs === 0) answer();
  else if (afterMs > 0) setTimeout(answer, afterMs);
}

async function openLine(number: string): Promise<Line> {
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const index = lines.size;
  const packet = Buffer.alloc(HEADER_BYTES + FRAME_BYTES, 0x55);
  packet[0] = 0x80;
  packet[1] = 0; // PCMU
  const hearing = new Hearing();
  const ssrc = 0x2000_0000 + index;
  packet.writeUInt32BE(ssrc, 8);
  // A square wave: loud enough to be told from silence at the other end.
  for (let at = 0; at < FRAME_BYTES; at++) packet[HEADER_BYTES + at] = (at >> 2) % 2 === 0 ? 0x10 : 0x90;
  const line: Line = {
    number,
    socket,
    hearing,
    packet,
    ssrc,
    sip: null,
    remote: null,
    sequence: 0,
    state: 'new',
    dialogs: 0,
    reoffers: 0,
    byes: 0,
    failed: null,
  };
  socket.on('message', (data, source) => hearing.packet(`${source.address}:${source.port}`, data, performance.now()));
  lines.set(number, line);
  phases[index % PHASES]?.push(line);
  return line;
}

function delegateOf(line: Line): SipCallDelegate {
  const end = (): void => {
    line.state = 'ended';
    line.remote = null;
    line.hearing.end();
  };
  return {
    onProgress() {
      if (line.state === 'new') line.state = 'ringing';
    },
    onAnswered(sdp) {
      line.state = 'up';
      line.remote = remoteOf(sdp ?? '');
      line.hearing.begin();
    },
    onFailed(code) {
      line.failed = code;
      end();
    },
    onAcked() {},
    onEnded(by) {
      if (by === 'bye') line.byes += 1;
      end();
    },
    onReoffer(sdp) {
      line.reoffers += 1;
      if (sdp !== null) line.remote = remoteOf(sdp);
      line.sip?.answerReoffer(pcmuAnswer(line.socket.address().port));
    },
    onReofferOver() {},
    onReanswered() {},
    onReofferFailed() {},
    onInfo() {},
    onData() {},
  };
}

function send(line: Line): void {
  const { packet, remote, socket } = line;
  if (remote === null || remote.port === 0) return;
  packet.writeUInt16BE(line.sequence & 0xffff, 2);
  packet.writeUInt32BE((line.sequence * FRAME_BYTES) >>> 0, 4);
  line.sequence += 1;
  if (weather === null) {
    socket.send(packet, remote.port, remote.address);
    return;
  }
  const { dice, loss, jitterMs } = weather;
  const isLost = dice.chance(loss);
  const lateMs = jitterMs * dice.fraction();
  if (isLost) return;
  const copy = Buffer.from(packet);
  // Later ones overtake it: jitter is reordering.
  setTimeout(() => {
    if (line.remote !== null) socket.send(copy, remote.port, remote.address);
  }, lateMs);
}

/** Where a description wants its sound; null when it has none. */
function remoteOf(sdp: string): Line['remote'] {
  const port = Number(/^m=audio (\d+)/m.exec(sdp)?.[1] ?? 0);
  const address = /^c=IN IP4 (\S+)/m.exec(sdp)?.[1];
  return port === 0 || address === undefined ? null : { address, port };
}

/** What the network does to sound; null when it is a good one. */
let weather: { readonly dice: Dice; readonly loss: number; readonly jitterMs: number } | null = null;
let heldUntil = 0;

/** One timer for all; a late turn catches up. */
const began = performance.now();
let turn = 0;
setInterval(() => {
  if (performance.now() < heldUntil) return;
  const due = Math.floor(((performance.now() - began) * PHASES) / FRAME_MS);
  for (; turn < due; turn++) for (const line of phases[turn % PHASES] ?? []) send(line);
}, 2);

async function dial(number: string, to: string): Promise<void> {
  const line = await openLine(number);
  line.dialogs += 1;
  line.sip = agent.dial(
    {
      uri: to,
      from: { uri: `sip:${number}@127.0.0.1`, displayName: null },
      via: null,
      transport: 'udp',
      credentials: null,
      headers: {},
      sdp: pcmuAnswer(line.socket.address().port),
      ringTimeoutMs: 60_000,
    },
    delegateOf(line),
  );
}

function reportOf(line: Line): LineReport {
  const { number, state, dialogs, reoffers, byes, failed } = line;
  return { number, state, dialogs, reoffers, byes, failed, ...line.hearing.report(performance.now()) };
}

async function obey(order: PhoneOrder): Promise<PhoneReply> {
  switch (order.kind) {
    case 'dial':
      await dial(order.number, order.to);
      return { kind: 'done' };
    case 'ring-for':
      ringing.set(order.number, order.ms);
      return { kind: 'done' };
    case 'hang-up': {
      const line = lines.get(order.number);
      line?.sip?.hangup();
      if (line) {
        line.state = 'ended';
        line.remote = null;
        line.hearing.end();
      }
      return { kind: 'done' };
    }
    case 'hold':
      heldUntil = performance.now() + order.ms;
      return { kind: 'done' };
    case 'weather': {
      const { loss, jitterMs, seed } = order;
      weather = loss === 0 && jitterMs === 0 ? null : { dice: new Dice(seed), loss, jitterMs };
      return { kind: 'done' };
    }
    case 'drop':
      drop(order.number);
      return { kind: 'done' };
    case 'mark':
      for (const line of lines.values()) line.hearing.mark(performance.now());
      return { kind: 'done' };
    case 'poison': {
      const line = lines.get(order.number);
      if (line?.remote) line.socket.send(poisoned(line, order.word), line.remote.port, line.remote.address);
      return { kind: 'done' };
    }
    case 'report':
      return { kind: 'lines', lines: [...lines.values()].map(reportOf) };
    case 'forget':
      for (const line of lines.values()) line.socket.close();
      lines.clear();
      ringing.clear();
      for (const phase of phases) phase.length = 0;
      return { kind: 'done' };
  }
}

function drop(number: string): void {
  const line = lines.get(number);
  if (!line) return;
  line.sip?.hangup();
  line.remote = null;
  line.socket.close();
  lines.delete(number);
  for (const phase of phases) if (phase.includes(line)) phase.splice(phase.indexOf(line), 1);
}

/** The packet that would be next, with a word in it that the injected bug (`inject.ts`) looks for. */
function poisoned(line: Line, word: string): Buffer {
  const packet = Buffer.from(line.packet);
  packet.write(word, HEADER_BYTES, 'latin1');
  return packet;
}

process.on('message', ({ id, order }: { id: number; order: PhoneOrder }) => {
  void obey(order).then((reply) => process.send?.({ id, reply }));
});
process.once('disconnect', () => process.exit(0));
process.send?.({ id: 0, reply: { kind: 'ready', port: agent.address.port } satisfies PhoneReply });
