/** A bug of ours at the words of an app, or behind a promise of a stream, is told to whoever guards the stream. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Connection, ConnectionDelegate } from '../../../worker/stream/connection.ts';
import { failures } from '../../../worker/stream/failure.ts';
import { guardedConnect } from '../../../worker/stream/guarded-connect.ts';
import { World } from './world.ts';

const bug = new Error('a bug');
const fail = (): never => {
  throw bug;
};
const unexpected = (error: unknown): never => {
  throw error;
};
const loss = { error: failures.abrupt, stage: 'lost', retryable: true, closeCode: null } as const;

describe('a guarded connection', () => {
  const words: readonly [string, (app: ConnectionDelegate) => void][] = [
    ['its opening', (app) => app.onOpen()],
    ['text', (app) => app.onText('{}')],
    ['binary', (app) => app.onBinary(Buffer.alloc(1))],
    ['its loss', (app) => app.onGone(loss)],
  ];
  for (const [what, say] of words) {
    it(`tells what its session throws at ${what}`, () => {
      const told: unknown[] = [];
      let app: ConnectionDelegate | null = null;
      const connect = guardedConnect(
        (_order, delegate) => {
          app = delegate;
          return {} as Connection;
        },
        (error) => told.push(error),
      );
      connect(
        { url: 'wss://app.example', headers: {}, retry: false },
        { onOpen: fail, onText: fail, onBinary: fail, onControl: fail, onGone: fail },
      );
      assert.ok(app);
      say(app);
      assert.deepEqual(told, [bug]);
    });
  }

  it('passes on what comes', () => {
    const heard: unknown[] = [];
    let app: ConnectionDelegate | null = null;
    const connect = guardedConnect((_order, delegate) => {
      app = delegate;
      return {} as Connection;
    }, unexpected);
    const listen = (what: unknown): void => void heard.push(what);
    connect(
      { url: 'wss://app.example', headers: {}, retry: false },
      { onOpen: () => listen('open'), onText: listen, onBinary: listen, onControl: () => {}, onGone: listen },
    );
    assert.ok(app);
    for (const [, say] of words) say(app);
    assert.deepEqual(heard, ['open', '{}', Buffer.alloc(1), loss]);
  });
});

describe('a stream', () => {
  it('throws what fails behind a promise from a timer of its clock', async () => {
    const world = new World(
      { mode: 'bidirectional', dialect: 'pivot' },
      {
        async *readAudioFile() {
          yield new Int16Array(160);
        },
      },
    ).open();
    world.playout.mark = fail;
    world.say({ event: 'media', media: { payload: Buffer.alloc(100).toString('base64') } });
    world.say({ event: 'mark', mark: { name: 'end' } });
    await setImmediate();
    assert.throws(() => world.clock.advance(0), bug);
  });
});
