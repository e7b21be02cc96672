/** What is heard at the two ends of a call: tones, waited for with a deadline, by Goertzel. */
import assert from 'node:assert/strict';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { mulawCoder } from '../../worker/media/codec/g711.ts';
import type { StreamSeen } from './app.ts';
import { sine, toneLevel } from './tone.ts';

export const RATE = 8000;
/** A tone of level 0.35 is heard when this much of it arrives. */
const AUDIBLE = 0.1;
const STEP_MS = 20;

export function fromMulaw(payload: Uint8Array): Int16Array {
  const samples = new Int16Array(payload.length);
  mulawCoder.decode(payload, samples);
  return samples;
}

export function toMulaw(samples: Int16Array): Uint8Array {
  const payload = new Uint8Array(samples.length);
  mulawCoder.encode(samples, payload);
  return payload;
}

/** The newest of what a stream in mu-law received, 200 ms of it unless told. */
export const lately =
  (stream: StreamSeen, frames = 10, track = 'inbound') =>
  (): Int16Array =>
    fromMulaw(
      Buffer.concat(
        stream
          .of('media')
          .filter((message) => message.media.track === track)
          .slice(-frames)
          .map((message) => Buffer.from(message.media.payload, 'base64')),
      ),
    );

/** Waits for a tone in what `heard` answers, looking again and again. */
export async function untilHeard(heard: () => Int16Array, hertz: number, withinMs = 5000): Promise<void> {
  const until = systemClock.monotonic() + withinMs;
  let level = 0;
  while (systemClock.monotonic() < until) {
    level = toneLevel(heard(), hertz, RATE);
    if (level >= AUDIBLE) return;
    await pause(systemClock, STEP_MS);
  }
  assert.fail(`${hertz} Hz was not heard within ${withinMs} ms; its level was ${level.toFixed(3)}`);
}

/** Sends a tone into a two-way stream of the twilio dialect. */
export function talk(stream: StreamSeen, hertz: number, ms: number): void {
  const { streamSid } = stream.of('start')[0];
  const payload = Buffer.from(toMulaw(sine(hertz, ms, RATE, 0.35))).toString('base64');
  stream.send({ event: 'media', streamSid, media: { payload } });
}
