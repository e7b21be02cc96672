import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { GatewayLetter } from '../../../shared/domain/letter.ts';
import { newCallSid, type OfferNumber } from '../../../shared/kernel/ids.ts';
import { readMoved, writeMoved } from '../../../shared/net/moved-notice.ts';
import { type LineEnd, RtpLine } from '../../support/rtp-line.ts';
import { RtpProbe } from '../../support/rtp-probe.ts';
import { sine, toneLevel } from '../../support/tone.ts';

const letter = <Kind extends GatewayLetter['kind']>(
  end: LineEnd,
  kind: Kind,
): Extract<GatewayLetter, { kind: Kind }> => {
  const found = end.letters.findLast((sent): sent is Extract<GatewayLetter, { kind: Kind }> => sent.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} letter`);
  return found;
};

const types = (end: LineEnd): string[] => end.entries.map(({ type }) => type);

/** The level of a tone in the 800 ms heard from a sample on; it was sent at 0.5. */
const level = (samples: readonly number[], hertz: number, from = 6400): number =>
  toneLevel(Int16Array.from(samples.slice(from, from + 6400)), hertz, 8000);

const offerOf = (port: number, ...attributes: string[]): string =>
  ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=audio ${port} RTP/AVP 0 101`]
    .concat('a=rtpmap:101 telephone-event/8000', attributes, '')
    .join('\r\n');

const first = 1 as OfferNumber;
const second = 2 as OfferNumber;

