import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Agreement,
  acceptAnswer,
  answerOffer,
  type Direction,
  type LocalAudio,
  makeOffer,
} from '../../../worker/leg/sdp.ts';

const us: LocalAudio = {
  address: '192.0.2.10',
  port: 20_000,
  codecs: ['PCMU', 'PCMA'],
  telephoneEvent: true,
  session: 42,
  version: 1,
  direction: 'sendrecv',
};

const lines = (...text: string[]): string => `${text.join('\r\n')}\r\n`;

const theirs = (...media: string[]): string =>
  lines('v=0', 'o=phone 1 1 IN IP4 198.51.100.5', 's=call', 'c=IN IP4 198.51.100.5', 't=0 0', ...media);

function answered(offer: string, local = us): { sdp: string; agreement: Agreement } {
  const result = answerOffer(offer, local);
  if (!result.ok) throw new Error(result.reason);
  return result;
}

function accepted(answer: string, local = us): Agreement {
  const result = acceptAnswer(answer, local);
  if (!result.ok) throw new Error(result.reason);
  return result.agreement;
}

describe('SDP offer', () => {
  it('offers both laws and telephone-event at 20 ms', () => {
    assert.equal(
      makeOffer(us),
      lines(
        'v=0',
        'o=- 42 1 IN IP4 192.0.2.10',
        's=-',
        'c=IN IP4 192.0.2.10',
        't=0 0',
        'm=audio 20000 RTP/AVP 0 8 101',
        'a=rtpmap:0 PCMU/8000',
        'a=rtpmap:8 PCMA/8000',
        'a=rtpmap:101 telephone-event/8000',
        'a=fmtp:101 0-15',
        'a=ptime:20',
        'a=sendrecv',
      ),
    );
  });

  it('speaks IPv6', () => {
    assert.match(makeOffer({ ...us, address: '2001:db8::1' }), /c=IN IP6 2001:db8::1\r\n/);
  });
});

describe('SDP answer', () => {
  it('speaks G.722 by its number alone, at the clock rate RFC 3551 gives it', () => {
    const local = { ...us, codecs: ['PCMU', 'PCMA', 'G722'] } as const;
    assert.match(makeOffer(local), /RTP\/AVP 0 8 9 101\r\n(.*\r\n){2}a=rtpmap:9 G722\/8000\r\n/);
    const { sdp, agreement } = answered(theirs('m=audio 4000 RTP/AVP 9 0'), local);
    assert.match(sdp, /m=audio 20000 RTP\/AVP 9 0\r\na=rtpmap:9 G722\/8000\r\n/);
    assert.equal(agreement.codec, 'G722');
    assert.equal(agreement.payloadType, 9);
    const mapped = answered(theirs('m=audio 4000 RTP/AVP 100', 'a=rtpmap:100 G722/8000'), local);
    assert.deepEqual([...mapped.agreement.receive], [[100, 'G722']]);
    assert.equal(answerOffer(theirs('m=audio 4000 RTP/AVP 9'), us).ok, false);
  });

  it('keeps the order of codecs and the payload types of the offer', () => {
    const { sdp, agreement } = answered(
      theirs('m=audio 4000 RTP/AVP 18 8 0 97', 'a=rtpmap:18 G729/8000', 'a=rtpmap:97 telephone-event/8000'),
    );
    assert.match(sdp, /m=audio 20000 RTP\/AVP 8 0 97\r\n/);
    assert.equal(agreement.codec, 'PCMA');
    assert.equal(agreement.payloadType, 8);
    assert.deepEqual(
      [...agreement.receive],
      [
        [8, 'PCMA'],
        [0, 'PCMU'],
      ],
    );
    assert.deepEqual(agreement.telephoneEvent, { receive: 97, send: 97, clockRate: 8000 });
    assert.deepEqual(agreement.remote, { address: '198.51.100.5', port: 4000 });
  });

  it('understands a dynamic payload type for G.711', () => {
    const { agreement } = answered(theirs('m=audio 4000 RTP/AVP 120', 'a=rtpmap:120 pcmu/8000'));
    assert.deepEqual([agreement.payloadType, agreement.codec], [120, 'PCMU']);
  });

  it('declines every other line with port 0, in its place', () => {
    const { sdp } = answered(
      theirs(
        'm=video 5000 RTP/AVP 96',
        'a=rtpmap:96 H264/90000',
        'm=audio 5002 RTP/SAVP 0',
        'm=audio 4000 RTP/AVP 0',
        'm=audio 4010 RTP/AVP 0',
      ),
    );
    assert.deepEqual(
      sdp.match(/^m=.*$/gm)?.map((line) => line.trim()),
      ['m=video 0 RTP/AVP 96', 'm=audio 0 RTP/SAVP 0', 'm=audio 20000 RTP/AVP 0', 'm=audio 0 RTP/AVP 0'],
    );
  });

  it('does without telephone-event when it is not offered, or of another clock', () => {
    assert.equal(answered(theirs('m=audio 4000 RTP/AVP 0')).agreement.telephoneEvent, null);
    const wide = theirs('m=audio 4000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/16000');
    assert.equal(answered(wide).agreement.telephoneEvent, null);
  });

  it('takes the address of the line before that of the session, and the RTCP port', () => {
    const { agreement } = answered(theirs('m=audio 4000 RTP/AVP 0', 'c=IN IP6 2001:db8::5', 'a=rtcp:4077'));
    assert.deepEqual(agreement.remote, { address: '2001:db8::5', port: 4000 });
    assert.deepEqual(agreement.remoteRtcp, { address: '2001:db8::5', port: 4077 });
  });

  const refused: readonly (readonly [string, string, number])[] = [
    ['no codec in common', theirs('m=audio 4000 RTP/AVP 18'), 488],
    ['no audio', theirs('m=video 4000 RTP/AVP 96'), 488],
    ['encrypted audio only', theirs('m=audio 4000 RTP/SAVP 0'), 488],
    ['declined audio', theirs('m=audio 0 RTP/AVP 0'), 488],
    ['no address', lines('v=0', 'o=- 1 1 IN IP4 1.2.3.4', 's=-', 't=0 0', 'm=audio 4000 RTP/AVP 0'), 488],
    ['no SDP', 'hello', 400],
    ['more than any phone sends', theirs('m=audio 4000 RTP/AVP 0', `a=${'x'.repeat(20_000)}`), 400],
  ];
  for (const [what, offer, code] of refused) {
    it(`refuses ${what} with ${code}`, () => {
      const result = answerOffer(offer, us);
      assert.equal(result.ok ? 200 : result.sipCode, code);
    });
  }

  it('takes no harm from broken descriptions', () => {
    const good = theirs('m=audio 4000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000', 'a=rtcp:4001');
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(20), fc.string({ maxLength: 12 }), (at, cut, text) => {
        const broken = good.slice(0, at) + text + good.slice(at + cut);
        answerOffer(broken, us);
        acceptAnswer(broken, us);
      }),
    );
  });
});

