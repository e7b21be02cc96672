import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  pivotSignature,
  signatureHeaders,
  twilioSignature,
  verifySignature,
  verifyTwilioSignature,
  withBodyHash,
} from '../../../shared/net/signature.ts';

const token = 'a token of the account';
const sign = (text: string) => createHmac('sha1', token).update(text).digest('base64');

describe('X-Twilio-Signature', () => {
  it('signs URL and sorted fields', () => {
    const fields = { To: '+15550100', CallSid: 'CA1', Digits: '12#' };
    assert.equal(
      twilioSignature(token, 'https://h/a?b=1', fields),
      sign('https://h/a?b=1CallSidCA1Digits12#To+15550100'),
    );
  });

  it('takes repeated values once, sorted', () => {
    const fields = { Event: ['ringing', 'answered', 'ringing'] };
    assert.equal(twilioSignature(token, 'https://h/a', fields), sign('https://h/aEventansweredEventringing'));
  });

  it('AC-53: signs an upgrade over the URL alone, and verifies it', () => {
    const header = signatureHeaders(token, { url: 'wss://host/path' }, 0)['X-Twilio-Signature'];
    assert.equal(header, sign('wss://host/path'));
    assert.equal(verifyTwilioSignature(token, header, { url: 'wss://host/path' }), true);
    assert.equal(verifyTwilioSignature(token, header, { url: 'wss://host/other' }), false);
    assert.equal(verifyTwilioSignature('another token', header, { url: 'wss://host/path' }), false);
  });

  it('AC-67: verifies with and without the default port', () => {
    const with443 = twilioSignature(token, 'https://h:443/a?x=:1', { A: 'b' });
    assert.equal(verifyTwilioSignature(token, with443, { url: 'https://h/a?x=:1', fields: { A: 'b' } }), true);
    const without = twilioSignature(token, 'wss://[2606:4700::1]/a');
    assert.equal(verifyTwilioSignature(token, without, { url: 'wss://[2606:4700::1]:443/a' }), true);
    assert.equal(verifyTwilioSignature(token, without, { url: 'wss://[2606:4700::2]:443/a' }), false);
  });

  it('covers a JSON body by its hash', () => {
    const body = '{"a":1}';
    const url = withBodyHash('https://h/a?b=1', body);
    assert.match(url, /^https:\/\/h\/a\?b=1&bodySHA256=[0-9a-f]{64}$/);
    const header = twilioSignature(token, url);
    assert.equal(verifyTwilioSignature(token, header, { url, body }), true);
    assert.equal(verifyTwilioSignature(token, header, { url, body: '{"a":2}' }), false);
  });

  it('refuses anything that is not the signature', () => {
    for (const header of ['', 'x', sign('https://h/a').slice(1), '\u{1F4DE}']) {
      assert.equal(verifyTwilioSignature(token, header, { url: 'https://h/a' }), false);
    }
  });
});

describe('X-Pivot-Signature', () => {
  const now = 1_700_000_000_500;
  const request = { url: 'https://h/a', body: 'A=b' };

  it('is the HMAC of time, URL and body', () => {
    const wanted = createHmac('sha256', token).update('1700000000.https://h/a.A=b').digest('hex');
    assert.equal(pivotSignature(token, request.url, request.body, now), `t=1700000000,v1=${wanted}`);
  });

  it('is verified within the window only', () => {
    const header = pivotSignature(token, request.url, Buffer.from(request.body), now);
    assert.equal(verifySignature(token, header, request, now), true);
    assert.equal(verifySignature(token, header, request, now + 299_000), true);
    assert.equal(verifySignature(token, header, request, now + 301_000), false);
    assert.equal(verifySignature(token, header, request, now - 301_000), false);
  });

  it('covers URL, body, time and token', () => {
    const header = pivotSignature(token, request.url, request.body, now);
    assert.equal(verifySignature(token, header, { ...request, url: 'https://h/b' }, now), false);
    assert.equal(verifySignature(token, header, { ...request, body: 'A=c' }, now), false);
    assert.equal(verifySignature(token, header.replace('t=1700000000', 't=1700000001'), request, now), false);
    assert.equal(verifySignature('another token', header, request, now), false);
  });

  it('refuses what is not a signature', () => {
    for (const header of ['', 't=,v1=', 'v1=00', 't=1700000000', 't=1700000000,v1=zz', `t=${'9'.repeat(400)},v1=0`]) {
      assert.equal(verifySignature(token, header, request, now), false, header);
    }
  });
});
