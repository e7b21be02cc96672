/**
 * The Twilio transport of OpenAI's Agents SDK, unmodified, holds a conversation with a caller over our stream in the
 * Twilio dialect. Only the model behind it is ours: it says what the test tells it to. The phones are those of the
 * phone bank, over real SIP and RTP.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { TwilioRealtimeTransportLayer } from '@openai/agents-extensions';
import { mulawCoder } from '../../../worker/media/codec/g711.ts';
import { App, type StreamSeen } from '../../support/app.ts';
import { RealtimeModel } from '../../support/realtime-model.ts';
import { suiteOwner } from '../../support/suite.ts';
import { type System, startSystem } from '../../support/system.ts';
import { sine, toneLevel } from '../../support/tone.ts';

const ECHOING = '+15550100002';
const WHISTLING = '+15550100014';
const FRAME_MS = 20;
const BYTES_PER_MS = 8;

function mulawTone(hertz: number, ms: number): Buffer {
  const samples = sine(hertz, ms, 8000, 0.4);
  const bytes = Buffer.alloc(samples.length);
  mulawCoder.encode(samples, bytes);
  return bytes;
}

function levelOf(bytes: Buffer, hertz: number): number {
  const samples = new Int16Array(bytes.length);
  mulawCoder.decode(bytes, samples);
  return toneLevel(samples, hertz, 8000);
}

/** The loudest of all windows of 200 ms. */
function loudest(bytes: Buffer, hertz: number): number {
  const size = 200 * BYTES_PER_MS;
  let most = 0;
  for (let at = 0; at + size <= bytes.length; at += size)
    most = Math.max(most, levelOf(bytes.subarray(at, at + size), hertz));
  return most;
}

const hears = (model: RealtimeModel, hertz: number, fromMs: number): boolean =>
  loudest(model.heard.subarray(fromMs * BYTES_PER_MS), hertz) > 0.2;

