import assert from 'node:assert/strict';
import test from 'node:test';
import { CachedSynthesiser } from '../../../worker/speech/cache.ts';
import type { Synthesiser, Utterance } from '../../../worker/speech/synthesiser.ts';

/** Speaks when told to. */
class HeldEngine implements Synthesiser {
  readonly asked: string[] = [];
  readonly signals: AbortSignal[] = [];
  #release: ((samples: Int16Array | Error) => void)[] = [];

  synthesise({ text }: Utterance, _rate: 8000 | 16000, signal: AbortSignal): Promise<Int16Array> {
    this.asked.push(text);
    this.signals.push(signal);
    return new Promise((resolve, reject) => {
      this.#release.push((outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)));
    });
  }

  speak(outcome: Int16Array | Error): void {
    for (const release of this.#release.splice(0)) release(outcome);
  }

  async close(): Promise<void> {}
}

const say = (text: string): Utterance => ({ text, language: 'en-us', voice: 'woman' });
const never = (): AbortSignal => new AbortController().signal;

async function speakNow(cache: CachedSynthesiser, engine: HeldEngine, text: string, bytes: number): Promise<void> {
  const spoken = cache.synthesise(say(text), 8000, never());
  engine.speak(new Int16Array(bytes / 2));
  await spoken;
}

test('the same text is spoken once; another voice, language or rate is another text', async () => {
  const engine = new HeldEngine();
  const cache = new CachedSynthesiser(engine);
  await speakNow(cache, engine, 'a', 10);
  await cache.synthesise(say('a'), 8000, never());
  assert.equal(engine.asked.length, 1);
  void cache.synthesise({ ...say('a'), voice: 'man' }, 8000, never());
  void cache.synthesise({ ...say('a'), language: 'en-gb' }, 8000, never());
  void cache.synthesise(say('a'), 16_000, never());
  assert.equal(engine.asked.length, 4);
});

test('those who ask at the same time share one synthesis', async () => {
  const engine = new HeldEngine();
  const cache = new CachedSynthesiser(engine);
  const asked = [1, 2, 3].map(() => cache.synthesise(say('a'), 8000, never()));
  const samples = Int16Array.of(1, 2, 3);
  engine.speak(samples);
  assert.deepEqual(await Promise.all(asked), [samples, samples, samples]);
  assert.equal(engine.asked.length, 1);
});

test('one who leaves leaves alone; the last one stops the work', async () => {
  const engine = new HeldEngine();
  const cache = new CachedSynthesiser(engine);
  const [one, two] = [new AbortController(), new AbortController()];
  const first = cache.synthesise(say('a'), 8000, one.signal);
  const second = cache.synthesise(say('a'), 8000, two.signal);
  one.abort(new Error('first left'));
  await assert.rejects(first, /first left/);
  assert.equal(engine.signals[0]?.aborted, false);
  two.abort(new Error('second left'));
  await assert.rejects(second, /second left/);
  assert.equal(engine.signals[0]?.aborted, true);
  const again = cache.synthesise(say('a'), 8000, never());
  assert.equal(engine.asked.length, 2);
  engine.speak(new Int16Array(1));
  await again;
});

test('a failure is told and not remembered', async () => {
  const engine = new HeldEngine();
  const cache = new CachedSynthesiser(engine);
  const failing = cache.synthesise(say('a'), 8000, never());
  engine.speak(new Error('no voice today'));
  await assert.rejects(failing, /no voice today/);
  await speakNow(cache, engine, 'a', 10);
  assert.equal(engine.asked.length, 2);
});

test('keeps no more bytes than it may: what was used least recently goes first', async () => {
  const engine = new HeldEngine();
  const cache = new CachedSynthesiser(engine, 1000);
  for (const text of ['a', 'b', 'c', 'd']) await speakNow(cache, engine, text, 250);
  await cache.synthesise(say('a'), 8000, never());
  await speakNow(cache, engine, 'e', 250);
  assert.equal(cache.bytes, 1000);
  await cache.synthesise(say('a'), 8000, never());
  assert.equal(engine.asked.length, 5);
  void cache.synthesise(say('b'), 8000, never());
  assert.equal(engine.asked.length, 6);
  await speakNow(cache, engine, 'long', 251);
  assert.equal(cache.bytes, 1000);
});
