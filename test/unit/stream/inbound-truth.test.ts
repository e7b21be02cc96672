/** AC-93: whatever RTP does, a stream gets one frame a beat, and time stamps that are the samples before them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { codecs } from '../../../worker/leg/codecs.ts';
import { InboundSound } from '../../../worker/leg/inbound-sound.ts';
import type { AudioName } from '../../../worker/leg/sdp.ts';
import { JitterBuffer } from '../../../worker/rtp/jitter.ts';
import { newRtpHeader } from '../../../worker/rtp/packet.ts';
import { heardAt, sine, toneLevel } from '../../support/tone.ts';
import { twilio, World } from './world.ts';

const TEN_SECONDS = 500;
const PER_BYTE_MS = 8;

interface Packet {
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payloadType: number;
  readonly payload: Uint8Array;
  readonly atMs: number;
}

/** A word of 700 Hz from `from` to `to`, in ms of the call; silence around it. */
interface Word {
  readonly from: number;
  readonly to: number;
}

const words: readonly Word[] = [
  { from: 1000, to: 3000 },
  { from: 7000, to: 9000 },
];

const isSpoken = (ms: number): boolean => words.some(({ from, to }) => ms >= from && ms < to);

/** What a phone sends in ten seconds: the two words, silence coded like sound, arriving a little into each period. */
function steady(ptimeMs = 20, name: AudioName = 'PCMU'): Packet[] {
  const { rate, payloadType, newEncoder } = codecs[name];
  const tone = sine(700, 10_000, rate);
  for (let at = 0; at < tone.length; at++) if (!isSpoken((at * 1000) / rate)) tone[at] = 0;
  const encoder = newEncoder();
  return Array.from({ length: Math.floor(10_000 / ptimeMs) }, (_, index) => {
    const payload = new Uint8Array(ptimeMs * PER_BYTE_MS);
    const samples = (ptimeMs * rate) / 1000;
    encoder.encode(tone.subarray(index * samples, (index + 1) * samples), payload);
    const timestamp = (4_294_960_000 + index * ptimeMs * PER_BYTE_MS) >>> 0;
    return { sequence: (65_000 + index) & 0xffff, timestamp, ssrc: 1, payloadType, payload, atMs: index * ptimeMs + 4 };
  });
}

/** A small generator of its own, so that a failure can be looked at again. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state / 0x7fff_ffff;
  };
}

const startOf = (packet: Packet, first: number): number => ((packet.timestamp - first) >>> 0) / PER_BYTE_MS;

const silentAt = (packet: Packet): boolean => !isSpoken(startOf(packet, 4_294_960_000));

interface Heard {
  readonly samples: Int16Array;
  readonly timestamps: number[];
}

/** Runs the packets through jitter buffer, decoder and stream; `heldMs` is when the far end has us on hold. */
function hear(packets: readonly Packet[], heldMs: readonly [number, number] = [-1, -1], beats = TEN_SECONDS): Heard {
  const queue = packets.toSorted((one, other) => one.atMs - other.atMs);
  const wide = packets.length > 0 && packets.every(({ payloadType }) => payloadType === 9 || payloadType === 13);
  const rate = wide ? 16_000 : 8000;
  const sound = new InboundSound(rate, () => {});
  const jitter = new JitterBuffer({ isQuiet: (payload, type) => sound.isQuiet(payload, type) });
  sound.listenFor(
    new Map([
      [0, 'PCMU'],
      [8, 'PCMA'],
      [9, 'G722'],
    ]),
    jitter.payload,
    false,
  );
  const mediaFormat = { encoding: 'audio/L16', sampleRate: rate, channels: 1 } as const;
  const world = new World({ mediaFormat }, { rate }).open();
  const header = newRtpHeader();
  let next = 0;
  for (let beat = 0; beat < beats; beat++) {
    for (let packet = queue[next]; packet && packet.atMs <= beat * 20; packet = queue[++next]) {
      const { sequence, timestamp, ssrc, payloadType, payload } = packet;
      Object.assign(header, { sequence, timestamp, ssrc, payloadType, payloadStart: 0, payloadEnd: payload.length });
      jitter.put(header, payload, packet.atMs);
    }
    const received = jitter.pop(beat * 20);
    const held = beat * 20 >= heldMs[0] && beat * 20 < heldMs[1];
    world.beats(1, held ? sound.silence() : sound.frame(received, jitter));
  }
  sound.close();
  const media = world.connection.of('media').map((message) => message.media);
  const bytes = Buffer.concat(media.map(({ payload }) => Buffer.from(payload, 'base64')));
  const heard = {
    samples: Int16Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readInt16LE(at * 2)),
    timestamps: media.map(({ timestamp }) => Number(timestamp)),
  };
  assertContinuous(heard, beats, rate);
  return heard;
}