describe("the Agents SDK's Twilio transport", () => {
  const owner = suiteOwner();
  let system: System;
  let app: App;
  before(async () => {
    system = await startSystem(owner);
    app = await App.start(owner);
  });

  /** A call whose stream is answered by an agent of the SDK. */
  async function agentCall(to: string, path: string) {
    const model = await RealtimeModel.start(owner);
    const transports: TwilioRealtimeTransportLayer[] = [];
    const errors: unknown[] = [];
    let interruptions = 0;
    app.onStream = (seen: StreamSeen) => {
      const transport = new TwilioRealtimeTransportLayer({ twilioWebSocket: seen.socket, url: model.url });
      transport.on('error', (error) => errors.push(error));
      transport.on('audio_interrupted', () => {
        interruptions += 1;
      });
      transports.push(transport);
      void transport.connect({ apiKey: 'of no account', model: 'scripted' });
    };
    const sid = await system.call({
      to,
      twiml: `<Response><Connect><Stream url="${app.wsUrl(path)}" dialect="twilio" playbackEvents="true"/></Connect></Response>`,
    });
    const stream = await app.stream(path);
    await model.until('the first audio of the caller', () => model.heardMs > 0);
    const [transport] = transports;
    assert.ok(transport);
    return { sid, stream, model, transport, errors, interruptions: () => interruptions };
  }

  const marksOf = (stream: StreamSeen, item: string) =>
    stream.of('mark').filter(({ mark }) => mark.name.startsWith(`${item}:`));

  it('hears all that the caller says, without a gap that it would fill with silence', async () => {
    const { sid, stream, model, transport, errors } = await agentCall(WHISTLING, '/whistling');
    await model.until('three seconds', () => model.heardMs >= 3_000);
    const sent = stream.audio();
    const heard = model.heard;
    // What came before the model's socket was open is the SDK's to drop; from there on it is byte for byte ours.
    const from = sent.length - heard.length;
    assert.ok(from >= 0 && from < 1_000 * BYTES_PER_MS, `${from} bytes`);
    assert.ok(heard.equals(sent.subarray(from)));
    assert.ok(levelOf(heard.subarray(-1_000 * BYTES_PER_MS), 1000) > 0.1);
    transport.close();
    stream.socket.close();
    await system.ended(sid);
    assert.deepEqual(errors, []);
  });

  it('talks, is interrupted, and knows to a frame what was heard', async () => {
    const { sid, stream, model, errors, interruptions } = await agentCall(ECHOING, '/talking');
    model.speak('greeting', mulawTone(600, 1_000));
    await stream.until('the end of the greeting', (seen) =>
      seen.of('mark').some(({ mark }) => mark.name.startsWith('done:greeting')),
    );
    await model.until('its echo from the phone', () => hears(model, 600, 0));
    // Their count of what was sent up to a mark is our count of what was played when it passed.
    const greeting = marksOf(stream, 'greeting');
    assert.equal(greeting.length, 50);
    for (const { mark } of greeting) {
      assert.equal(mark.cleared, false);
      assert.ok(Math.abs(mark.playedMs - Number(mark.name.split(':')[1])) <= FRAME_MS, JSON.stringify(mark));
    }

    model.speak('answer', mulawTone(900, 30_000), { done: false });
    await stream.until('a second of the answer', (seen) => marksOf(seen, 'answer').length >= 50);
    model.hearSpeech();
    const truncation = () => model.events.find(({ type }) => type === 'conversation.item.truncate');
    await model.until('the truncation', () => truncation() !== undefined);
    await stream.until('the answer to clear', (seen) => seen.of('cleared').length > 0);
    const [{ cleared }] = stream.of('cleared') as [
      { cleared: { playedMs: number; droppedMs: number; marks: string[] } },
    ];
    const heardMs = cleared.playedMs - 1_000;
    const { item_id, audio_end_ms } = truncation();
    assert.equal(item_id, 'answer');
    assert.equal(interruptions(), 1);
    // What the SDK says was heard is the last mark it had seen, plus 50 ms of its own; of that mark we say the same, to a frame.
    const msOf = ({ name }: { name: string }): number => Number(name.split(':')[1]);
    const lastSeen = marksOf(stream, 'answer').find(({ mark }) => msOf(mark) === audio_end_ms - 50)?.mark;
    assert.ok(lastSeen && !lastSeen.cleared, `${audio_end_ms}`);
    assert.ok(Math.abs(lastSeen.playedMs - 1_000 - msOf(lastSeen)) <= FRAME_MS, JSON.stringify(lastSeen));
    // The clear itself is read a beat later.
    assert.ok(Math.abs(audio_end_ms - 50 - heardMs) <= 2 * FRAME_MS, `they say ${audio_end_ms}, we played ${heardMs}`);
    assert.ok(Math.abs(heardMs + cleared.droppedMs - 30_000) <= FRAME_MS, JSON.stringify(cleared));
    assert.equal(model.events.filter(({ type }) => type === 'response.cancel').length, 1);

    // Every mark comes back once, those of the future cleared and in order.
    const marks = marksOf(stream, 'answer').map(({ mark }) => mark);
    assert.equal(marks.length, 1_500);
    assert.equal(new Set(marks.map(({ name }) => name)).size, 1_500);
    assert.deepEqual(
      marks.filter((mark) => mark.cleared).map(({ name }) => name),
      cleared.marks,
    );
    assert.deepEqual(
      marks.map(msOf),
      Array.from({ length: 1_500 }, (_, at) => (at + 1) * 20),
    );

    // What still is on its way through the phone's echo, then nothing of it any more.
    const silentFrom = model.heardMs + 500;
    await model.until('silence', () => model.heardMs >= silentFrom + 1_000);
    assert.ok(!hears(model, 900, silentFrom));
    model.speak('again', mulawTone(1_300, 600));
    await model.until('the next answer', () => hears(model, 1_300, silentFrom));
    stream.socket.close();
    await system.ended(sid);
    assert.deepEqual(errors, []);
  });
});