describe('a SIP leg', () => {
  let line: RtpLine;
  beforeEach(() => {
    line = new RtpLine();
  });
  afterEach(() => line.close());

  it('carries sound both ways, measured by ear, and gives each beat one frame of each track', async () => {
    const { caller, callee } = await line.connect();
    caller.leg.playout.enqueue(sine(440, 2000, 8000));
    callee.leg.playout.enqueue(sine(1000, 2000, 8000));
    await line.run(100);
    assert.deepEqual(caller.told, ['ringing 180', 'answered']);
    assert.deepEqual(callee.told, ['answered']);
    assert.equal(caller.heard.length, 100 * 160);
    assert.equal(caller.said.length, 100 * 160);
    assert.ok(level(callee.heard, 440) > 0.4, `${level(callee.heard, 440)}`);
    assert.ok(level(caller.heard, 1000) > 0.4, `${level(caller.heard, 1000)}`);
    assert.ok(level(caller.heard, 440) < 0.01);
    assert.deepEqual(types(caller), ['media.started']);
  });

  it("says nothing more in a beat in whose midst its thread stood still: the call may be another owner's", async () => {
    const { caller } = await line.connect();
    await line.run(10);
    const sent = (): number => caller.leg.figures?.sent ?? 0;
    const before = sent();
    caller.leg.playout.enqueue(sine(440, 10, 8000));
    caller.leg.playout.mark(() => line.clock.advance(5000));
    line.beats.beat();
    assert.equal(sent(), before);
    line.beats.beat();
    assert.equal(sent(), before + 1);
  });

  it('AC-85: is taken over by another owner: the far end sends and hears at the new place', async () => {
    const { caller, callee } = await line.connect();
    caller.leg.close();
    const next = line.end(null);
    next.onLetter = (sent) => {
      if (sent.kind === 'reoffer') callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp: sent.sdp });
    };
    callee.onLetter = (sent) => {
      if (sent.kind === 'answer-reoffer') next.leg.deliver({ kind: 'reanswered', leg: next.leg.id, sdp: sent.sdp });
    };
    next.leg.takeOver();
    // What the owner before left unread in the box changes nothing.
    next.leg.deliver({ kind: 'acked', leg: next.leg.id, sdp: null });
    next.leg.deliver({ kind: 'failed', leg: next.leg.id, sipCode: 486, reason: 'Busy Here' });
    await line.run(5);
    assert.deepEqual([next.told, next.leg.state], [['answered'], 'up']);
    next.leg.playout.enqueue(sine(440, 2000, 8000));
    callee.leg.playout.enqueue(sine(1000, 2000, 8000));
    const before = callee.heard.length;
    await line.run(100);
    assert.ok(level(callee.heard, 440, before + 6400) > 0.4);
    assert.ok(level(next.heard, 1000, 5 * 160 + 6400) > 0.4);
  });

  it('of an owner that died while it rang: is asked for, waited for, and moved when it is answered', async () => {
    const { callee } = await line.connect();
    const next = line.end(null);
    next.leg.find();
    assert.deepEqual(
      next.letters.map(({ kind }) => kind),
      ['find'],
    );
    // What the owner before left unread.
    next.leg.deliver({ kind: 'ringing', leg: next.leg.id, sipCode: 180, sdp: null });
    next.leg.deliver({ kind: 'found', leg: next.leg.id, stage: 'calling' });
    next.leg.join();
    next.leg.deliver({ kind: 'ringing', leg: next.leg.id, sipCode: 183, sdp: offerOf(4000) });
    next.leg.deliver({ kind: 'answered', leg: next.leg.id, sdp: offerOf(4000) });
    await line.run(1);
    assert.deepEqual(next.told, ['found calling', 'ringing 183']);
    assert.match(letter(next, 'reoffer').sdp, /^m=audio \d+ RTP\/AVP/m);
    callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp: letter(next, 'reoffer').sdp });
    const answer = letter(callee, 'answer-reoffer').sdp;
    next.leg.deliver({ kind: 'reanswered', leg: next.leg.id, sdp: answer });
    assert.deepEqual(next.told, ['found calling', 'ringing 183', 'answered']);
    next.leg.close();
  });

  it('is hung up and failed when the far end does not follow to the new owner', async () => {
    const { callee } = await line.connect();
    const next = line.end(null);
    next.leg.takeOver();
    await line.run(1);
    assert.match(letter(next, 'reoffer').sdp, /^m=audio \d+ RTP\/AVP/m);
    // What the far end asked the owner before.
    next.leg.deliver({ kind: 'reoffered', leg: next.leg.id, sdp: offerOf(4000), offer: first });
    const { sipCode, offer } = letter(next, 'reject-reoffer');
    assert.deepEqual([sipCode, offer], [491, first]);
    next.leg.deliver({ kind: 'reoffer-failed', leg: next.leg.id, sipCode: 488 });
    assert.deepEqual(next.told, ['failed 488 The media could not be moved']);
    assert.deepEqual(
      next.letters.map(({ kind }) => kind),
      ['reoffer', 'reject-reoffer', 'hangup'],
    );
    callee.leg.close();
  });

  it('does not take for its own what the far end says to the offer of the owner before', async () => {
    const { callee } = await line.connect();
    const next = line.end(null);
    next.leg.takeOver();
    await line.run(1);
    const { sdp, offer } = letter(next, 'reoffer');
    assert.ok(offer !== undefined && offer !== first);
    next.leg.deliver({ kind: 'reanswered', leg: next.leg.id, sdp: offerOf(4000), offer: first });
    next.leg.deliver({ kind: 'reoffer-failed', leg: next.leg.id, sipCode: 488, offer: second });
    assert.deepEqual(next.told, []);
    callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp });
    next.leg.deliver({ kind: 'reanswered', leg: next.leg.id, sdp: letter(callee, 'answer-reoffer').sdp, offer });
    assert.deepEqual(next.told, ['answered']);
  });

  it('speaks A-law when that is agreed', async () => {
    const { caller, callee } = await line.connect({}, { codecs: ['PCMA'] });
    callee.leg.playout.enqueue(sine(700, 2000, 8000));
    await line.run(80);
    assert.ok(level(caller.heard, 700) > 0.4);
    const [started] = caller.entries;
    assert.equal(started?.type === 'media.started' && started.codec, 'PCMA');
  });

  it('presses digits, with pauses, each heard once; the playout goes on', async () => {
    const { caller, callee } = await line.connect();
    let pressed = false;
    const press = caller.leg.press('1w2#').then(() => {
      pressed = true;
    });
    await line.run(80);
    assert.ok(pressed);
    await press;
    assert.deepEqual(callee.digits, ['1 rfc4733 100', '2 rfc4733 100', '# rfc4733 100']);
    assert.equal(callee.leg.figures?.lost, 0);
  });

  it('stops pressing when asked to', async () => {
    const { caller, callee } = await line.connect();
    const stop = new AbortController();
    const press = caller.leg.press('1234567890', stop.signal);
    await line.run(15);
    stop.abort(new Error('enough'));
    await assert.rejects(press, /enough/);
    await line.run(60);
    assert.ok(callee.digits.length >= 1 && callee.digits.length <= 2, callee.digits.join());
  });

  it('presses and hears tones when telephone-event was not agreed, and only then', async () => {
    const { caller, callee } = await line.connect({}, { telephoneEvent: false });
    const press = caller.leg.press('5#');
    await line.run(60);
    await press;
    assert.deepEqual(
      callee.digits.map((told) => told.split(' ').slice(0, 2).join(' ')),
      ['5 tone', '# tone'],
    );
    assert.ok(toneLevel(Int16Array.from(callee.heard.slice(600, 1200)), 770, 8000) > 0.1);
    assert.ok(toneLevel(Int16Array.from(callee.heard.slice(600, 1200)), 1336, 8000) > 0.1);
  });

  it('passes on digits of SIP INFO', async () => {
    const { callee } = await line.connect();
    callee.leg.deliver({ kind: 'digit', leg: callee.leg.id, digit: '9', durationMs: 160 });
    assert.deepEqual(callee.digits, ['9 info 160']);
  });

  it('AC-93: hold gives silence inbound, resume gives sound again, and frames never stop', async () => {
    const { caller, callee } = await line.connect({ mediaTimeoutMs: 0 });
    caller.leg.playout.enqueue(sine(440, 6000, 8000));
    await line.run(50);
    const sdp = letter(caller, 'dial').sdp;
    callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp: sdp.replace('a=sendrecv', 'a=sendonly') });
    assert.match(letter(callee, 'answer-reoffer').sdp, /a=recvonly/);
    await line.run(300);
    assert.equal(callee.heard.length, 350 * 160);
    assert.ok(callee.heard.slice(52 * 160).every((sample) => sample === 0));
    callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp });
    caller.leg.playout.enqueue(sine(440, 6000, 8000));
    await line.run(60);
    assert.ok(level(callee.heard, 440, 370 * 160) > 0.4);
    assert.deepEqual(types(callee), ['media.started', 'media.held', 'media.resumed']);
    assert.deepEqual(callee.told, ['answered'], 'no media time-out on hold');
  });

  it('follows a moved address', async () => {
    const { callee } = await line.connect();
    const probe = await RtpProbe.open();
    const { port } = probe.address;
    callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp: offerOf(port) });
    await line.run(3);
    await probe.received(3);
    probe.close();
    assert.deepEqual(callee.entries.at(-1), { type: 'media.moved', remote: `127.0.0.1:${port}` });
  });

  it('refuses a re-offer it cannot do and keeps the sound', async () => {
    const { caller, callee } = await line.connect();
    callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp: offerOf(4000).replace('AVP 0 101', 'AVP 18') });
    assert.equal(letter(callee, 'reject-reoffer').sipCode, 488);
    caller.leg.playout.enqueue(sine(440, 2000, 8000));
    await line.run(60);
    assert.ok(level(callee.heard, 440) > 0.4);
  });

  it('offers when asked to by an empty re-INVITE', async () => {
    const { caller, callee } = await line.connect();
    callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp: null });
    assert.match(letter(callee, 'answer-reoffer').sdp, /m=audio \d+ RTP\/AVP 0 8 101/);
    callee.leg.deliver({ kind: 'acked', leg: callee.leg.id, sdp: letter(caller, 'dial').sdp });
    caller.leg.playout.enqueue(sine(440, 2000, 8000));
    await line.run(60);
    assert.ok(level(callee.heard, 440) > 0.4);
  });

  const held = (sdp: string): string => sdp.replace('a=sendrecv', 'a=sendonly');

  it('goes back to what was agreed when an offer was refused or cancelled before its answer came', async () => {
    const { caller, callee } = await line.connect({ mediaTimeoutMs: 0 });
    const { sdp } = letter(caller, 'dial');
    const elsewhere = held(sdp).replace(/m=audio \d+/, 'm=audio 4000');
    callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp: elsewhere, offer: first });
    assert.equal(letter(callee, 'answer-reoffer').offer, first);
    // Read twice: answered once, and what is agreed now is not what was agreed before.
    callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp: elsewhere, offer: first });
    callee.leg.deliver({ kind: 'reoffer-over', leg: callee.leg.id, offer: first });
    caller.leg.playout.enqueue(sine(440, 2000, 8000));
    callee.leg.playout.enqueue(sine(1000, 2000, 8000));
    await line.run(70);
    assert.ok(level(callee.heard, 440, callee.heard.length - 6400) > 0.4);
    assert.ok(level(caller.heard, 1000, caller.heard.length - 6400) > 0.4);
    assert.deepEqual(types(callee), ['media.started', 'media.moved', 'media.held', 'media.moved', 'media.resumed']);
    assert.equal(callee.letters.filter(({ kind }) => kind === 'answer-reoffer').length, 1);
  });

  it('goes back by no more than the offer that is over, and only when it had said yes to it', async () => {
    const { caller, callee } = await line.connect({ mediaTimeoutMs: 0 });
    const { sdp } = letter(caller, 'dial');
    const deliver = (offered: string | null, offer: OfferNumber): void =>
      callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp: offered, offer });
    deliver(held(sdp), first);
    callee.leg.deliver({ kind: 'reoffer-over', leg: callee.leg.id, offer: second });
    deliver(sdp.replace(/AVP [\d ]+/, 'AVP 18'), second);
    assert.deepEqual(callee.letters.at(-1), { kind: 'reject-reoffer', leg: 'a', sipCode: 488, offer: second });
    callee.leg.deliver({ kind: 'reoffer-over', leg: callee.leg.id, offer: second });
    assert.deepEqual(types(callee), ['media.started', 'media.held']);
  });

  it('takes its offer back when nobody waits for it any more', async () => {
    const { callee } = await line.connect();
    callee.leg.deliver({ kind: 'reoffered', leg: callee.leg.id, sdp: null, offer: first });
    assert.equal(letter(callee, 'answer-reoffer').offer, first);
    callee.leg.deliver({ kind: 'reoffer-over', leg: callee.leg.id, offer: first });
    callee.leg.deliver({ kind: 'acked', leg: callee.leg.id, sdp: offerOf(4000) });
    assert.deepEqual(types(callee), ['media.started']);
  });

  it('completes a late offer with the ACK', async () => {
    const caller = await RtpProbe.open();
    const callee = line.end(null);
    callee.leg.ring();
    callee.leg.answer();
    const { sdp } = await line.until(() => callee.letters.find((sent) => sent.kind === 'answer'));
    assert.match(sdp, /m=audio/);
    assert.deepEqual(callee.told, []);
    callee.leg.deliver({ kind: 'acked', leg: callee.leg.id, sdp: offerOf(caller.address.port) });
    assert.deepEqual(callee.told, ['answered']);
    await line.run(3);
    await caller.received(3);
    caller.close();
  });

  it('fails a late offer whose ACK says nothing', async () => {
    const callee = line.end(null);
    callee.leg.answer();
    await line.until(() => callee.letters.find((sent) => sent.kind === 'answer'));
    callee.leg.deliver({ kind: 'acked', leg: callee.leg.id, sdp: null });
    assert.deepEqual(callee.told, ['failed 488 No answer in the ACK']);
    assert.equal(letter(callee, 'hangup').kind, 'hangup');
  });

  it('hears early media and is answered after it', async () => {
    const far = line.end(null);
    const caller = line.end(null);
    const order = { to: 'b', from: 'a', callerName: null, trunk: null, headers: {}, ringTimeoutMs: 1000 };
    caller.leg.dial(order);
    await line.until(() => caller.letters[0]);
    const early = await line.connect();
    const answer = letter(early.callee, 'answer').sdp;
    caller.leg.deliver({ kind: 'ringing', leg: caller.leg.id, sipCode: 183, sdp: answer });
    assert.equal(caller.leg.state, 'ringing');
    await line.run(2);
    assert.equal(caller.heard.length, 320);
    caller.leg.deliver({ kind: 'answered', leg: caller.leg.id, sdp: answer });
    assert.deepEqual(caller.told, ['ringing 183', 'answered']);
    assert.deepEqual(types(caller), ['media.started']);
    far.leg.close();
  });

  /** What a branch is handed that joins now, as a stream of the document does. */
  const remembered = (end: LineEnd): number[] => {
    const samples: number[] = [];
    const leave = end.leg.tee.add({ beat: (_beat, inbound) => samples.push(...inbound.samples) }, true);
    leave();
    return samples;
  };

  it('remembers what is heard from its answer on, also before the ACK, and no ACK makes a hole', async () => {
    const caller = line.end(null);
    caller.leg.dial({ to: 'b', from: 'a', callerName: null, trunk: null, headers: {}, ringTimeoutMs: 1000 });
    const { sdp } = await line.until(() => caller.letters.find((sent) => sent.kind === 'dial'));
    const callee = line.end(sdp);
    callee.leg.ring();
    callee.leg.answer();
    const answer = await line.until(() => callee.letters.find((sent) => sent.kind === 'answer'));
    caller.leg.deliver({ kind: 'answered', leg: caller.leg.id, sdp: answer.sdp });
    caller.leg.playout.enqueue(sine(440, 800, 8000));
    await line.run(15);
    assert.deepEqual(callee.told, []);
    callee.leg.deliver({ kind: 'acked', leg: callee.leg.id, sdp: null });
    await line.run(15);
    assert.deepEqual(callee.told, ['answered']);
    assert.equal(remembered(callee).length, 30 * 160);
    assert.deepEqual(remembered(callee), callee.heard);
    assert.ok(toneLevel(Int16Array.from(remembered(callee).slice(10 * 160)), 440, 8000) > 0.45);
    assert.equal(callee.leg.figures?.jitter.lostFrames, 0);
    await line.run(71);
    assert.deepEqual(remembered(callee), []);
  });

  it('early media is not remembered: the answer has not come yet', async () => {
    const { callee } = await line.connect();
    const { sdp } = letter(callee, 'answer');
    const caller = line.end(null);
    caller.leg.dial({ to: 'b', from: 'a', callerName: null, trunk: null, headers: {}, ringTimeoutMs: 1000 });
    await line.until(() => caller.letters[0]);
    caller.leg.deliver({ kind: 'ringing', leg: caller.leg.id, sipCode: 183, sdp });
    await line.run(20);
    assert.equal(remembered(caller).length, 0);
    caller.leg.deliver({ kind: 'answered', leg: caller.leg.id, sdp });
    await line.run(5);
    assert.equal(remembered(caller).length, 5 * 160);
    caller.leg.close();
    assert.equal(remembered(caller).length, 0);
  });

  it('ends after the media time-out, saying so', async () => {
    const { caller, callee } = await line.connect();
    await line.run(10);
    caller.leg.close();
    await line.run(290);
    assert.deepEqual(callee.told.at(-1), 'ended media-timeout null');
    assert.equal(types(callee).at(-1), 'media.timeout');
    assert.equal(letter(callee, 'hangup').kind, 'hangup');
    assert.equal(line.beats.joined, 0);
  });

  it('declines with 488 what it cannot speak', async () => {
    const callee = line.end(offerOf(4000).replace('AVP 0 101', 'AVP 18'));
    callee.leg.answer();
    await line.until(() => callee.told[0]);
    assert.deepEqual(callee.told, ['failed 488 No codec in common']);
    assert.deepEqual(callee.letters, [{ kind: 'reject', leg: 'a', sipCode: 488, reason: 'No codec in common' }]);
  });

  it('hangs up a far end that answered with what was not offered', async () => {
    const caller = line.end(null);
    caller.leg.dial({ to: 'b', from: 'a', callerName: null, trunk: null, headers: {}, ringTimeoutMs: 1000 });
    await line.until(() => caller.letters[0]);
    caller.leg.deliver({ kind: 'answered', leg: caller.leg.id, sdp: offerOf(4000).replace('AVP 0 101', 'AVP 9') });
    assert.deepEqual(caller.told, ['failed 488 No codec in common']);
    assert.equal(letter(caller, 'hangup').kind, 'hangup');
  });

  it('fails with 503 when the port range is full, costing only that leg', async () => {
    const small = new RtpLine({ low: 40_100, high: 40_103 });
    try {
      const { caller, callee } = await small.connect();
      const third = small.end(letter(caller, 'dial').sdp);
      third.leg.answer();
      await small.until(() => third.told[0]);
      assert.deepEqual(third.told, ['failed 503 No RTP port free']);
      assert.equal(letter(third, 'reject').sipCode, 503);
      assert.equal(callee.leg.state, 'up');
    } finally {
      small.close();
    }
  });

  it('says nothing to a caller before its answer is written down', async () => {
    let writtenDown = (): void => {};
    const probe = await RtpProbe.open();
    const written = new Promise<void>((resolve) => {
      writtenDown = resolve;
    });
    const end = line.end(offerOf(probe.address.port), {}, () => written);
    end.leg.answer();
    await line.until(() => end.letters.find(({ kind }) => kind === 'answer'));
    await line.run(5);
    assert.equal(end.leg.figures?.sent, 0);
    writtenDown();
    await line.run(5);
    assert.ok((end.leg.figures?.sent ?? 0) >= 4);
    probe.close();
  });

  it('hears of another owner of its media by a notice with a newer version than its own', async () => {
    const told: string[] = [];
    const sid = newCallSid();
    const moved = (who: string) => ({
      read: (packet: Uint8Array) => readMoved('key', sid, packet),
      tell: () => told.push(who),
    });
    const { caller } = await line.connect({ moved: moved('caller') }, { moved: moved('callee') });
    const port = /m=audio (\d+)/.exec(letter(caller, 'dial').sdp)?.[1];
    const stranger = await RtpProbe.open();
    const send = (packet: Buffer): Promise<void> => stranger.sendRaw(Number(port) + 1, packet);
    await send(writeMoved('guessed', sid, 9));
    await send(writeMoved('key', newCallSid(), 9));
    // Its own, sent again by somebody.
    await send(writeMoved('key', sid, 1));
    await send(writeMoved('key', sid, 2));
    await line.until(() => told[0]);
    await line.run(3);
    stranger.close();
    assert.deepEqual(told, ['caller']);
  });

  it('tells a bug met when its sockets are open, and hangs up', async () => {
    const end = line.end(null);
    end.onLetter = (sent) => {
      if (sent.kind === 'dial') throw new Error('a bug behind a promise');
    };
    end.leg.dial({ to: '+1', from: '+2', callerName: null, trunk: null, headers: {}, ringTimeoutMs: 60_000 });
    await line.until(() => end.told[0]);
    assert.deepEqual(end.told, ['bug Error: a bug behind a promise']);
    assert.equal(letter(end, 'hangup').leg, end.leg.id);
    assert.equal(line.ports.used, 0);
  });

  it('tells a bug even when it cannot hang up any more', async () => {
    const { caller } = await line.connect();
    caller.onLetter = () => {
      throw new Error('nor can it say goodbye');
    };
    line.beats.fail(new Error('a bug in a beat'), 1);
    assert.deepEqual(caller.told.slice(-1), ['bug Error: a bug in a beat']);
  });

  it('hangs up once, is silent afterwards and gives everything back', async () => {
    const { caller, callee } = await line.connect();
    const used = line.ports.used;
    caller.leg.hangup();
    caller.leg.hangup();
    caller.leg.deliver({ kind: 'ended', leg: caller.leg.id, by: 'bye', sipCode: 200 });
    assert.deepEqual(caller.told, ['ringing 180', 'answered']);
    assert.equal(caller.letters.filter(({ kind }) => kind === 'hangup').length, 1);
    callee.leg.deliver({ kind: 'ended', leg: callee.leg.id, by: 'bye', sipCode: 200 });
    callee.leg.close();
    assert.deepEqual(callee.told, ['answered', 'ended bye 200']);
    assert.equal(line.beats.joined, 0);
    assert.equal(line.ports.used, used - 2);
    assert.equal(line.clock.pending, 0);
  });

  it('AC-93: beats that were left out reach the tee as silence', async () => {
    const { callee } = await line.connect();
    await line.run(5);
    line.beats.skip(70);
    await line.run(5);
    assert.equal(callee.heard.length, 80 * 160);
  });

  it('takes every letter twice without harm', async () => {
    const { caller, callee } = await line.connect();
    const answer = letter(callee, 'answer').sdp;
    caller.leg.deliver({ kind: 'ringing', leg: caller.leg.id, sipCode: 180, sdp: null });
    caller.leg.deliver({ kind: 'answered', leg: caller.leg.id, sdp: answer });
    callee.leg.deliver({ kind: 'acked', leg: callee.leg.id, sdp: null });
    caller.leg.deliver({ kind: 'failed', leg: caller.leg.id, sipCode: 486, reason: 'Busy' });
    assert.deepEqual(caller.told, ['ringing 180', 'answered']);
    assert.deepEqual(callee.told, ['answered']);
  });
});