describe('hold', () => {
  const table: readonly (readonly [string, Direction, boolean])[] = [
    ['a=sendrecv', 'sendrecv', false],
    ['a=sendonly', 'recvonly', true],
    ['a=recvonly', 'sendonly', false],
    ['a=inactive', 'inactive', true],
    ['c=IN IP4 0.0.0.0', 'recvonly', true],
  ];
  for (const [line, ours, held] of table) {
    it(`${line} is answered with ${ours}`, () => {
      const order = line.startsWith('c=') ? [line] : ['c=IN IP4 198.51.100.5', line];
      const { sdp, agreement } = answered(theirs('m=audio 4000 RTP/AVP 0', ...order));
      assert.equal(agreement.direction, ours);
      assert.equal(agreement.held, held);
      assert.match(sdp, new RegExp(`a=${ours}\\r\\n`));
    });
  }

  it('of ours is offered and answered', () => {
    const holding: LocalAudio = { ...us, direction: 'sendonly' };
    assert.match(makeOffer(holding), /a=sendonly/);
    assert.equal(accepted(theirs('m=audio 4000 RTP/AVP 0', 'a=recvonly'), holding).direction, 'sendonly');
  });
});

describe('SDP answer to our offer', () => {
  it('sends events with their payload type and takes them with ours', () => {
    const agreement = accepted(theirs('m=audio 4000 RTP/AVP 8 96', 'a=rtpmap:96 telephone-event/8000'));
    assert.deepEqual(agreement.telephoneEvent, { receive: 101, send: 96, clockRate: 8000 });
    assert.equal(agreement.codec, 'PCMA');
  });

  it('sees that audio was declined or swapped for what we cannot do', () => {
    const declined = acceptAnswer(theirs('m=audio 0 RTP/AVP 0'), us);
    assert.equal(declined.ok ? '' : declined.reason, 'The audio was declined');
    assert.equal(acceptAnswer(theirs('m=audio 4000 RTP/AVP 9'), us).ok, false);
  });

  it('two of us agree', () => {
    const { sdp, agreement } = answered(makeOffer(us), { ...us, address: '192.0.2.20', port: 30_000 });
    const ours = accepted(sdp);
    assert.deepEqual(ours.remote, { address: '192.0.2.20', port: 30_000 });
    assert.equal(ours.codec, agreement.codec);
    assert.deepEqual(ours.telephoneEvent, agreement.telephoneEvent);
  });
});
