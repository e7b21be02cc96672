/** The example apps work as they stand, and DUMP_AUDIO writes down what was said and heard meanwhile. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import { startExample } from '../../shared/launch/examples.ts';
import { WavReader } from '../../worker/media/wav.ts';
import { openPhone, type Phone } from '../../worker/phones/phone.ts';
import type { PhoneCall } from '../../worker/phones/phone-call.ts';
import { tone } from '../../worker/phones/sounds.ts';
import { RATE, untilHeard } from '../support/ears.ts';
import { until } from '../support/scene.ts';
import { suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';
import { heardAt, rms } from '../support/tone.ts';

describe('the examples', () => {
  const owner = suiteOwner();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pivot-examples-'));
  const dump = path.join(folder, 'dump');
  let system: System;
  let phone: Phone;

  before(async () => {
    owner.after(() => rmSync(folder, { recursive: true, force: true }));
    phone = await openPhone();
    owner.after(() => phone.close());
    system = await startSystem(owner, { environment: { DUMP_AUDIO: dump } });
  });

  /** A call of the example to our phone, up; and what the example printed. */
  async function callOf(
    name: string,
    fields: Record<string, unknown> = {},
  ): Promise<{ readonly sid: string; readonly call: PhoneCall; readonly printed: readonly string[] }> {
    const printed: string[] = [];
    const app = await startExample(name, folder, systemClock, (_name, line) => printed.push(line));
    owner.after(() => app.stop());
    const sid = await system.call({ to: phone.uri, url: app.url, ...fields });
    const call = await phone.waitForCall();
    await call.answer();
    await withDeadline(systemClock, 5000, 'the answer', call.answered);
    return { sid, call, printed };
  }

  /** 200 ms from where the tone is first heard. */
  const toneOf = (samples: Int16Array, hertz: number): Int16Array => {
    const from = ((heardAt(samples, hertz, RATE)[0]?.fromMs ?? 0) * RATE) / 1000;
    return samples.subarray(from, from + RATE / 5);
  };

  const wavOf = (file: string): Int16Array => {
    const reader = new WavReader();
    const samples = reader.push(readFileSync(file));
    reader.end();
    return samples;
  };

  it('the parrot says what it heard, and is silent after a key; both tracks are written down', async () => {
    const { sid, call, printed } = await callOf('parrot');
    await system.event(sid, 'stream.started');
    const recording = call.record();
    const latest = () => recording.samples().subarray(-RATE / 5);
    void call.play(tone(700, 1000));
    await untilHeard(latest, 700);
    // A key before the first mark has it back as cleared.
    const told = (what: RegExp) => () => printed.some((line) => what.test(line));
    await until('the first mark', told(/heard up to second 1/));
    await call.press('5');
    await system.event(sid, 'stream.clear');
    call.hangup();
    assert.equal((await system.ended(sid)).status, 'completed');
    await until('the key', told(/digit 5: silence/));

    const files = readdirSync(dump).filter((name) => name.startsWith(sid));
    assert.deepEqual(files.sort(), [`${sid}-a-inbound.wav`, `${sid}-a-outbound.wav`]);
    for (const file of files) await untilHeard(() => toneOf(wavOf(path.join(dump, file)), 700), 700);
  });

  it('the small IVR speaks its menu, and says the time after 1', async () => {
    const { sid, call, printed } = await callOf('ivr', { dialect: 'twilio' });
    await system.event(sid, (event) => event.type === 'verb.ended' && event['verb'] === 'Say');
    await system.event(sid, 'stream.started');
    const recording = call.record();
    await call.press('1');
    await system.event(sid, (event) => event.type === 'document.fetched' && String(event['url']).includes('/chosen'));
    await system.event(sid, (event) => event.type === 'verb.ended' && event['verb'] === 'Redirect');
    assert.ok(rms(recording.samples()) > 0.01, 'the time was said');
    call.hangup();
    assert.equal((await system.ended(sid)).status, 'completed');
    assert.deepEqual(
      printed.filter((line) => line.startsWith('key')),
      ['key 1'],
    );
  });
});
