/** PROTOCOL §2.1, §4.1, §14.1: what a stream becomes when it is asked for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fillStream, isUpgradeHeader, readStreamUrl } from '../../../shared/domain/stream-spec.ts';

const url = 'wss://app.example/audio';

describe('stream spec', () => {
  it('takes the defaults of the call’s dialect', () => {
    const pivot = fillStream({ url, parent: 'start' }, 'pivot');
    assert.equal(pivot.mode, 'unidirectional');
    assert.equal(pivot.track, 'inbound');
    assert.deepEqual(pivot.mediaFormat, { encoding: 'audio/L16', sampleRate: 8000, channels: 1 });
    const twilio = fillStream({ url, parent: 'connect' }, 'twilio');
    assert.equal(twilio.mode, 'bidirectional');
    assert.deepEqual(twilio.mediaFormat, { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 });
    assert.deepEqual(twilio.customParameters, {});
  });

  it('AC-3: pcm16 ignores the sample rate and the mix', () => {
    const spec = fillStream(
      { url, parent: 'start', audioCodec: 'pcm16', sampleRate: 8000, audioMix: 'stereo', track: 'both' },
      'pivot',
    );
    assert.deepEqual(spec.mediaFormat, { encoding: 'audio/L16', sampleRate: 24_000, channels: 1 });
  });

  it('AC-6: raw audio is one-way, duplex two-way only', () => {
    assert.equal(fillStream({ url, parent: 'connect', rawAudio: true }, 'pivot').mode, 'bidirectional');
    assert.equal(fillStream({ url, parent: 'connect', rawAudio: 'duplex' }, 'pivot').mode, 'duplex');
    assert.equal(fillStream({ url, parent: 'start', rawAudio: true }, 'pivot').mode, 'raw');
    assert.equal(fillStream({ url, parent: 'start', rawAudio: 'duplex' }, 'pivot').mode, 'unidirectional');
  });

  it('is stereo only where both tracks are mixed', () => {
    const stereo = fillStream({ url, parent: 'start', audioMix: 'stereo', track: 'both' }, 'pivot');
    assert.equal(stereo.mediaFormat.channels, 2);
    const one = fillStream({ url, parent: 'start', audioMix: 'stereo', track: 'outbound' }, 'pivot');
    assert.equal(one.mediaFormat.channels, 1);
  });

  it('becomes Pivot by what only Pivot has, and Twilio again when it says so', () => {
    assert.equal(fillStream({ url, parent: 'start', audioCodec: 'pcma' }, 'twilio').dialect, 'pivot');
    assert.equal(fillStream({ url, parent: 'start', sampleRate: 16_000 }, 'twilio').dialect, 'pivot');
    const told = fillStream({ url, parent: 'start', dialect: 'twilio', rawAudio: true }, 'pivot');
    assert.equal(told.dialect, 'twilio');
    assert.equal(told.mode, 'unidirectional');
  });

  it('AC-37: takes wss always, ws only where it is allowed, and nothing else', () => {
    assert.deepEqual(readStreamUrl('wss://h/a?b=c#d', false), { kind: 'url', url: 'wss://h/a', stripped: true });
    assert.deepEqual(readStreamUrl('wss://h', false), { kind: 'url', url: 'wss://h/', stripped: false });
    assert.equal(readStreamUrl('ws://h/a', true).kind, 'url');
    const refused = (text: string, code: number) =>
      assert.deepEqual(readStreamUrl(text, false), { kind: 'refused', code, message: 'invalid websocket url' });
    refused('ws://h/a', 31922);
    refused('http://h/a', 31922);
    refused('/a', 31923);
    refused('wss://', 31923);
  });

  it('keeps the application’s hands off the handshake', () => {
    for (const name of ['Host', 'connection', 'Sec-WebSocket-Key', 'Upgrade', 'a b', '']) {
      assert.equal(isUpgradeHeader(name), false, name);
    }
    assert.equal(isUpgradeHeader('Authorization'), true);
    assert.equal(isUpgradeHeader('X-Room'), true);
  });
});
