/**
 * The telephone side of the benchmark, a process of its own: answers every call, sends numbered
 * frames at an even pace and measures when each comes back. One UDP socket serves many calls; they
 * are told apart by the port the answer comes from.
 */
import dgram from 'node:dgram';
import { systemClock } from '../shared/kernel/clock.ts';
import { silentLogger } from '../shared/kernel/log.ts';
import { openUserAgent } from '../worker/sip/user-agent.ts';
import { indifferent, pcmuAnswer } from './bare-phone.ts';
import { FRAME_BYTES, readFrame, writeFrame } from './frames.ts';

const HEADER_BYTES = 12;
const FRAME_MS = 20;
const PHASES = 10;
/** A frame that needs longer than this to come back counts as late (TARGETS: p99 ≤ 60 ms). */
const LATE_MS = 60;
const MAX_FRAMES = 50 * 600;

interface Caller {
  readonly index: number;
  readonly remotePort: number;
  readonly packet: Buffer;
  readonly sentAt: Float64Array;
  frame: number;
  sequence: number;
  returned: number;
  /** First and last frame that counts: the steady part of the run. */
  from: number;
  to: number;
}

const callers = new Map<number, Caller>();
const phases: Caller[][] = Array.from({ length: PHASES }, () => []);
let delays: number[] = [];
let late = 0;
let foreign = 0;
let measuring = false;

const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 8 << 20, sendBufferSize: 8 << 20 });
socket.on('message', receive);
await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
const mediaPort = socket.address().port;

const agent = await openUserAgent(
  { host: '127.0.0.1', port: 0, publicAddress: null, product: 'bench-caller' },
  {
    onInvite(invitation) {
      const remotePort = Number(/^m=audio (\d+)/m.exec(invitation.sdp ?? '')?.[1] ?? 0);
      invitation.accept(indifferent).answer(pcmuAnswer(mediaPort));
      addCaller(remotePort);
    },
  },
  systemClock,
  silentLogger,
);

function addCaller(remotePort: number): void {
  const index = callers.size;
  const packet = Buffer.alloc(HEADER_BYTES + FRAME_BYTES);
  packet[0] = 0x80;
  packet.writeUInt32BE(0x1000_0000 + index, 8);
  const caller: Caller = {
    index,
    remotePort,
    packet,
    sentAt: new Float64Array(MAX_FRAMES),
    frame: 0,
    sequence: 0,
    returned: 0,
    from: Number.POSITIVE_INFINITY,
    to: Number.POSITIVE_INFINITY,
  };
  callers.set(remotePort, caller);
  phases[index % PHASES]?.push(caller);
}

function send(caller: Caller, now: number): void {
  if (caller.frame >= MAX_FRAMES) return;
  caller.packet.writeUInt16BE(caller.sequence & 0xffff, 2);
  caller.packet.writeUInt32BE((caller.sequence * FRAME_BYTES) >>> 0, 4);
  writeFrame(caller.packet, HEADER_BYTES, caller.index, caller.frame);
  caller.sentAt[caller.frame] = now;
  caller.frame++;
  caller.sequence++;
  socket.send(caller.packet, caller.remotePort, '127.0.0.1');
}

function receive(packet: Buffer, source: dgram.RemoteInfo): void {
  const caller = callers.get(source.port);
  if (!caller) return;
  const frame = readFrame(packet, HEADER_BYTES, packet.length, caller.index);
  if (frame < 0) {
    if (measuring) foreign++;
    return;
  }
  if (frame < caller.from || frame >= caller.to) return;
  const delay = performance.now() - (caller.sentAt[frame] ?? 0);
  caller.returned++;
  delays.push(delay);
  if (delay > LATE_MS) late++;
}

/** One timer for all: each phase sends every 20 ms; a late turn catches up. */
const began = performance.now();
let turn = 0;
setInterval(() => {
  const due = Math.floor(((performance.now() - began) * PHASES) / FRAME_MS);
  for (; turn < due; turn++) {
    const now = performance.now();
    for (const caller of phases[turn % PHASES] ?? []) send(caller, now);
  }
}, 1);

process.on('message', (order: { kind: 'measure' | 'stop' }) => {
  if (order.kind === 'measure') {
    measuring = true;
    delays = [];
    late = 0;
    foreign = 0;
    for (const caller of callers.values()) {
      caller.from = caller.frame;
      caller.to = Number.POSITIVE_INFINITY;
      caller.returned = 0;
    }
    return;
  }
  measuring = false;
  for (const caller of callers.values()) caller.to = caller.frame;
  // What was sent may still come back.
  setTimeout(report, 500);
});

function report(): void {
  let sent = 0;
  let returned = 0;
  for (const caller of callers.values()) {
    sent += caller.to - caller.from;
    returned += caller.returned;
  }
  const sorted = Float64Array.from(delays).sort();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  process.send?.({
    kind: 'report',
    calls: callers.size,
    sent,
    lost: sent - returned,
    late,
    other: foreign,
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
  });
}

process.once('disconnect', () => {
  void agent.close(0).then(() => process.exit(0));
});
process.send?.({ kind: 'ready', port: agent.address.port });
