/** Whatever arrives on an RTP port: a frame for every beat, sound again as soon as there is some, and nothing kept. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { newRtpHeader, readRtp, writeRtpHeader } from '../../worker/rtp/packet.ts';
import { PortPool } from '../../worker/rtp/ports.ts';
import { readReport } from '../../worker/rtp/rtcp.ts';
import { RtpSession } from '../../worker/rtp/session.ts';
import { DigitReceiver } from '../../worker/rtp/telephone-event.ts';
import { ManualClock } from '../support/clock.ts';
import { Dice, heapInUse, rounds } from '../support/dice.ts';
import { RtpProbe } from '../support/rtp-probe.ts';
import { Stopwatch } from '../support/stopwatch.ts';

const MIB = 2 ** 20;
const BEATS = 1_500;

function packet(dice: Dice, sequence: number, payloadType: number, payload: Uint8Array, ssrc = 1): Buffer {
  const bytes = Buffer.alloc(12 + payload.length);
  writeRtpHeader(bytes, dice.chance(0.1), payloadType, sequence & 0xffff, (sequence * 160) >>> 0, ssrc);
  bytes.set(payload, 12);
  return bytes;
}

/** Nearly RTP, nearly RTCP, or neither. */
function datagram(dice: Dice, sequence: number): Buffer {
  const payload = dice.bytes(dice.pick([0, 1, 4, 80, 160, 240, 480, 1_400]));
  const good = packet(
    dice,
    sequence + dice.pick([0, 1, -1, 7, -200, 30_000]),
    dice.pick([0, 8, 13, 101, 96, 127]),
    payload,
    dice.below(3),
  );
  switch (dice.below(4)) {
    case 0:
      return dice.bytes(dice.below(300));
    case 1:
      return dice.spoil(good, 4);
    case 2:
      return Buffer.concat([
        Buffer.from([0x80 | dice.below(32), 200 + dice.below(6), 0, dice.below(20)]),
        dice.bytes(dice.below(200)),
      ]);
    default:
      return good;
  }
}

it('the readers of packets take any bytes', async () => {
  const watch = new Stopwatch();
  for (const round of rounds(30)) await watch.round(() => readPackets(new Dice(6, round), watch));
});

function readPackets(dice: Dice, watch: Stopwatch): void {
  const header = newRtpHeader();
  const digits = new DigitReceiver(() => {});
  const read = (bytes: Buffer, at: number): void => {
    if (readRtp(bytes, header)) {
      assert.ok(header.payloadStart <= header.payloadEnd && header.payloadEnd <= bytes.length);
      digits.put(
        header.ssrc,
        header.marker,
        header.timestamp,
        bytes.subarray(header.payloadStart, header.payloadEnd),
        at,
      );
    }
    readReport(bytes, 1, at);
    if (at % 10 === 0) digits.beat(at);
  };
  for (let at = 0; at < 1_000; at++) {
    const bytes = datagram(dice, at);
    watch.time(`${bytes.length} bytes`, () => read(bytes, at));
  }
}

it('a session answers every beat, whatever comes, and hears the caller when that is over', async () => {
  const watch = new Stopwatch();
  for (const round of rounds(1)) await watch.round(() => attackSession(new Dice(7, round), watch));
});

/** Half a minute of a call. */
async function attackSession(dice: Dice, watch: Stopwatch): Promise<void> {
  const clock = new ManualClock();
  const far = await RtpProbe.open();
  const session = await RtpSession.open(
    {
      host: '127.0.0.1',
      ports: new PortPool({ low: 42_000, high: 48_999 }, clock),
      clock,
      frameBytes: 160,
      jitter: {},
      onSocketError: (error) => assert.fail(error),
    },
    { onDigit: () => {}, onMoved: () => {} },
  );
  try {
    session.expect({ audio: [0, 8], telephoneEvent: { receive: 101, send: 101, clockRate: 8000 } });
    session.connect(far.address, null);
    let before = 0;
    for (let beat = 0; beat < BEATS; beat++) {
      if (beat === BEATS >> 1) before = heapInUse();
      for (let left = dice.below(4); left > 0; left--) await far.sendRaw(session.port, datagram(dice, beat));
      if (beat % 5 === 0) await setImmediate();
      clock.advance(20);
      const frame = watch.time('a beat', () => session.receive());
      assert.ok(['audio', 'partial', 'lost', 'silence'].includes(frame.kind));
      assert.equal(frame.payload.length, 160);
    }
    const grown = heapInUse() - before;
    assert.ok(grown < 8 * MIB, `${Math.round(grown / MIB)} MiB more`);
    assert.ok(await isHeard(session, far, clock, dice));
  } finally {
    session.close();
    far.close();
  }
}

/** A caller who speaks after all that. */
async function isHeard(session: RtpSession, far: RtpProbe, clock: ManualClock, dice: Dice): Promise<boolean> {
  const sound = new Uint8Array(160).fill(0x2a);
  for (let beat = 0; beat < 200; beat++) {
    await far.sendRaw(session.port, packet(dice, 40_000 + beat, 0, sound, 99));
    await setImmediate();
    clock.advance(20);
    const frame = session.receive();
    if (frame.kind === 'audio' && frame.payload.every((byte) => byte === 0x2a)) return true;
  }
  return false;
}
