/** Both dialects of streams on real calls: when sockets open, who is told what, what the app may send, and what the end means. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { before, describe, it } from 'node:test';
import type { StreamSeen } from '../support/app.ts';
import { RATE, talk } from '../support/ears.ts';
import { type Scene, Stage, until } from '../support/scene.ts';
import { suiteOwner } from '../support/suite.ts';
import { rms, sine, toneLevel } from '../support/tone.ts';
import { wavOf } from '../support/wav-samples.ts';

const PAUSE = '<Pause length="60"/>';

describe('dialects on a call', () => {
  const owner = suiteOwner();
  let stage: Stage;
  before(async () => {
    stage = await Stage.open(owner);
  });

  const url = (path: string): string => stage.app.wsUrl(path);
  const start = (path: string, attributes = ''): string =>
    `<Start><Stream url="${url(path)}" name="${path.slice(1)}" ${attributes}/></Start>`;
  const connect = (path: string, attributes = '', action = ''): string =>
    `<Connect ${action}><Stream url="${url(path)}" name="${path.slice(1)}" ${attributes}/></Connect>`;
  const marks = (stream: StreamSeen): string[] => stream.of('mark').map(({ mark }) => mark.name);
  const events = (path: string, sid: string): (string | undefined)[] =>
    stage.told(path, sid).map((fields) => fields['StreamEvent'] ?? fields['event_name']);

  async function rawServer(onConnection: (socket: net.Socket) => void): Promise<string> {
    const open = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      open.add(socket);
      socket.on('error', () => {});
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    owner.after(() => {
      for (const socket of open) socket.destroy();
      server.close();
    });
    const { port } = server.address() as net.AddressInfo;
    return `ws://127.0.0.1:${port}/`;
  }

  it('AC-1: with nothing after it the socket opens, then the call ends with a stop, in both dialects', async () => {
    for (const dialect of ['pivot', 'twilio']) {
      const scene = await stage.call(start(`/only-${dialect}`), { dialect });
      const stream = await stage.app.stream(`/only-${dialect}`);
      await stream.closed();
      assert.equal(stream.messages.at(-1).event, 'stop');
      const call = await stage.system.ended(scene.sid);
      assert.deepEqual([call.status, call.ending.cause], ['completed', 'document_ended']);
    }
  });

  it('AC-2: a verb after it is heard while the handshake still hangs', async () => {
    const hanging = await rawServer(() => {});
    const scene = await stage.call(`<Start><Stream name="slow" url="${hanging}"/></Start><Play digits="5"/>${PAUSE}`);
    await until('the phone hears the key', () => scene.phone.digits === '5', 4000);
    const shown = await stage.system.api('GET', `/calls/${scene.sid}/streams/slow`);
    assert.equal(shown.body.status, 'connecting');
    await scene.hangUp();
  });

  it('AC-14, AC-42: a key of the phone is told to one-way Pivot streams and to no one-way Twilio stream', async () => {
    const scene = await stage.call(`${start('/keys-p')}${start('/keys-t', 'dialect="twilio"')}${PAUSE}`);
    const [pivot, twilio] = [await stage.app.stream('/keys-p'), await stage.app.stream('/keys-t')];
    for (const stream of [pivot, twilio]) await stream.until('media', (seen) => seen.of('media').length > 3);
    await scene.phone.press('5');
    await pivot.until('the key', (seen) => seen.of('dtmf').length > 0);
    assert.deepEqual(pivot.of('dtmf')[0].dtmf, { track: 'inbound_track', digit: '5' });
    await scene.hangUp();
    await twilio.closed();
    assert.equal(pivot.of('dtmf').length, 1);
    assert.equal(twilio.of('dtmf').length, 0);
  });

  it('AC-24, AC-25: Stop by name stops that one, of an unknown name none, and without one all', async () => {
    const stop = (name: string): string => `<Stop><Stream ${name === '' ? '' : `name="${name}"`}/></Stop>`;
    const twiml = `${start('/stop-a')}${start('/stop-b')}<Pause length="1"/>${stop('stop-a')}${stop('nope')}<Pause length="1"/>${stop('')}${PAUSE}`;
    const scene = await stage.call(twiml);
    const [a, b] = [await stage.app.stream('/stop-a'), await stage.app.stream('/stop-b')];
    await a.closed();
    assert.equal(a.messages.at(-1).stop.reason, 'stopped');
    assert.equal(b.closeCode, null, 'the other goes on');
    await b.closed();
    assert.equal((await stage.system.api('GET', `/calls/${scene.sid}`)).body.status, 'in-progress');
    await scene.hangUp();
  });

  it('AC-29: a live name is refused, and may be had again when its stream has ended', async () => {
    const twiml = `${start('/again', 'statusCallback="/"')}<Start><Stream name="again" url="${url('/second')}"/></Start><Stop><Stream name="again"/></Stop><Pause length="1"/><Start><Stream name="again" url="${url('/third')}"/></Start>${PAUSE}`;
    const scene = await stage.call(twiml);
    await (await stage.app.stream('/third')).until('media', (seen) => seen.of('media').length > 2);
    const refused = await stage.system.event(scene.sid, 'stream.failed');
    assert.equal(refused['detail'], 'stream name already exists');
    assert.equal(stage.app.streams.filter(({ path }) => path === '/second').length, 0);
    await until('the webhook', () => stage.told('/account', scene.sid).some((fields) => fields['reason'] === 'error'));
    const told = stage.told('/account', scene.sid).find((fields) => fields['reason'] === 'error');
    assert.deepEqual([told?.['event_name'], told?.['error_message']], ['stream_stop', 'stream name already exists']);
    await scene.hangUp();
  });

  it('AC-27: the fifth stream of a document is a stream_stop with the reason, and the four go on', async () => {
    const scene = await stage.call(`${[1, 2, 3, 4, 5].map((n) => start(`/five-${n}`)).join('')}${PAUSE}`);
    await until('the webhook', () => stage.told('/account', scene.sid).length >= 5);
    const stops = stage.told('/account', scene.sid).filter((fields) => fields['event_name'] === 'stream_stop');
    assert.deepEqual(
      stops.map((fields) => [fields['reason'], fields['error_message'], fields['stream_name']]),
      [['error', 'max unidirectional limit reached', 'five-5']],
    );
    for (const n of [1, 2, 3, 4]) {
      const stream = await stage.app.stream(`/five-${n}`);
      const had = stream.of('media').length;
      await stream.until('more media', (seen) => seen.of('media').length > had + 3);
    }
    await scene.hangUp();
  });

  it('AC-49: two Twilio streams of both tracks are four tracks; a third stream is refused', async () => {
    const both = 'track="both_tracks"';
    const scene = await stage.call(`${start('/t1', both)}${start('/t2', both)}${start('/t3')}${PAUSE}`, {
      dialect: 'twilio',
    });
    const refused = await stage.system.event(scene.sid, 'stream.failed');
    assert.deepEqual([refused['name'], refused['code']], ['t3', 31_960]);
    for (const path of ['/t1', '/t2']) {
      const stream = await stage.app.stream(path);
      await stream.until('both tracks', (seen) => seen.of('media').length > 6);
      assert.deepEqual(new Set(stream.of('media').map(({ media }) => media.track)), new Set(['inbound', 'outbound']));
    }
    await scene.hangUp();
  });

  describe('after a two-way stream', () => {
    const closes = async (path: string): Promise<void> => {
      const stream = await stage.app.stream(path);
      await stream.until('media', (seen) => seen.of('media').length > 2);
      stream.socket.close();
    };

    for (const callDialect of ['pivot', 'twilio']) {
      it(`AC-26: a Pivot one ends the call and nothing follows, in a ${callDialect} call`, async () => {
        const path = `/ends-${callDialect}`;
        const scene = await stage.call(`${connect(path, 'dialect="pivot"')}<Play digits="9"/>${PAUSE}`, {
          dialect: callDialect,
        });
        await closes(path);
        const call = await stage.system.ended(scene.sid);
        assert.deepEqual([call.status, call.ending.cause], ['completed', 'stream_ended']);
        assert.equal(scene.phone.digits, '');
      });

      it(`AC-35: after a Twilio one the next verb runs, in a ${callDialect} call`, async () => {
        const path = `/next-${callDialect}`;
        const scene = await stage.call(`${connect(path, 'dialect="twilio"')}<Play digits="9"/>${PAUSE}`, {
          dialect: callDialect,
        });
        await closes(path);
        await until('the next verb', () => scene.phone.digits === '9');
        await scene.hangUp();
      });

      it(`AC-36: after a Twilio one action is posted and its document runs, in a ${callDialect} call`, async () => {
        const path = `/action-${callDialect}`;
        stage.app.page('/next', `<Response><Play digits="8"/>${PAUSE}</Response>`);
        const action = `action="${stage.app.url('/next')}"`;
        const scene = await stage.call(`${connect(path, 'dialect="twilio"', action)}<Play digits="9"/>`, {
          dialect: callDialect,
        });
        await closes(path);
        await until('the document of the action', () => scene.phone.digits === '8');
        const [fields] = stage.told('/next', scene.sid);
        assert.equal(fields?.['StreamName'], path.slice(1));
        assert.ok(!('StreamError' in (fields ?? {})));
        assert.equal(stage.app.requests.find((request) => request.path === '/next')?.method, 'POST');
        await scene.hangUp();
      });
    }
  });

  describe('what is told by HTTP', () => {
    const status = (): string => `statusCallback="${stage.app.url('/status')}"`;

    it('AC-50, AC-8: a handshake answered 404 is one stream-error and one stream_stop, and the call goes on', async () => {
      const target = await rawServer((socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'));
      const scene = await stage.call(`<Start><Stream name="n" url="${target}" ${status()}/></Start>${PAUSE}`);
      await until('both', () => events('/status', scene.sid).length > 0 && events('/account', scene.sid).length > 0);
      assert.equal((await stage.system.api('GET', `/calls/${scene.sid}`)).body.status, 'in-progress');
      await scene.hangUp();
      const [told] = stage.told('/status', scene.sid);
      assert.equal(told?.['StreamError'], '31920 connection failed with status code 404');
      assert.deepEqual(events('/status', scene.sid), ['stream-error']);
      const stops = stage.told('/account', scene.sid);
      assert.deepEqual(
        stops.map((fields) => [fields['event_name'], fields['reason'], fields['error_message']]),
        [['stream_stop', 'error', 'connection failed with status code 404']],
      );
      await stage.system.event(scene.sid, (event) => event['event'] === 'webhook.stream_stop');
    });

    it('AC-51: success is stream-started, then one stream-stopped, in one row with the callbacks of the call', async () => {
      const scene = await stage.call(`${start('/told', status())}${PAUSE}`, {
        statusCallback: stage.app.url('/status'),
        statusCallbackEvent: ['answered', 'completed'],
      });
      await (await stage.app.stream('/told')).until('media', (seen) => seen.of('media').length > 2);
      await scene.hangUp();
      await until('completed', () => stage.told('/status', scene.sid).some((one) => one['CallStatus'] === 'completed'));
      assert.deepEqual(
        stage.told('/status', scene.sid).map((fields) => fields['StreamEvent'] ?? fields['CallStatus']),
        ['in-progress', 'stream-started', 'stream-stopped', 'completed'],
      );
      const [began, ended, ...more] = stage.told('/account', scene.sid);
      assert.deepEqual(more, []);
      const same = { call_id: scene.sid, stream_name: 'told' };
      for (const fields of [began, ended]) assert.deepEqual({ ...fields, ...same }, fields);
      assert.deepEqual([began?.['event_name'], ended?.['event_name']], ['stream_start', 'stream_stop']);
      assert.equal(ended?.['reason'], 'hangup');
      const request = stage.app.requests.find((one) => one.path === '/account');
      assert.ok(request?.headers['x-twilio-signature'] && request.headers['x-pivot-signature'], 'signed');
    });

    const failures: readonly (readonly [string, number, () => Promise<string> | string])[] = [
      ['refused', 31_902, () => 'ws://127.0.0.1:1/'],
      ['no such name', 31_904, () => 'ws://nothing.invalid/'],
      ['TLS', 31_910, () => url('/').replace('ws:', 'wss:')],
      ['not 101', 31_920, () => rawServer((socket) => socket.end('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n'))],
      ['AC-37: a scheme that is none', 31_922, () => 'http://127.0.0.1/'],
      ['no URL at all', 31_923, () => 'ws://'],
      ['abrupt close', 31_903, () => url('/abrupt')],
      ['closed with a code', 31_921, () => url('/code')],
    ];

    for (const [name, code, target] of failures) {
      it(`AC-52: ${name} is ${code} in StreamError and in the timeline`, async () => {
        stage.app.onStream = (seen) => {
          if (seen.path === '/abrupt') seen.socket.once('pong', () => seen.upgrade.socket.resetAndDestroy()).ping();
          if (seen.path === '/code') seen.socket.close(4001);
        };
        const scene = await stage.call(
          `<Start><Stream name="bad" url="${await target()}" ${status()}/></Start>${PAUSE}`,
          { dialect: 'twilio' },
        );
        await until('the error', () => events('/status', scene.sid).includes('stream-error'), 15_000);
        const told = stage.told('/status', scene.sid).find((fields) => fields['StreamEvent'] === 'stream-error');
        assert.match(told?.['StreamError'] ?? '', new RegExp(`^${code} \\S`));
        const entries = await stage.system.events(scene.sid);
        assert.ok(
          entries.some((event) => event['code'] === code),
          JSON.stringify(entries),
        );
        const { body } = await stage.system.api('GET', `/calls/${scene.sid}/streams/bad`);
        if (![31_922, 31_923].includes(code)) assert.equal(body.error.code, code);
        stage.app.onStream = () => {};
        await scene.hangUp();
      });
    }

    it('AC-38: both_tracks under a Twilio Connect is 31941, and the next verb runs', async () => {
      const scene = await stage.call(`${connect('/x', `track="both_tracks" ${status()}`)}<Play digits="4"/>${PAUSE}`, {
        dialect: 'twilio',
      });
      await until('the next verb', () => scene.phone.digits === '4');
      await until('the callback', () => events('/status', scene.sid).length === 1);
      assert.match(stage.told('/status', scene.sid)[0]?.['StreamError'] ?? '', /^31941 /);
      await scene.hangUp();
    });
  });

  describe('audio from a Twilio app', () => {
    async function talking(path: string): Promise<{ scene: Scene; stream: StreamSeen; mark: (name: string) => void }> {
      const scene = await stage.call(connect(path), { dialect: 'twilio' });
      const stream = await stage.app.stream(path);
      await stream.until('media', (seen) => seen.of('media').length > 2);
      const { streamSid } = stream.of('start')[0];
      return { scene, stream, mark: (name) => stream.send({ event: 'mark', streamSid, mark: { name } }) };
    }

    it('AC-44: a mark on an empty buffer returns at once', async () => {
      const { scene, stream, mark } = await talking('/empty');
      mark('now');
      await stream.until('the mark', (seen) => seen.of('mark').length === 1, 1000);
      assert.equal(stream.of('mark')[0].mark.playedMs, 0);
      await scene.hangUp();
    });

    it('AC-45: three pieces and three marks return in order, each at its moment', async () => {
      const { scene, stream, mark } = await talking('/three');
      for (const [index, name] of ['a', 'b', 'c'].entries()) {
        talk(stream, 500 + 100 * index, 400);
        mark(name);
      }
      await stream.until('all marks', (seen) => seen.of('mark').length === 3);
      assert.deepEqual(marks(stream), ['a', 'b', 'c']);
      const at = stream.messages.flatMap((message, index) =>
        message.event === 'mark'
          ? [stream.messages.slice(0, index).filter(({ event }) => event === 'media').length * 20]
          : [],
      );
      const [a = 0, b = 0, c = 0] = at;
      assert.ok(Math.abs(b - a - 400) <= 40 && Math.abs(c - b - 400) <= 40, `${at}`);
      for (const [index, { mark: told }] of stream.of('mark').entries()) assert.equal(told.playedMs, 400 * (index + 1));
      await scene.hangUp();
    });
  });

  describe('files from a Pivot app', () => {
    const file = (hertz: number, ms: number): Buffer => wavOf(sine(hertz, ms, RATE, 0.35), RATE);

    async function playing(path: string) {
      const scene = await stage.call(connect(path));
      const stream = await stage.app.stream(path);
      await stream.until('media', (seen) => seen.of('media').length > 2);
      const send = (bytes: Buffer, encoding: string | null = 'audio/wav'): void => {
        const format = encoding === null ? {} : { format: { encoding } };
        stream.send({ event: 'media', media: { payload: bytes.toString('base64'), ...format } });
      };
      const mark = (name?: string): void => stream.send({ event: 'mark', mark: name === undefined ? {} : { name } });
      const frames = async (count: number): Promise<void> => {
        const had = stream.of('media').length;
        await stream.until('time', (seen) => seen.of('media').length >= had + count);
      };
      return { scene, stream, send, mark, frames, clear: () => stream.send({ event: 'clear' }) };
    }

    /** Milliseconds in which a tone is heard, in steps of 20. */
    const toneMs = (samples: Int16Array, hertz: number): number => {
      let ms = 0;
      for (let at = 0; at + 160 <= samples.length; at += 160) {
        if (toneLevel(samples.subarray(at, at + 160), hertz, RATE) > 0.15) ms += 20;
      }
      return ms;
    };

    it('AC-17, AC-19: nothing is heard before the mark, then the whole file once; a mark without a name', async () => {
      const { scene, stream, send, mark, frames } = await playing('/file');
      const bytes = file(1000, 600);
      send(bytes.subarray(0, 1001));
      send(bytes.subarray(1001), null);
      await frames(20);
      assert.ok(rms(scene.heard.samples()) < 0.001, 'silence before the mark');
      mark();
      await stream.until('the mark', (seen) => seen.of('mark').length === 1);
      await frames(15);
      assert.deepEqual(marks(stream), ['unknown']);
      const heard = toneMs(scene.heard.samples(), 1000);
      assert.ok(Math.abs(heard - 600) <= 60, `${heard} ms`);
      await scene.hangUp();
    });

    it('AC-18, AC-21: the second file begins when the first has ended, and a clear takes neither', async () => {
      const { scene, stream, send, mark, frames, clear } = await playing('/two-files');
      send(file(1000, 400));
      mark('one');
      send(file(600, 400));
      mark('two');
      send(file(1500, 400));
      clear();
      await stream.until('both marks', (seen) => seen.of('mark').length === 2);
      await frames(20);
      assert.deepEqual(marks(stream), ['one', 'two']);
      const samples = scene.heard.samples();
      for (const hertz of [1000, 600]) {
        const ms = toneMs(samples, hertz);
        assert.ok(Math.abs(ms - 400) <= 60, `${hertz} Hz for ${ms} ms`);
      }
      assert.equal(toneMs(samples, 1500), 0, 'what was not marked is gone');
      const step = RATE / 50;
      const at = (hertz: number, from: 'first' | 'last'): number => {
        const loud = Array.from({ length: Math.floor(samples.length / step) }, (_, i) => i).filter(
          (i) => toneLevel(samples.subarray(i * step, (i + 1) * step), hertz, RATE) > 0.25,
        );
        return (from === 'first' ? loud[0] : loud.at(-1)) ?? -1;
      };
      assert.ok(at(600, 'first') >= at(1000, 'last'), 'one after the other');
      await scene.hangUp();
    });

    it('AC-20, AC-22: what was cleared, and what is no WAV or MP3, is not heard; its mark comes at once', async () => {
      const { scene, stream, send, mark, frames, clear } = await playing('/gone');
      send(file(1000, 400));
      clear();
      mark('cleared');
      send(file(1000, 400), 'audio/ogg');
      mark('ogg');
      await stream.until('both marks', (seen) => seen.of('mark').length === 2, 2000);
      await frames(25);
      assert.ok(rms(scene.heard.samples()) < 0.001, 'nothing is heard');
      const known = new Set(['connected', 'start', 'media', 'mark']);
      assert.ok(
        stream.messages.every(({ event }) => known.has(event)),
        'no error message',
      );
      await scene.hangUp();
    });

    it('AC-23: a hang-up with a file that waits gives its mark, then stop', async () => {
      const { scene, stream, send, mark, frames } = await playing('/waits');
      send(file(1000, 3000));
      mark('playing');
      send(file(1000, 1000));
      mark('waiting');
      await frames(10);
      await scene.hangUp();
      await stream.closed();
      assert.deepEqual(
        stream.messages.slice(-3).map((message) => message.mark?.name ?? message.event),
        ['playing', 'waiting', 'stop'],
      );
    });
  });
});
