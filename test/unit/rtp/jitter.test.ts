import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { JitterBuffer } from '../../../worker/rtp/jitter.ts';
import { newRtpHeader } from '../../../worker/rtp/packet.ts';

interface Packet {
  readonly sequence: number;
  readonly timestamp: number;
  readonly atMs: number;
  readonly payload: Uint8Array;
  readonly ssrc?: number;
  readonly payloadType?: number;
}

/** The byte at a sample position of the test signal: tells where a frame came from. */
const byteAt = (sample: number): number => (Math.floor(sample / 160) % 199) + 1;

const payloadOf = (fromSample: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => byteAt(fromSample + index));

/** A steady sender: `count` packets of `ptimeMs`, arriving `arrivalMs` into their period. */
function steady(
  count: number,
  ptimeMs = 20,
  arrivalMs = 5,
  firstSequence = 65_530,
  firstTimestamp = 4_294_966_000,
): Packet[] {
  const samples = ptimeMs * 8;
  return Array.from({ length: count }, (_, index) => ({
    sequence: (firstSequence + index) & 0xffff,
    timestamp: (firstTimestamp + index * samples) >>> 0,
    atMs: index * ptimeMs + arrivalMs,
    payload: payloadOf(index * samples, samples),
  }));
}

interface Heard {
  readonly kind: string;
  readonly bytes: Uint8Array;
}

/** Runs `beats` beats at 0, 20, 40 … ms with the packets arriving between them; `after` is told of each. */
function run(
  jitter: JitterBuffer,
  packets: readonly Packet[],
  beats: number,
  after: (beat: number) => void = () => {},
): Heard[] {
  const queue = [...packets].sort((one, other) => one.atMs - other.atMs);
  const header = newRtpHeader();
  const heard: Heard[] = [];
  for (let beat = 0; beat < beats; beat++) {
    while (queue[0] !== undefined && queue[0].atMs <= beat * 20) {
      const packet = queue.shift();
      if (packet === undefined) break;
      header.sequence = packet.sequence;
      header.timestamp = packet.timestamp;
      header.ssrc = packet.ssrc ?? 1;
      header.payloadType = packet.payloadType ?? 0;
      header.payloadStart = 0;
      header.payloadEnd = packet.payload.length;
      jitter.put(header, packet.payload, packet.atMs);
    }
    const frame = jitter.pop(beat * 20);
    heard.push({ kind: frame.kind, bytes: frame.payload.slice() });
    after(beat);
  }
  return heard;
}

const audio = (heard: readonly Heard[]): number[] =>
  heard.filter(({ kind }) => kind === 'audio').map(({ bytes }) => bytes[0] ?? 0);

const expected = (frames: number): number[] => Array.from({ length: frames }, (_, index) => byteAt(index * 160));

