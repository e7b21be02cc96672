/**
 * How two-way streams end on real calls, row by row of "Life and end" in docs/streams.md where it is not the app's
 * ordinary close (`dialects.test.ts`); and that what is told of it by HTTP arrives though the application is away.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { StreamSeen } from '../support/app.ts';
import { type Scene, Stage, until } from '../support/scene.ts';
import { suiteOwner } from '../support/suite.ts';

const PAUSE = '<Pause length="60"/>';
const dialects = ['pivot', 'twilio'] as const;
type Dialect = (typeof dialects)[number];

describe('the end of a two-way stream', () => {
  const owner = suiteOwner();
  let stage: Stage;
  before(async () => {
    stage = await Stage.open(owner);
    stage.app.page('/after', `<Response><Play digits="8"/>${PAUSE}</Response>`);
  });

  /** Whoever plays 8 is the action of Connect, and 9 the verb behind it. */
  async function connected(path: string, dialect: Dialect): Promise<{ scene: Scene; stream: StreamSeen }> {
    const stream = `<Stream url="${stage.app.wsUrl(path)}" name="two" dialect="${dialect}"/>`;
    const action = dialect === 'twilio' ? `action="${stage.app.url('/after')}"` : '';
    const scene = await stage.call(`<Connect ${action}>${stream}</Connect><Play digits="9"/>${PAUSE}`);
    const seen = await stage.app.stream(path);
    await seen.until('media', () => seen.of('media').length > 2);
    return { scene, stream: seen };
  }

  const shown = async ({ sid }: Scene) => (await stage.system.api('GET', `/calls/${sid}/streams/two`)).body;

  const failures: readonly (readonly [string, (stream: StreamSeen) => void, readonly [string, string, number]])[] = [
    ['closed with 1011', ({ socket }) => socket.close(1011), ['stopped', 'connection closed', 31_921]],
    ['lost', ({ upgrade }) => upgrade.socket.resetAndDestroy(), ['failed', 'error', 31_903]],
    ['broken', ({ upgrade }) => upgrade.socket.write(Buffer.alloc(64, 0xff)), ['failed', 'error', 31_924]],
  ];

  for (const dialect of dialects) {
    for (const [what, happens, expected] of failures) {
      it(`${what}, ${dialect}: ${dialect === 'pivot' ? 'the call ends' : 'action is told StreamError'}`, async () => {
        const { scene, stream } = await connected(`/${what.replaceAll(' ', '-')}-${dialect}`, dialect);
        happens(stream);
        if (dialect === 'pivot') {
          assert.equal((await stage.system.ended(scene.sid)).ending.cause, 'stream_failed');
          assert.equal(scene.phone.digits, '');
        } else {
          await until('the action', () => scene.phone.digits === '8');
          assert.match(stage.told('/after', scene.sid)[0]?.['StreamError'] ?? '', new RegExp(`^${expected[2]} \\S`));
          await scene.hangUp();
        }
        const { status, reason, error } = await shown(scene);
        assert.deepEqual([status, reason, error.code], expected);
        assert.equal(stream.of('stop').length, 0);
      });
    }

    it(`the message hangup, ${dialect}: stop, and the call ends`, async () => {
      const { scene, stream } = await connected(`/hangup-${dialect}`, dialect);
      stream.send({ event: 'hangup', streamSid: stream.of('start')[0].streamSid });
      await stream.closed();
      assert.deepEqual([stream.messages.at(-1).event, stream.closeCode], ['stop', 1000]);
      assert.equal(stream.messages.at(-1).stop.reason, 'hangup');
      assert.equal((await stage.system.ended(scene.sid)).ending.cause, 'stream_hangup');
      assert.equal(scene.phone.digits, '');
    });

    it(`another document, ${dialect}: stop, and the new document runs`, async () => {
      const { scene, stream } = await connected(`/replaced-${dialect}`, dialect);
      const twiml = `<Response><Play digits="7"/>${PAUSE}</Response>`;
      assert.equal((await stage.system.api('POST', `/calls/${scene.sid}`, { twiml })).status, 200);
      await stream.closed();
      assert.equal(stream.messages.at(-1).stop.reason, 'stopped');
      await until('the new document', () => scene.phone.digits === '7');
      await scene.hangUp();
    });
  }

  it('an application that is away for a moment is told all the same, in order, after a wait; the timeline shows how often', async () => {
    const asked: { readonly atMs: number; readonly event: string }[] = [];
    stage.app.page('/away', ({ form }) => {
      asked.push({ atMs: performance.now(), event: form.get('StreamEvent') ?? '' });
      return { status: asked.length === 1 ? 503 : 200, body: '' };
    });
    const status = `statusCallback="${stage.app.url('/away')}"`;
    const stream = `<Stream url="${stage.app.wsUrl('/told')}" name="told" ${status}/>`;
    const scene = await stage.call(
      `<Start>${stream}</Start><Pause length="1"/><Stop><Stream name="told"/></Stop>${PAUSE}`,
    );
    await until('both events', () => asked.length === 3);
    assert.deepEqual(
      asked.map(({ event }) => event),
      ['stream-started', 'stream-started', 'stream-stopped'],
    );
    const waitedMs = (asked[1]?.atMs ?? 0) - (asked[0]?.atMs ?? 0);
    assert.ok(waitedMs > 950 && waitedMs < 3000, `${waitedMs} ms`);
    await stage.system.event(
      scene.sid,
      (event) => event['event'] === 'stream.stream-started' && event['attempts'] === 2 && event['httpStatus'] === 200,
    );
    const [fields = {}] = stage.told('/away', scene.sid);
    const names = ['AccountSid', 'CallSid', 'StreamEvent', 'StreamName', 'StreamSid', 'Timestamp'];
    assert.deepEqual(Object.keys(fields).sort(), names);
    assert.match(fields['Timestamp'] ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    await scene.hangUp();
  });
});