/** Fifty frames a second, and each stamped with the time of the samples before it. */
function assertContinuous({ samples, timestamps }: Heard, beats: number, rate: number): void {
  assert.equal(timestamps.length, beats);
  assert.deepEqual(
    timestamps,
    Array.from({ length: beats }, (_, beat) => beat * 20),
  );
  assert.equal((samples.length * 1000) / rate, beats * 20);
}

/** Both words are where they were said, later by at most the longest delay. */
function assertWords({ samples }: Heard, rate = 8000): void {
  for (const { from, to } of words) {
    const word = samples.subarray(((from + 400) * rate) / 1000, ((to - 100) * rate) / 1000);
    assert.ok(toneLevel(word, 700, rate) > 0.25, `${toneLevel(word, 700, rate)} between ${from} and ${to}`);
  }
  for (const { fromMs, toMs } of heardAt(samples, 700, rate, 0.5)) {
    const said = words.some(({ from, to }) => fromMs >= from && toMs <= to + 280);
    assert.ok(said, `heard from ${fromMs} to ${toMs}`);
  }
}

const random = dice(42);

/** What a network, or a phone, does to the packets. */
const fates: Readonly<Record<string, (packets: Packet[]) => Packet[]>> = {
  'loses 30 %': (packets) => packets.filter(() => random() >= 0.3),
  'loses three in a row now and then': (packets) => packets.filter((_, index) => index % 20 > 2),
  'delays each by up to 60 ms, so that many overtake': (packets) =>
    packets.map((packet) => ({ ...packet, atMs: packet.atMs + random() * 60 })),
  'sends each twice': (packets) => packets.flatMap((packet) => [packet, { ...packet, atMs: packet.atMs + 9 }]),
  'loses, delays and doubles': (packets) =>
    packets.flatMap((packet) => {
      const late = { ...packet, atMs: packet.atMs + random() * 50 };
      return random() < 0.15 ? [] : random() < 0.2 ? [late, packet] : [late];
    }),
  'is silent without packets (DTX)': (packets) => packets.filter((packet) => !silentAt(packet)),
  'is silent with comfort noise': (packets) =>
    packets
      .filter((packet, index) => !silentAt(packet) || index % 10 === 0)
      .map((packet) => (silentAt(packet) ? { ...packet, payloadType: 13, payload: Uint8Array.of(60) } : packet)),
  'is another SSRC from the middle on': (packets) =>
    packets.map((packet, index) =>
      index < packets.length / 2
        ? packet
        : {
            ...packet,
            ssrc: 2,
            sequence: (packet.sequence + 30_000) & 0xffff,
            timestamp: (packet.timestamp + 12_345) >>> 0,
          },
    ),
  'jumps in its timestamps': (packets) =>
    packets.map((packet, index) =>
      index < packets.length / 2 ? packet : { ...packet, timestamp: (packet.timestamp + 1_000_000_000) >>> 0 },
    ),
  'starts its sequence anew': (packets) =>
    packets.map((packet, index) => (index < packets.length / 2 ? packet : { ...packet, sequence: index & 0xffff })),
  'comes 700 ms late for the first time': (packets) => packets.filter(({ atMs }) => atMs > 700),
};

