/** G.722 on a leg: 16 kHz from far end to app and back, and the codec changing under a call that goes on. */
import assert from 'node:assert/strict';
import { afterEach, before, beforeEach, describe, it } from 'node:test';
import type { GatewayLetter } from '../../../shared/domain/letter.ts';
import type { StreamSpec } from '../../../shared/domain/stream.ts';
import { newCallSid } from '../../../shared/kernel/ids.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { initMedia } from '../../../worker/media/init.ts';
import { createStreamOpener } from '../../../worker/stream/session.ts';
import type { Stream } from '../../../worker/stream/stream.ts';
import { aStream } from '../../support/records.ts';
import { type LineEnd, RtpLine } from '../../support/rtp-line.ts';
import { rms, sine, toneLevel } from '../../support/tone.ts';
import { FakeConnection } from '../stream/world.ts';

const wide = { codecs: ['G722', 'PCMU'] } as const;

const sdpOf = ({ letters }: LineEnd, kind: 'dial' | 'answer'): string => {
  const letter = letters.find(
    (sent): sent is Extract<GatewayLetter, { kind: 'dial' | 'answer' }> => sent.kind === kind,
  );
  assert.ok(letter);
  return letter.sdp;
};

/** The level of a tone in half a second from a beat on; it was sent at 0.5. */
const level = (samples: readonly number[], hertz: number, rate: number, beat: number): number =>
  toneLevel(Int16Array.from(samples.slice((beat * rate) / 50, (beat * rate) / 50 + rate / 2)), hertz, rate);

/** A stream on a leg, and the app's end of its socket. */
function openStream(
  line: RtpLine,
  { leg }: LineEnd,
  spec: Partial<StreamSpec>,
): { stream: Stream; app: FakeConnection } {
  const apps: FakeConnection[] = [];
  const open = createStreamOpener({
    clock: line.clock,
    log: silentLogger,
    connect: (order, delegate) => {
      const connection = new FakeConnection(order, delegate);
      apps.push(connection);
      return connection;
    },
  });
  const callSid = newCallSid();
  const call = { accountSid: `AC${'0'.repeat(32)}`, callSid, from: '+1', to: '+2', direction: 'inbound' };
  const stream = open(
    { record: aStream(callSid, spec), call, tee: leg.tee, playout: leg.playout },
    { onStarted() {}, onStopped() {}, onPatch() {}, onEntry() {}, onPress: () => true, onHangup() {} },
  );
  const [app] = apps;
  assert.ok(app);
  app.app.onOpen();
  return { stream, app };
}

const samplesOf = (bytes: Buffer): Int16Array =>
  Int16Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readInt16LE(at * 2));

