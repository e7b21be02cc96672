import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DigitReceiver, DigitSender } from '../../../worker/rtp/telephone-event.ts';

interface Sent {
  readonly marker: boolean;
  readonly timestamp: number;
  readonly payload: Uint8Array;
  readonly atMs: number;
}

/** Presses digits and records every beat's packet (null for a beat of audio). */
function send(digits: string, durationMs: number): { packets: Sent[]; done: number } {
  const sender = new DigitSender(60);
  let done = 0;
  for (const digit of digits) sender.press(digit, durationMs, () => done++);
  const packets: Sent[] = [];
  for (let beat = 0; sender.busy; beat++) {
    const packet = sender.beat((0xffff_ff00 + beat * 160) >>> 0);
    if (packet) packets.push({ ...packet, payload: packet.payload.slice(), atMs: beat * 20 });
  }
  return { packets, done };
}

function hear(packets: readonly Sent[]): (readonly [string, number])[] {
  const heard: (readonly [string, number])[] = [];
  const receiver = new DigitReceiver((digit, ms) => heard.push([digit, ms]));
  let beat = 0;
  for (const packet of packets) {
    for (; beat <= packet.atMs; beat += 20) receiver.beat(beat);
    receiver.put(7, packet.marker, packet.timestamp, packet.payload, packet.atMs);
  }
  receiver.beat(beat + 1000);
  return heard;
}

describe('telephone-event out', () => {
  it('holds the timestamp, marks the first packet and sends the end three times', () => {
    const { packets, done } = send('5', 100);
    assert.equal(done, 1);
    assert.deepEqual(
      packets.map(({ marker, timestamp, payload }) => [marker, timestamp, Buffer.from(payload).toString('hex')]),
      [
        [true, 0xffff_ff00, '050a00a0'],
        [false, 0xffff_ff00, '050a0140'],
        [false, 0xffff_ff00, '050a01e0'],
        [false, 0xffff_ff00, '050a0280'],
        [false, 0xffff_ff00, '058a0320'],
        [false, 0xffff_ff00, '058a0320'],
        [false, 0xffff_ff00, '058a0320'],
      ],
    );
  });

  it('refuses what is no digit', () => {
    assert.throws(() => new DigitSender().press('w', 100, () => {}), RangeError);
    assert.throws(() => new DigitSender().press('12', 100, () => {}), RangeError);
  });

  it('a released key ends with end packets and nothing follows', () => {
    const sender = new DigitSender(60);
    sender.press('1', 1000, () => assert.fail('told although released'));
    sender.press('2', 1000, () => assert.fail('pressed although released'));
    sender.beat(0);
    sender.release();
    const rest: number[] = [];
    for (let beat = 1; sender.busy; beat++) {
      const packet = sender.beat(beat * 160);
      if (packet) rest.push(packet.payload[1] ?? 0);
    }
    assert.deepEqual(rest, [0x8a, 0x8a, 0x8a]);
  });
});

describe('telephone-event in', () => {
  it('tells all sixteen keys with their duration', () => {
    const { packets } = send('0123456789*#ABCD', 120);
    assert.deepEqual(
      hear(packets),
      [...'0123456789*#ABCD'].map((digit) => [digit, 120]),
    );
  });

  it('tells each digit once and in order, whatever is lost or repeated as long as one packet of each comes', () => {
    const { packets } = send('11550#', 100);
    const perDigit = 7;
    fc.assert(
      fc.property(
        fc.array(fc.subarray([0, 1, 2, 3, 4, 5, 6], { minLength: 1 }), { minLength: 6, maxLength: 6 }),
        fc.boolean(),
        (kept, twice) => {
          const survivors = kept.flatMap((indexes, digit) =>
            indexes.flatMap((index) => packets.slice(digit * perDigit + index, digit * perDigit + index + 1)),
          );
          const heard = hear(twice ? survivors.flatMap((packet) => [packet, packet]) : survivors);
          assert.equal(heard.map(([digit]) => digit).join(''), '11550#');
        },
      ),
    );
  });

  it("goes on when the sender's clock begins anew, lower or higher, and takes nothing late for new", () => {
    const heard: string[] = [];
    const receiver = new DigitReceiver((digit) => heard.push(digit));
    const press = (key: number, timestamp: number, atMs: number): void =>
      receiver.put(1, true, timestamp, Uint8Array.of(key, 0x8a, 3, 32), atMs);
    press(1, 0x9000_0000, 0);
    press(2, 0x2000_0000, 500);
    press(3, 0x2000_1000, 1000);
    press(2, 0x2000_0000, 1020);
    press(4, 0xf000_0000, 1500);
    assert.deepEqual(heard, ['1', '2', '3', '4']);
  });

  it('ends an event by time when all end packets are lost', () => {
    const heard: string[] = [];
    const receiver = new DigitReceiver((digit) => heard.push(digit));
    receiver.put(1, true, 800, Uint8Array.of(9, 10, 0, 160), 0);
    receiver.beat(140);
    assert.deepEqual(heard, []);
    receiver.beat(160);
    assert.deepEqual(heard, ['9']);
    receiver.put(1, false, 800, Uint8Array.of(9, 0x8a, 1, 160), 180);
    receiver.beat(2000);
    assert.deepEqual(heard, ['9']);
  });

  it('takes the segments of a very long press as one', () => {
    const heard: (readonly [string, number])[] = [];
    const receiver = new DigitReceiver((digit, ms) => heard.push([digit, ms]));
    receiver.put(1, true, 0, Uint8Array.of(1, 10, 0xff, 0xff), 0);
    receiver.put(1, false, 0xffff, Uint8Array.of(1, 0x8a, 0x03, 0x20), 20);
    assert.deepEqual(heard, [['1', Math.round((0xffff + 800) / 8)]]);
  });

  it('ignores other events and short payloads', () => {
    const receiver = new DigitReceiver(() => assert.fail('heard'));
    receiver.put(1, true, 0, Uint8Array.of(16, 0x8a, 0, 160), 0);
    receiver.put(1, true, 0, Uint8Array.of(1, 0x8a, 0), 0);
    receiver.beat(5000);
  });
});