describe('jitter buffer', () => {
  for (const ptimeMs of [10, 20, 30, 40, 60]) {
    it(`gives one whole frame a beat from ${ptimeMs} ms packets, over both wraps`, () => {
      const jitter = new JitterBuffer({ calmMs: 60_000 });
      const heard = run(jitter, steady(6000 / ptimeMs, ptimeMs), 290);
      const sound = audio(heard);
      assert.deepEqual(sound, expected(300).slice(0, sound.length));
      assert.equal(jitter.counters.lostFrames, 0);
      assert.equal(jitter.counters.jumps, 0);
      assert.ok(sound.length >= 280, `${sound.length} frames`);
    });
  }

  it('plays everything exactly once and in order while the delay is right', () => {
    const jitter = new JitterBuffer({ startMs: 20 });
    const heard = run(jitter, steady(200, 20, 15), 210);
    assert.deepEqual(audio(heard), expected(200));
    assert.equal(jitter.counters.skipped, 0);
  });

  it('puts reordered packets back and drops duplicates', () => {
    const packets = steady(50, 20, 5).map((packet, index) =>
      index % 5 === 2 ? { ...packet, atMs: packet.atMs + 22 } : packet,
    );
    const jitter = new JitterBuffer();
    const heard = run(jitter, [...packets, ...packets.map((packet) => ({ ...packet, atMs: packet.atMs + 1 }))], 60);
    assert.deepEqual(audio(heard), expected(50));
    assert.equal(jitter.counters.reordered, 10);
    assert.equal(jitter.counters.duplicates, 50);
    assert.equal(jitter.counters.late, 0);
  });

  it('says where a frame is missing, and goes on in time behind it', () => {
    const packets = steady(50).filter((_, index) => index !== 20 && index !== 21);
    const jitter = new JitterBuffer();
    const heard = run(jitter, packets, 45);
    const first = heard.findIndex(({ kind }) => kind === 'audio');
    assert.deepEqual(
      heard.slice(first + 19, first + 23).map(({ kind }) => kind),
      ['audio', 'lost', 'lost', 'audio'],
    );
    assert.equal(heard[first + 22]?.bytes[0], byteAt(22 * 160));
    assert.equal(jitter.counters.lostFrames, 2);
  });

  it('gives what there is of a frame that is half lost', () => {
    const packets = steady(100, 10).filter((_, index) => index !== 41);
    const heard = run(new JitterBuffer(), packets, 45);
    assert.equal(heard.filter(({ kind }) => kind === 'partial').length, 1);
  });

  it('rides out a stall by growing, and comes back down when it is calm', () => {
    const packets = steady(1000).map((packet, index) =>
      index >= 100 && index < 108 ? { ...packet, atMs: 108 * 20 + 6 } : packet,
    );
    const jitter = new JitterBuffer();
    const beforeStall = run(jitter, packets.slice(0, 100), 100);
    assert.equal(beforeStall.length, 100);
    let peakMs = 0;
    let lastMs = 0;
    const rest = packets.slice(100).map((packet) => ({ ...packet, atMs: packet.atMs - 2000 }));
    const queue = [...rest];
    const header = newRtpHeader();
    const sound: number[] = [];
    for (let beat = 0; beat < 880; beat++) {
      while (queue[0] !== undefined && queue[0].atMs <= beat * 20) {
        const packet = queue.shift();
        if (packet === undefined) break;
        Object.assign(header, { sequence: packet.sequence, timestamp: packet.timestamp, ssrc: 1, payloadEnd: 160 });
        jitter.put(header, packet.payload, 2000 + packet.atMs);
      }
      const frame = jitter.pop(2000 + beat * 20);
      if (frame.kind === 'audio') sound.push(frame.payload[0] ?? 0);
      const extra = jitter.extra();
      if (extra !== null) sound.push(extra.payload[0] ?? 0);
      peakMs = Math.max(peakMs, jitter.delayMs);
      lastMs = jitter.delayMs;
    }
    assert.ok(peakMs >= 140 && peakMs <= 200, `peak ${peakMs} ms`);
    assert.ok(lastMs <= 40, `at the end ${lastMs} ms`);
    const stalled = Array.from({ length: 8 }, (_, index) => byteAt((100 + index) * 160));
    assert.deepEqual(
      stalled.filter((byte) => sound.slice(0, 40).includes(byte)),
      stalled,
    );
    assert.equal(jitter.counters.late, 0);
  });

  it('leaves out a silent frame rather than a spoken one, and waits seconds for it', () => {
    const spoken = new JitterBuffer({ startMs: 60 });
    run(spoken, steady(240, 20, 5), 230);
    assert.equal(spoken.counters.skipped, 0, 'speech without a pause is left alone at first');

    const silent = byteAt(150 * 160);
    const paused = new JitterBuffer({ startMs: 60, isQuiet: (payload) => payload[0] === silent });
    const heard = run(paused, steady(190, 20, 5), 185);
    assert.equal(paused.counters.skipped, 1);
    const frames = audio(heard);
    assert.deepEqual(
      frames,
      Array.from({ length: 190 }, (_, frame) => byteAt(frame * 160))
        .filter((byte) => byte !== silent)
        .slice(0, frames.length),
    );
  });

  it('asks to be read earlier when packets are never needed before long, once, and not after one was too late', () => {
    const early = (packets: readonly Packet[], beats: number): number[] => {
      const jitter = new JitterBuffer({ startMs: 20, isQuiet: () => true });
      const asked: number[] = [];
      const header = newRtpHeader();
      let next = 0;
      for (let beat = 0; beat < beats; beat++) {
        for (let packet = packets[next]; packet && packet.atMs <= beat * 20; packet = packets[++next]) {
          Object.assign(header, { sequence: packet.sequence, timestamp: packet.timestamp, ssrc: 1, payloadEnd: 160 });
          jitter.put(header, packet.payload, packet.atMs);
        }
        jitter.pop(beat * 20);
        const ms = jitter.advance();
        if (ms > 0) asked.push(ms);
      }
      return asked;
    };
    // Read at once after it was asked the slack would shrink; here nobody does, so it asks again with the same.
    const [first = 0, ...others] = early(steady(600, 20, 3), 600);
    assert.ok(first > 4 && first < 20, `${first} ms`);
    assert.ok(others.every((ms) => Math.abs(ms - first) < 1));
    const late = steady(600, 20, 3).map((packet, index) =>
      index % 150 === 149 ? { ...packet, atMs: packet.atMs + 45 } : packet,
    );
    assert.ok(early(late, 600).length < others.length);
  });

  it('never holds more than its longest delay, however much comes at once', () => {
    const jitter = new JitterBuffer({ maxMs: 200 });
    const packets = steady(300).map((packet, index) => (index > 10 ? { ...packet, atMs: 3000 } : packet));
    run(jitter, packets, 152);
    assert.ok(jitter.delayMs <= 200, `${jitter.delayMs} ms`);
    assert.ok(jitter.counters.overflowed > 0);
  });

  it('loses nothing when our own beats are late and then catch up', () => {
    const jitter = new JitterBuffer({ startMs: 40, calmMs: 60_000 });
    const packets = steady(100);
    const heard = run(jitter, packets.slice(0, 50), 50);
    const header = newRtpHeader();
    for (const packet of packets.slice(49, 75)) {
      Object.assign(header, { sequence: packet.sequence, timestamp: packet.timestamp, ssrc: 1, payloadEnd: 160 });
      jitter.put(header, packet.payload, 1485);
    }
    for (let beat = 50; beat < 75; beat++) {
      const frame = jitter.pop(1485);
      heard.push({ kind: frame.kind, bytes: frame.payload.slice() });
    }
    assert.deepEqual(audio(heard), expected(72));
    assert.equal(jitter.counters.overflowed, 0);
  });

  it('goes on with a new SSRC behind what the old one said', () => {
    const first = steady(50);
    const second = steady(50, 20, 5, 9, 12).map((packet, index) => ({
      ...packet,
      ssrc: 2,
      atMs: 1000 + packet.atMs,
      payload: payloadOf((50 + index) * 160, 160),
    }));
    const jitter = new JitterBuffer();
    const heard = run(jitter, [...first, ...second], 99);
    assert.deepEqual(audio(heard).slice(0, 95), expected(95));
    assert.equal(jitter.counters.jumps, 1);
    assert.equal(jitter.counters.lostFrames, 0);
  });

  it('does not take from a new SSRC what the old one had too much of', () => {
    // The old one was held up for 600 ms a moment before its end; the new one begins when all of that is played.
    const first = steady(200).map((packet) => ({
      ...packet,
      atMs: packet.atMs >= 2600 && packet.atMs < 3200 ? 3200 : packet.atMs,
    }));
    const second = steady(200, 20, 5, 9, 12).map((packet) => ({ ...packet, ssrc: 2, atMs: 5000 + packet.atMs }));
    const jitter = new JitterBuffer();
    const delays: number[] = [];
    run(jitter, [...first, ...second], 340, (beat) => {
      jitter.extra();
      if (beat >= 252) delays.push(jitter.delayMs);
    });
    assert.equal(jitter.counters.jumps, 1);
    assert.deepEqual([...new Set(delays)], [40]);
  });

  for (const lateMs of [300, 600, 1000]) {
    it(`a single packet that others overtook by ${lateMs} ms makes no long gap`, () => {
      const packets = steady(600).map((packet, index) => ({
        ...packet,
        atMs: packet.atMs + (index === 200 ? lateMs : 0),
      }));
      const jitter = new JitterBuffer();
      let most = 0;
      run(jitter, packets, 600, () => {
        most = Math.max(most, jitter.delayMs);
        jitter.extra();
      });
      assert.equal(jitter.counters.late, 1);
      assert.ok(jitter.counters.lostFrames <= 10, `${jitter.counters.lostFrames} frames concealed`);
      assert.ok(most <= 200, `a delay of ${most} ms`);
    });
  }

  for (const jump of [5_000_000, -5_000_000, -320]) {
    it(`follows a timestamp jump of ${jump} without a gap`, () => {
      const packets = steady(100).map((packet, index) =>
        index < 50 ? packet : { ...packet, timestamp: (packet.timestamp + jump) >>> 0 },
      );
      const jitter = new JitterBuffer();
      assert.deepEqual(audio(run(jitter, packets, 98)).slice(0, 90), expected(90));
      assert.equal(jitter.counters.jumps, 1);
    });
  }

  it('takes DTX for silence: with comfort noise, and without when it lasts', () => {
    const talk = steady(20);
    const noise: Packet = {
      sequence: 14,
      timestamp: (4_294_966_000 + 20 * 160) >>> 0,
      atMs: 405,
      payload: Uint8Array.of(60),
      payloadType: 13,
    };
    const again = steady(20, 20, 5, 15, 4_294_966_000 + 200 * 160).map((packet) => ({
      ...packet,
      atMs: packet.atMs + 4000,
    }));
    const jitter = new JitterBuffer({ calmMs: 60_000 });
    const heard = run(jitter, [...talk, noise, ...again], 223);
    assert.equal(jitter.counters.lostFrames, 0);
    assert.equal(audio(heard).length, 40);
    const withoutNoise = new JitterBuffer({ calmMs: 60_000 });
    const plain = run(
      withoutNoise,
      [...talk, ...again.map((packet) => ({ ...packet, sequence: packet.sequence - 1 }))],
      223,
    );
    assert.equal(withoutNoise.counters.lostFrames, 5);
    assert.equal(audio(plain).length, 40);
  });

  it('follows a sender whose timestamps stand still while it is silent', () => {
    const packets = steady(100).map((packet, index) => (index < 50 ? packet : { ...packet, atMs: packet.atMs + 5000 }));
    const jitter = new JitterBuffer();
    assert.deepEqual(audio(run(jitter, packets, 360)), expected(100));
  });

  it('refuses payloads no codec sends', () => {
    const jitter = new JitterBuffer();
    run(jitter, [{ sequence: 1, timestamp: 1, atMs: 0, payload: new Uint8Array(1800) }], 2);
    run(jitter, [{ sequence: 2, timestamp: 1, atMs: 0, payload: new Uint8Array(0) }], 2);
    assert.equal(jitter.counters.refused, 2);
  });

  it('under any loss, reordering and duplication: a frame a beat, in order, bounded, counted', () => {
    const network = fc.array(
      fc.record({ lost: fc.boolean(), delayMs: fc.nat(180), twice: fc.boolean(), rarely: fc.nat(3) }),
      { minLength: 100, maxLength: 100 },
    );
    fc.assert(
      fc.property(network, fc.constantFrom(10, 20, 30, 60), (fates, ptimeMs) => {
        const packets = steady(100, ptimeMs).flatMap((packet, index) => {
          const fate = fates[index];
          if (fate === undefined || (fate.lost && fate.rarely === 0)) return [];
          const delayed = { ...packet, atMs: packet.atMs + fate.delayMs };
          return fate.twice ? [delayed, { ...delayed, atMs: delayed.atMs + 7 }] : [delayed];
        });
        const jitter = new JitterBuffer({ maxMs: 200 });
        const beats = ptimeMs * 5 + 30;
        const heard = run(jitter, packets, beats);
        assert.equal(heard.length, beats);
        assert.ok(jitter.delayMs <= 200);
        const { audioFrames, lostFrames, silentFrames } = jitter.counters;
        assert.equal(audioFrames + lostFrames + silentFrames, beats);
        const order = audio(heard);
        const backwards = order.filter((byte, index) => {
          const step = byte - (order[index - 1] ?? byte);
          return step < 0 && step > -100;
        });
        assert.deepEqual(backwards, []);
      }),
      { numRuns: 60 },
    );
  });

  it('survives any numbers a hostile sender thinks of', () => {
    const hostile = fc.record({
      sequence: fc.nat(0xffff),
      timestamp: fc.nat(0xffffffff),
      ssrc: fc.nat(2),
      payloadType: fc.constantFrom(0, 8, 13),
      atMs: fc.nat(4000),
      payload: fc.uint8Array({ maxLength: 900 }),
    });
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 200 }), (packets) => {
        const jitter = new JitterBuffer();
        assert.equal(run(jitter, packets, 210).length, 210);
        assert.ok(jitter.delayMs <= 1200);
      }),
      { numRuns: 60 },
    );
  });
});
