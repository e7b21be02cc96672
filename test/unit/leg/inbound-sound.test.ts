/** From a frame of the jitter buffer to a frame of the leg, whatever codec, hole or mixture it is. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { codecs } from '../../../worker/leg/codecs.ts';
import { InboundSound } from '../../../worker/leg/inbound-sound.ts';
import type { AudioName } from '../../../worker/leg/sdp.ts';
import type { LegRate } from '../../../worker/media/frame.ts';
import { initMedia } from '../../../worker/media/init.ts';
import type { JitterFrame } from '../../../worker/rtp/jitter.ts';
import { rms, sine, toneLevel } from '../../support/tone.ts';

const names: readonly AudioName[] = ['PCMU', 'PCMA', 'G722'];
const types: ReadonlyMap<number, AudioName> = new Map(names.map((name) => [codecs[name].payloadType, name]));

/** A second of 700 Hz as payloads of 20 ms. */
function payloads(name: AudioName): Uint8Array[] {
  const { rate, newEncoder } = codecs[name];
  const encoder = newEncoder();
  const tone = sine(700, 1000, rate);
  return Array.from({ length: 50 }, (_, frame) => {
    const payload = new Uint8Array(160);
    encoder.encode(tone.subarray((frame * rate) / 50, ((frame + 1) * rate) / 50), payload);
    return payload;
  });
}

class Ear {
  readonly sound: InboundSound;
  readonly frame = {
    kind: 'audio',
    payloadType: 0,
    payload: new Uint8Array(160),
    types: new Uint8Array(160),
  } as JitterFrame;
  readonly heard: number[] = [];

  constructor(rate: LegRate) {
    this.sound = new InboundSound(rate, () => {});
    this.sound.listenFor(types, this.frame.payload, false);
  }

  hear(
    kind: JitterFrame['kind'],
    payloadType = 0,
    payload: Uint8Array = new Uint8Array(160),
    at: readonly number[] = [],
  ): void {
    Object.assign(this.frame, { kind, payloadType });
    this.frame.payload.set(payload);
    this.frame.types.set(at);
    this.heard.push(...this.sound.frame(this.frame, { extra: () => null }).samples);
  }
}

describe('inbound sound', () => {
  before(initMedia);

  for (const rate of [8000, 16_000] as const) {
    for (const name of names) {
      const { payloadType } = codecs[name];

      it(`${name} on a leg of ${rate} Hz is the tone it was`, () => {
        const ear = new Ear(rate);
        for (const payload of payloads(name)) ear.hear('audio', payloadType, payload);
        assert.equal(ear.heard.length, rate);
        assert.ok(toneLevel(Int16Array.from(ear.heard.slice(rate / 5)), 700, rate) > 0.45);
        ear.sound.close();
      });

      it(`${name} on a leg of ${rate} Hz: half a frame is half a frame, in its place`, () => {
        const ear = new Ear(rate);
        const frames = payloads(name);
        for (const payload of frames.slice(0, 20)) ear.hear('audio', payloadType, payload);
        const half = Array.from({ length: 160 }, (_, at) => (at < 80 ? payloadType : 255));
        ear.hear('partial', payloadType, frames[20], half);
        const last = Int16Array.from(ear.heard.slice((-rate * 20) / 1000));
        assert.ok(rms(last.subarray(0, rate / 100)) > 0.2, `${rms(last.subarray(0, rate / 100))}`);
        for (const payload of frames.slice(21)) ear.hear('audio', payloadType, payload);
        assert.equal(ear.heard.length, rate);
        assert.ok(toneLevel(Int16Array.from(ear.heard.slice((rate * 3) / 5)), 700, rate) > 0.45);
        ear.sound.close();
      });
    }

    it(`changes of payload type within a frame are heard on a leg of ${rate} Hz`, () => {
      const ear = new Ear(rate);
      const [mulaw, wide] = [payloads('PCMU'), payloads('G722')];
      for (const payload of mulaw.slice(0, 20)) ear.hear('audio', 0, payload);
      const mixed = Uint8Array.from({ length: 160 }, (_, at) => (at < 80 ? mulaw[20] : wide[20])?.[at] ?? 0);
      ear.hear(
        'partial',
        0,
        mixed,
        Array.from({ length: 160 }, (_, at) => (at < 80 ? 0 : 9)),
      );
      for (const payload of wide.slice(21)) ear.hear('audio', 9, payload);
      assert.equal(ear.heard.length, rate);
      assert.ok(toneLevel(Int16Array.from(ear.heard.slice((rate * 3) / 5)), 700, rate) > 0.45);
      ear.sound.close();
    });
  }

  it('another agreement keeps the memory of a decoder that stays', () => {
    const [once, twice] = [new Ear(16_000), new Ear(16_000)];
    for (const [index, payload] of payloads('G722').entries()) {
      once.hear('audio', 9, payload);
      if (index === 25) twice.sound.listenFor(new Map([[9, 'G722']]), twice.frame.payload, false);
      twice.hear('audio', 9, payload);
    }
    assert.deepEqual(twice.heard, once.heard);
  });

  it('knows silence of each codec', () => {
    const ear = new Ear(16_000);
    const quiet = (name: AudioName): boolean => {
      const silence = new Uint8Array(160);
      codecs[name].newEncoder().encode(new Int16Array(codecs[name].rate / 50), silence);
      ear.hear('audio', codecs[name].payloadType, silence);
      return ear.sound.isQuiet(silence, codecs[name].payloadType);
    };
    for (const name of names) {
      assert.equal(quiet(name), true, name);
      for (const payload of payloads(name)) ear.hear('audio', codecs[name].payloadType, payload);
      assert.equal(ear.sound.isQuiet(ear.frame.payload, codecs[name].payloadType), false, name);
    }
  });
});
