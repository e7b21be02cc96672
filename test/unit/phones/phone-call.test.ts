/** A phone's call against a scripted far end: which offer goes out when, and what an answer without a description means. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { answerOffer } from '../../../worker/leg/sdp.ts';
import { PhoneCall } from '../../../worker/phones/phone-call.ts';
import { PortPool } from '../../../worker/rtp/ports.ts';
import type { SipCall, SipCallDelegate } from '../../../worker/sip/sip-call.ts';
import { ManualClock } from '../../support/clock.ts';
import { ManualBeats } from '../../support/rtp-line.ts';

const farEnd = {
  address: '192.0.2.10',
  port: 20_000,
  codecs: ['PCMU'],
  telephoneEvent: true,
  session: 42,
  version: 1,
  direction: 'sendrecv',
} as const;

class FarEnd {
  readonly offers: string[] = [];
  readonly call: PhoneCall;
  #delegate: SipCallDelegate | null = null;

  constructor() {
    const clock = new ManualClock();
    this.call = new PhoneCall(null, {
      onEvent: null,
      onGone: () => {},
      media: {
        clock,
        log: silentLogger,
        beatSource: new ManualBeats(),
        ports: new PortPool({ low: 30_000, high: 39_999 }, clock),
        host: '127.0.0.1',
        publicAddress: null,
        codecs: ['PCMU'],
        telephoneEvent: true,
        mediaTimeoutMs: 0,
      },
    });
  }

  async dialled(): Promise<SipCallDelegate> {
    await this.call.begin((sdp, delegate) => {
      this.#delegate = delegate;
      if (sdp !== null) this.offers.push(sdp);
      return this.#sip;
    }, false);
    assert.ok(this.#delegate);
    return this.#delegate;
  }

  /** The answer to the newest offer. */
  answer(): string {
    const answered = answerOffer(this.offers.at(-1) ?? '', farEnd);
    assert.ok(answered.ok);
    return answered.sdp;
  }

  get #sip(): SipCall {
    const ignored = (): void => {};
    return {
      callId: 'one',
      state: 'up',
      ring: ignored,
      answer: ignored,
      reject: ignored,
      hangup: ignored,
      reoffer: (sdp) => void this.offers.push(sdp),
      answerReoffer: ignored,
      refuseReoffer: ignored,
      info: ignored,
    };
  }
}

describe('the call of a phone', () => {
  let far: FarEnd;
  afterEach(() => far.call.hangup());

  const way = (): string | undefined => /^a=(send\w+|recvonly|inactive)/m.exec(far.offers.at(-1) ?? '')?.[1];

  it('offers again when its offer was answered, and of those that waited only the newest', async () => {
    far = new FarEnd();
    const delegate = await far.dialled();
    delegate.onAnswered(far.answer());
    far.call.hold();
    far.call.resume();
    far.call.hold();
    far.call.resume();
    assert.deepEqual([far.offers.length, way()], [2, 'sendonly']);
    delegate.onReanswered(far.answer());
    assert.equal(far.call.media.agreement?.direction, 'sendonly');
    assert.deepEqual([far.offers.length, way()], [3, 'sendrecv']);
    delegate.onReanswered(far.answer());
    assert.equal(far.call.media.agreement?.direction, 'sendrecv');
    assert.equal(far.offers.length, 3);
  });

  it('offers again when its offer was refused', async () => {
    far = new FarEnd();
    const delegate = await far.dialled();
    delegate.onAnswered(far.answer());
    far.call.hold();
    far.call.resume();
    delegate.onReofferFailed(488, 'Not Acceptable Here');
    assert.deepEqual([far.offers.length, way()], [3, 'sendrecv']);
  });

  it('can hold after a description in 183 and none in the 200', async () => {
    far = new FarEnd();
    const delegate = await far.dialled();
    delegate.onProgress(183, 'Session Progress', far.answer());
    delegate.onAnswered(null);
    assert.equal(far.call.state, 'up');
    far.call.hold();
    assert.deepEqual([far.offers.length, way()], [2, 'sendonly']);
  });
});