describe('a stream of what RTP brings (AC-93)', () => {
  for (const ptimeMs of [10, 20, 30, 40, 60]) {
    it(`packets of ${ptimeMs} ms`, () => assertWords(hear(steady(ptimeMs))));

    for (const [name, fate] of Object.entries(fates)) {
      if (name === 'loses 30 %' && ptimeMs > 30) continue;
      it(`packets of ${ptimeMs} ms, and the far end or its network ${name}`, () => {
        assertWords(hear(fate(steady(ptimeMs))));
      });
    }
  }

  for (const name of ['PCMA', 'G722'] as const) {
    for (const [fateName, fate] of Object.entries(fates)) {
      it(`${name}, and the far end or its network ${fateName}`, () => {
        assertWords(hear(fate(steady(20, name))), codecs[name].rate);
      });
    }
  }

  it('nothing ever comes', () => {
    const { samples } = hear([]);
    assert.ok(samples.every((sample) => sample === 0));
  });

  it('on hold: silence, in time, and sound again behind it', () => {
    const heard = hear(steady(), [2000, 6000]);
    assert.ok(heard.samples.subarray(2000 * 8, 6000 * 8).every((sample) => sample === 0));
    assert.ok(toneLevel(heard.samples.subarray(1200 * 8, 1900 * 8), 700, 8000) > 0.4);
    assert.ok(toneLevel(heard.samples.subarray(7200 * 8, 8900 * 8), 700, 8000) > 0.4);
  });

  it('on hold without packets for five seconds', () => {
    const packets = steady().filter(({ atMs }) => atMs < 1800 || atMs > 6800);
    const heard = hear(packets, [1800, 6800]);
    assert.ok(toneLevel(heard.samples.subarray(7200 * 8, 8900 * 8), 700, 8000) > 0.4);
  });

  it('the codec changes in mid-call, packet by packet', () => {
    const mulaw = steady(20, 'PCMU');
    assertWords(hear(steady(20, 'PCMA').map((packet, index) => (index % 2 === 0 ? packet : (mulaw[index] ?? packet)))));
  });

  it('any packets at all', () => {
    const packet = fc.record({
      sequence: fc.nat(0xffff),
      timestamp: fc.nat(0xffffffff),
      ssrc: fc.nat(2),
      payloadType: fc.constantFrom(0, 8, 9, 13),
      payload: fc.uint8Array({ maxLength: 600 }),
      atMs: fc.nat(4000),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 150 }), (packets) => {
        hear(packets, [-1, -1], 200);
      }),
      { numRuns: 60 },
    );
  });

  it('each track of a Twilio stream has its own fifty a second', () => {
    const world = new World({ ...twilio, track: 'both' }).open().beats(200);
    for (const track of ['inbound', 'outbound']) {
      const stamps = world.connection.of('media').filter(({ media }) => media.track === track);
      assert.deepEqual(
        stamps.map(({ media }) => Number(media.timestamp)),
        Array.from({ length: 200 }, (_, beat) => beat * 20),
      );
    }
  });
});

describe('first words', () => {
  /** The caller says a word in the first 400 ms; the socket opens later. */
  const lateBy = (beats: number): { samples: Int16Array; stamps: number[] } => {
    const world = new World();
    const word = sine(700, 400, 8000);
    for (let beat = 0; beat < beats + 10; beat++) {
      if (beat === beats) world.open();
      world.beats(1, beat < 20 ? { samples: word.subarray(beat * 160, (beat + 1) * 160) } : {});
    }
    const media = world.connection.of('media').map((message) => message.media);
    const bytes = Buffer.concat(media.map(({ payload }) => Buffer.from(payload, 'base64')));
    return {
      samples: Int16Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readInt16LE(at * 2)),
      stamps: media.map(({ timestamp }) => Number(timestamp)),
    };
  };

  for (const ms of [0, 20, 200, 1000, 2000]) {
    it(`are not clipped when the socket opens after ${ms} ms`, () => {
      const { samples, stamps } = lateBy(ms / 20);
      assert.deepEqual(
        stamps,
        Array.from({ length: ms / 20 + 10 }, (_, beat) => beat * 20),
      );
      const spoken = Math.min(400, ms + 200);
      assert.deepEqual(samples.subarray(0, spoken * 8), sine(700, 400, 8000).subarray(0, spoken * 8));
    });
  }

  it('are kept for two seconds and no longer: what follows has its true time', () => {
    const { stamps } = lateBy(150);
    assert.equal(stamps[0], 1000);
    assert.equal(stamps.length, 110);
  });
});
