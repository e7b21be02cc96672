import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../../shared/kernel/clock.ts';
import { Espeak } from '../../../worker/speech/espeak.ts';
import { Flite, fliteVoice } from '../../../worker/speech/flite.ts';
import { ChosenEngine, openSynthesiser } from '../../../worker/speech/open-synthesiser.ts';
import { SpeechFailed, type SpeechFault } from '../../../worker/speech/speech-failed.ts';
import type { Synthesiser, Utterance } from '../../../worker/speech/synthesiser.ts';
import { ManualClock } from '../../support/clock.ts';
import { rms } from '../../support/tone.ts';

const hello: Utterance = { text: 'Hello and welcome.', language: 'en-us', voice: 'woman' };
const never = (): AbortSignal => new AbortController().signal;
const failed = (fault: SpeechFault) => (error: unknown) => error instanceof SpeechFailed && error.fault === fault;

describe('flite, in its own thread', () => {
  const flite = new Flite({ clock: systemClock });
  after(() => flite.close());

  it('speaks at 8 and at 16 kHz, as long at both', async () => {
    const narrow = await flite.synthesise(hello, 8000, never());
    const wide = await flite.synthesise(hello, 16_000, never());
    assert.ok(rms(narrow) > 0.02, `level ${rms(narrow)}`);
    assert.ok(narrow.length > 6000 && narrow.length < 24_000, `${narrow.length} samples`);
    assert.ok(Math.abs(wide.length - 2 * narrow.length) <= 2, `${wide.length} and ${narrow.length}`);
  });

  it('has different voices, and text that looks like an option is only text', async () => {
    const man = await flite.synthesise({ ...hello, voice: 'man' }, 8000, never());
    const woman = await flite.synthesise(hello, 8000, never());
    assert.notDeepEqual(man, woman);
    const odd = await flite.synthesise({ ...hello, text: '-lv --help /etc/passwd \0 <break/>' }, 8000, never());
    assert.ok(odd.length > 8000, `${odd.length} samples`);
  });

  it('takes no voice that is a path', () => {
    assert.equal(fliteVoice('/etc/passwd'), 'slt');
    assert.equal(fliteVoice('Polly.Joanna'), 'slt');
    assert.equal(fliteVoice('AWB'), 'awb');
  });

  it('nothing to say is nothing to hear', async () => {
    assert.equal((await flite.synthesise({ ...hello, text: '  ' }, 8000, never())).length, 0);
  });
});

describe('flite under pressure', () => {
  it('refuses when too many wait, and gives up what was given up', async () => {
    const flite = new Flite({ clock: systemClock, maxWaiting: 2 });
    const stop = new AbortController();
    const first = flite.synthesise(hello, 8000, never());
    const second = flite.synthesise({ ...hello, text: 'Two.' }, 8000, stop.signal);
    const third = flite.synthesise({ ...hello, text: 'Three.' }, 8000, never());
    await assert.rejects(flite.synthesise({ ...hello, text: 'Four.' }, 8000, never()), failed('busy'));
    const reason = new Error('hung up');
    stop.abort(reason);
    await assert.rejects(second, reason);
    assert.ok((await first).length > 0);
    assert.ok((await third).length > 0);
    await flite.close();
  });

  it('a deadline that passes replaces the thread; the next text is spoken', async () => {
    const clock = new ManualClock();
    const flite = new Flite({ clock, deadlineMs: 1000 });
    const late = flite.synthesise(hello, 8000, never());
    const outcome = assert.rejects(late, failed('deadline'));
    clock.advance(1000);
    await outcome;
    assert.ok((await flite.synthesise(hello, 8000, never())).length > 0);
    assert.equal(clock.pending, 0);
    await flite.close();
  });

  it('closing ends what is running and what waits', async () => {
    const flite = new Flite({ clock: systemClock });
    const outcomes = [hello, { ...hello, text: 'Two.' }].map((text) =>
      assert.rejects(flite.synthesise(text, 8000, never()), failed('closed')),
    );
    await flite.close();
    await Promise.all(outcomes);
    await assert.rejects(flite.synthesise(hello, 8000, never()), failed('closed'));
  });
});

describe('espeak-ng', () => {
  let espeak: Espeak | null = null;
  before(async () => {
    espeak = await Espeak.open({ clock: systemClock });
  });

  it('is not opened where it is not', async () => {
    assert.equal(await Espeak.open({ clock: systemClock, program: 'no-such-program-here' }), null);
  });

  it('speaks German and French, and not Klingon by accident', async (t) => {
    if (!espeak) return t.skip('espeak-ng is not installed');
    for (const language of ['de-de', 'fr-fr']) {
      const spoken = await espeak.synthesise({ text: 'Bonjour und guten Tag', language, voice: 'man' }, 8000, never());
      assert.ok(rms(spoken) > 0.02, `level ${rms(spoken)}`);
    }
    await assert.rejects(espeak.synthesise({ ...hello, language: 'xx-yy' }, 8000, never()), failed('no-voice'));
  });

  it('kills the process when the signal says so, or at the deadline', async (t) => {
    if (!espeak) return t.skip('espeak-ng is not installed');
    const stop = new AbortController();
    const long = { text: 'Ein langer Satz. '.repeat(200), language: 'de', voice: 'woman' };
    const speaking = espeak.synthesise(long, 8000, stop.signal);
    const reason = new Error('hung up');
    stop.abort(reason);
    await assert.rejects(speaking, reason);
    const clock = new ManualClock();
    const opening = Espeak.open({ clock, deadlineMs: 100 });
    const slow = await opening;
    const late = assert.rejects(slow?.synthesise(long, 8000, never()) ?? Promise.resolve(), failed('deadline'));
    clock.advance(100);
    await late;
    assert.equal(clock.pending, 0);
  });
});

describe('which engine speaks', () => {
  const speaker = (name: string): Synthesiser & { readonly heard: string[] } => {
    const heard: string[] = [];
    return {
      heard,
      async synthesise({ language, voice }) {
        heard.push(`${name} ${language} ${voice}`);
        return new Int16Array(1);
      },
      async close() {
        heard.push('closed');
      },
    };
  };

  it('flite for English, espeak for others, either by prefix', async () => {
    const [flite, espeak] = [speaker('flite'), speaker('espeak')];
    const chosen = new ChosenEngine(flite, espeak);
    for (const [language, voice] of [
      ['en-gb', 'man'],
      ['de-de', 'man'],
      ['en-us', 'espeak:en-us+m2'],
      ['de-de', 'flite:kal'],
    ] as const) {
      await chosen.synthesise({ text: 'x', language, voice }, 8000, never());
    }
    await chosen.close();
    assert.deepEqual(flite.heard, ['flite en-gb man', 'flite de-de kal', 'closed']);
    assert.deepEqual(espeak.heard, ['espeak de-de man', 'espeak en-us espeak:en-us+m2', 'closed']);
  });

  it('without espeak another language is a clear refusal, and a text too long is one anywhere', async () => {
    const opened = await openSynthesiser({ clock: systemClock, espeak: null });
    await assert.rejects(opened.synthesise({ ...hello, language: 'de-de' }, 8000, never()), failed('no-voice'));
    await assert.rejects(opened.synthesise({ ...hello, text: 'a'.repeat(4097) }, 8000, never()), failed('too-long'));
    await opened.close();
  });
});