describe('a wideband leg', () => {
  let line: RtpLine;
  before(initMedia);
  beforeEach(() => {
    line = new RtpLine();
  });
  afterEach(() => line.close());

  it('carries 6 kHz both ways, a frame of 320 samples a beat', async () => {
    const { caller, callee } = await line.connect(wide, wide);
    assert.match(sdpOf(caller, 'dial'), /m=audio \d+ RTP\/AVP 9 0 101\r\na=rtpmap:9 G722\/8000/);
    assert.equal(caller.leg.playout.rate, 16_000);
    caller.leg.playout.enqueue(sine(6000, 2000, 16_000));
    callee.leg.playout.enqueue(sine(5000, 2000, 16_000));
    await line.run(60);
    assert.equal(callee.heard.length, 60 * 320);
    assert.ok(level(callee.heard, 6000, 16_000, 20) > 0.4);
    assert.ok(level(caller.heard, 5000, 16_000, 20) > 0.4);
    assert.equal(callee.leg.figures?.malformed, 0);
  });

  it('stays narrow where the far end chooses so', async () => {
    const { caller, callee } = await line.connect({ codecs: ['PCMU', 'G722'] }, { codecs: ['PCMU', 'G722'] });
    assert.equal(callee.leg.playout.rate, 8000);
    caller.leg.playout.enqueue(sine(1000, 2000, 8000));
    await line.run(60);
    assert.ok(level(callee.heard, 1000, 8000, 20) > 0.4);
  });

  it('6 kHz from the phone reaches an app of 16 kHz, and 6 kHz of the app the phone', async () => {
    const { caller, callee } = await line.connect(wide, wide);
    const mediaFormat = { encoding: 'audio/L16', sampleRate: 16_000, channels: 1 } as const;
    const { stream, app } = openStream(line, callee, { mode: 'duplex', mediaFormat });
    caller.leg.playout.enqueue(sine(6000, 3000, 16_000));
    const tone = sine(6000, 3000, 16_000);
    app.app.onBinary(Buffer.from(tone.buffer));
    await line.run(60);
    const heard = samplesOf(Buffer.concat(app.binaries));
    assert.equal(heard.length, 60 * 320);
    assert.ok(toneLevel(heard.subarray(6400, 14_400), 6000, 16_000) > 0.4);
    assert.ok(level(caller.heard, 6000, 16_000, 20) > 0.4);
    await stream.stop('hangup');
  });

  it('gives a stream of 8 kHz what is below 4 kHz, and nothing else of it', async () => {
    const { caller, callee } = await line.connect(wide, wide);
    const low = openStream(line, callee, { mode: 'raw' });
    const high = sine(6000, 3000, 16_000, 0.3);
    const voice = sine(1000, 3000, 16_000, 0.3).map((sample, at) => sample + (high[at] ?? 0));
    caller.leg.playout.enqueue(voice);
    await line.run(60);
    const heard = samplesOf(Buffer.concat(low.app.binaries)).subarray(3200, 7200);
    assert.ok(toneLevel(heard, 1000, 8000) > 0.25);
    assert.ok(toneLevel(heard, 2000, 8000) < 0.005, 'what 6 kHz would fold to');
    await low.stream.stop('hangup');
  });

  it('keeps its rate when a re-INVITE brings another codec, and is wide again with the next', async () => {
    const { caller, callee } = await line.connect(wide, wide);
    const offer = sdpOf(caller, 'dial');
    const answer = sdpOf(callee, 'answer');
    const reoffer = (codecs: string): void => {
      const change = (sdp: string): string => sdp.replace(/RTP\/AVP .*/, `RTP/AVP ${codecs} 101`);
      callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp: change(offer) });
      caller.leg.deliver({ kind: 'reoffered', leg: caller.leg.id, sdp: change(answer) });
    };
    const { playout } = caller.leg;
    playout.enqueue(sine(1000, 1000, 16_000));
    await line.run(50);
    reoffer('0');
    playout.enqueue(sine(1000, 1000, 16_000));
    await line.run(50);
    reoffer('9');
    playout.enqueue(sine(6000, 1000, 16_000));
    await line.run(50);
    assert.equal(playout.rate, 16_000);
    assert.equal(callee.heard.length, 150 * 320);
    assert.ok(level(callee.heard, 1000, 16_000, 15) > 0.4);
    assert.ok(level(callee.heard, 1000, 16_000, 65) > 0.4);
    assert.ok(level(callee.heard, 7000, 16_000, 65) < 0.005, 'no image of the narrow codec');
    assert.ok(level(callee.heard, 6000, 16_000, 115) > 0.4);
    assert.equal(playout.playedSamples, 3 * 16_000);
    assert.equal(callee.leg.figures?.jitter.jumps, 0);
  });

  it('a narrow leg goes on narrow when a re-INVITE brings G.722', async () => {
    const { caller, callee } = await line.connect({ codecs: ['PCMU', 'G722'] }, { codecs: ['PCMU', 'G722'] });
    const change = (sdp: string): string => sdp.replace(/RTP\/AVP .*/, 'RTP/AVP 9 101');
    callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp: change(sdpOf(caller, 'dial')) });
    caller.leg.deliver({ kind: 'reoffered', leg: caller.leg.id, sdp: change(sdpOf(callee, 'answer')) });
    caller.leg.playout.enqueue(sine(1000, 2000, 8000));
    await line.run(60);
    assert.equal(callee.heard.length, 60 * 160);
    assert.ok(level(callee.heard, 1000, 8000, 20) > 0.4);
  });

  it('one call wide, the next narrow: nothing is left over', async () => {
    for (const codecs of [['G722'], ['PCMA'], ['G722']] as const) {
      const { caller, callee } = await line.connect({ codecs }, { codecs });
      const { rate } = caller.leg.playout;
      assert.equal(rate, codecs[0] === 'G722' ? 16_000 : 8000);
      caller.leg.playout.enqueue(sine(700, 1500, rate));
      await line.run(60);
      assert.ok(level(callee.heard, 700, rate, 20) > 0.4);
      caller.leg.close();
      callee.leg.close();
    }
  });

  it('presses and hears keys as tones', async () => {
    const { caller, callee } = await line.connect(wide, { ...wide, telephoneEvent: false });
    const press = caller.leg.press('5#');
    await line.run(60);
    await press;
    assert.deepEqual(
      callee.digits.map((told) => told.split(' ').slice(0, 2).join(' ')),
      ['5 tone', '# tone'],
    );
  });

  it('is silent when nothing is played', async () => {
    const { callee } = await line.connect(wide, wide);
    await line.run(50);
    assert.ok(rms(Int16Array.from(callee.heard)) < 0.0005);
  });
});
