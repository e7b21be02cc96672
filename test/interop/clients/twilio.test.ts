/**
 * Twilio's own Node library, unmodified, as developers use it against us: its builder writes the documents
 * we read, its validator judges the signatures we make (PROTOCOL §4.7, §6, §7.4).
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import twilio from 'twilio';
import { systemClock } from '../../../shared/kernel/clock.ts';
import { createDestinationGuard } from '../../../shared/net/destination.ts';
import { signatureHeaders, withBodyHash } from '../../../shared/net/signature.ts';
import type { Verb } from '../../../shared/twiml/document.ts';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';
import { HttpFetcher } from '../../../worker/fetch/http-fetcher.ts';
import { createConnector } from '../../../worker/stream/connection.ts';
import { HttpSink } from '../../support/http-sink.ts';
import { StreamPeer } from '../../support/stream-peer.ts';

const TOKEN = 'the token of the account';
const guard = createDestinationGuard({ allowPrivate: true });
const { validateRequest, validateRequestWithBody } = twilio;

describe('documents of the builder', () => {
  const parser = openTwimlParser();
  after(() => parser.close());

  async function verbs(response: InstanceType<typeof twilio.twiml.VoiceResponse>): Promise<readonly Verb[]> {
    const parsed = await parser.parse(response.toString(), {
      dialect: 'twilio',
      baseUrl: 'https://app.example/voice',
    });
    assert.ok(parsed.kind === 'document', JSON.stringify(parsed));
    assert.deepEqual(parsed.warnings, []);
    return parsed.document.verbs;
  }

  it('every verb is read as it was meant, without a warning', async () => {
    const response = new twilio.twiml.VoiceResponse();
    response.say({ voice: 'alice', language: 'en-GB', loop: 2 }, 'Hello & <goodbye>');
    response.play({ loop: 3 }, 'https://app.example/ding.wav');
    response.play({ digits: '1w2' });
    response.pause({ length: 4 });
    response.redirect({ method: 'GET' }, '/next?a=1&b=2');
    response.reject({ reason: 'busy' });
    response.hangup();
    const [say, play, digits, pause, redirect, reject, hangup] = await verbs(response);
    assert.ok(say?.verb === 'Say' && say.loop === 2 && say.language === 'en-GB' && say.voice === 'alice');
    assert.match(JSON.stringify(say), /Hello & <goodbye>/);
    assert.ok(play?.verb === 'Play' && play.url === 'https://app.example/ding.wav' && play.loop === 3);
    assert.ok(digits?.verb === 'Play' && digits.digits === '1w2');
    assert.ok(pause?.verb === 'Pause' && pause.lengthMs === 4000);
    assert.ok(redirect?.verb === 'Redirect' && redirect.method === 'GET');
    assert.equal(redirect.url, 'https://app.example/next?a=1&b=2');
    assert.ok(reject?.verb === 'Reject' && reject.reason === 'busy');
    assert.equal(hangup?.verb, 'Hangup');
  });

  it('streams: started with everything the builder knows, stopped by name, connected with an action', async () => {
    const response = new twilio.twiml.VoiceResponse();
    const started = response.start().stream({
      name: 'coach',
      url: 'wss://app.example/listen',
      track: 'both_tracks',
      statusCallback: 'https://app.example/events',
      statusCallbackMethod: 'GET',
    });
    started.parameter({ name: 'ticket', value: 'K-204 "now"' });
    response.stop().stream({ name: 'coach' });
    const connect = response.connect({ action: '/after', method: 'GET' });
    connect.stream({ url: 'wss://app.example/agent' }).parameter({ name: 'first', value: 'Ada' });
    const [start, stop, talk] = await verbs(response);
    assert.ok(start?.verb === 'Start' && start.stream.fault === null);
    assert.deepEqual(
      [start.stream.name, start.stream.url, start.stream.track],
      ['coach', 'wss://app.example/listen', 'both'],
    );
    assert.deepEqual(start.stream.customParameters, { ticket: 'K-204 "now"' });
    assert.match(JSON.stringify(start.stream), /https:\/\/app\.example\/events/);
    assert.ok(stop?.verb === 'Stop');
    assert.deepEqual(stop.target, { by: 'name', value: 'coach' });
    assert.ok(talk?.verb === 'Connect' && talk.stream.mode === 'bidirectional' && talk.stream.fault === null);
    assert.deepEqual([talk.action, talk.method], ['https://app.example/after', 'GET']);
    assert.deepEqual(talk.stream.customParameters, { first: 'Ada' });
  });
});

describe('the validator', () => {
  it('AC-53: accepts our upgrade', async () => {
    const peer = await StreamPeer.listen();
    const connect = createConnector({ clock: systemClock, guard, authToken: TOKEN });
    const connection = connect(
      { url: peer.url, headers: {}, retry: false },
      { onOpen: () => {}, onText: () => {}, onBinary: () => {}, onControl: () => {}, onGone: () => {} },
    );
    const { headers } = await peer.socket();
    const signature = String(headers['x-twilio-signature']);
    assert.equal(validateRequest(TOKEN, signature, peer.url, {}), true);
    assert.equal(validateRequest(TOKEN, signature, `${peer.url}/other`, {}), false);
    assert.equal(validateRequest('another token', signature, peer.url, {}), false);
    await connection.close();
    await peer.close();
  });

  it('AC-53: accepts wss://host/path with and without the default port', () => {
    const { 'X-Twilio-Signature': signature } = signatureHeaders(TOKEN, { url: 'wss://host/path' }, 0);
    assert.equal(validateRequest(TOKEN, signature, 'wss://host/path', {}), true);
    assert.equal(validateRequest(TOKEN, signature, 'wss://host/path', { a: '1' }), false);
  });

  it('AC-67: accepts our GET and POST webhooks', async () => {
    const http = new HttpFetcher({ guard, authToken: TOKEN, clock: systemClock });
    const sink = await HttpSink.open();
    const url = sink.on('/hook', (response) => response.writeHead(200).end());
    const fields = { CallSid: `CA${'0'.repeat(32)}`, From: '+15550009999', SpeechResult: 'Grüße & mehr = 7 %' };
    const order = { fields, timeoutMs: 5_000, maxBytes: 1_000, signal: new AbortController().signal };

    await http.session().fetch({ ...order, url, method: 'POST' });
    const post = sink.asked.at(-1);
    const form = Object.fromEntries(new URLSearchParams(post?.body));
    const signature = String(post?.headers['x-twilio-signature']);
    assert.deepEqual(form, fields);
    assert.equal(validateRequest(TOKEN, signature, url, form), true);
    assert.equal(validateRequest(TOKEN, signature, url, { ...form, From: '+1' }), false);

    await http.session().fetch({ ...order, url: `${url}?a=1`, method: 'GET' });
    const get = sink.asked.at(-1);
    assert.equal(
      validateRequest(TOKEN, String(get?.headers['x-twilio-signature']), `${sink.url}${get?.path}`, {}),
      true,
    );
    await http.close();
    await sink.close();
  });

  it('AC-67: accepts keys that repeat, as StatusCallbackEvent does', () => {
    const url = 'https://app.example/calls?x=1';
    const fields = { StatusCallbackEvent: ['ringing', 'answered', 'initiated', 'ringing'], To: '+15550100002' };
    const { 'X-Twilio-Signature': signature } = signatureHeaders(TOKEN, { url, fields }, 0);
    assert.equal(validateRequest(TOKEN, signature, url, fields), true);
    assert.equal(validateRequest(TOKEN, signature, url, { ...fields, StatusCallbackEvent: ['ringing'] }), false);
  });

  it('AC-67: accepts a JSON body by the hash in its URL', () => {
    const body = JSON.stringify({ CallStatus: 'completed' });
    const url = withBodyHash('https://app.example/json', body);
    const { 'X-Twilio-Signature': signature } = signatureHeaders(TOKEN, { url, body }, 0);
    assert.equal(validateRequestWithBody(TOKEN, signature, url, body), true);
    assert.equal(validateRequestWithBody(TOKEN, signature, url, `${body} `), false);
  });
});
