/**
 * Four streams on one leg, one of them disturbed (AC-92): what the others send and receive, and the RTP payloads
 * towards the phone, are the same to the bit as in a run without the disturbance.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StreamSpec } from '../../../shared/domain/stream.ts';
import { newCallSid } from '../../../shared/kernel/ids.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { mulawCoder } from '../../../worker/media/codec/g711.ts';
import { Playout } from '../../../worker/media/playout.ts';
import { FrameTee } from '../../../worker/media/tee.ts';
import { createStreamOpener } from '../../../worker/stream/session.ts';
import type { Stream } from '../../../worker/stream/stream.ts';
import { ManualClock } from '../../support/clock.ts';
import { aStream } from '../../support/records.ts';
import { FakeConnection, mulaw } from './world.ts';

const BEATS = 500;
const wideStereo = { encoding: 'audio/L16', sampleRate: 16000, channels: 2 } as const;
const specs: readonly Partial<StreamSpec>[] = [
  { name: 'stereo', track: 'both', mediaFormat: wideStereo },
  { name: 'raw', mode: 'raw' },
  { name: 'twilio', dialect: 'twilio', track: 'both', mediaFormat: mulaw },
  { name: 'agent', mode: 'bidirectional', dialect: 'twilio', mediaFormat: mulaw, playbackEvents: true },
];
const AGENT = 3;

interface Branch {
  readonly stream: Stream;
  readonly connection: FakeConnection;
}
type Disturb = (beat: number, victim: Branch) => void;

interface Run {
  /** Of each stream: all that went over its socket. */
  readonly sent: readonly string[];
  /** µ-law towards the phone. */
  readonly rtp: Buffer;
}

/** Noise that is the same in every run. */
function noise(seed: number): () => Int16Array {
  let state = seed;
  return () =>
    Int16Array.from({ length: 160 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state >>> 16) - 32_768;
    });
}

function run(victim: number, disturb: Disturb): Run {
  const report = (error: unknown): never => {
    throw error;
  };
  const playout = new Playout({ rate: 8000, report });
  const tee = new FrameTee(report);
  const branches = openAll(playout, tee);
  const caller = noise(1);
  const agent = noise(2);
  const rtp: Buffer[] = [];
  for (let beat = 0; beat < BEATS; beat++) {
    const victimBranch = branches[victim];
    if (victimBranch) disturb(beat, victimBranch);
    speak(branches[AGENT], beat, agent);
    const outbound = new Int16Array(160);
    playout.next(outbound);
    const payload = Buffer.alloc(160);
    mulawCoder.encode(outbound, payload);
    rtp.push(payload);
    tee.write(
      beat,
      { samples: caller(), rate: 8000, encoded: null },
      { samples: outbound, rate: 8000, encoded: { encoding: 'audio/x-mulaw', payload } },
    );
  }
  return { sent: branches.map(wireOf), rtp: Buffer.concat(rtp) };
}

function openAll(playout: Playout, tee: FrameTee): Branch[] {
  const connections: FakeConnection[] = [];
  const open = createStreamOpener({
    clock: new ManualClock(),
    log: silentLogger,
    connect: (order, delegate) => {
      const connection = new FakeConnection(order, delegate);
      connections.push(connection);
      return connection;
    },
  });
  const callSid = newCallSid();
  const call = { accountSid: `AC${'0'.repeat(32)}`, callSid, from: '+1', to: '+2', direction: 'inbound' };
  const ignore = (): void => {};
  const delegate = {
    onStarted: ignore,
    onStopped: ignore,
    onPatch: ignore,
    onEntry: ignore,
    onPress: () => true,
    onHangup: ignore,
  };
  return specs.map((spec, index) => {
    const stream = open({ record: aStream(callSid, spec), call, tee, playout }, delegate);
    const connection = connections[index] as FakeConnection;
    connection.app.onOpen();
    return { stream, connection };
  });
}

/** The agent talks with marks, and is interrupted now and then. */
function speak(agent: Branch | undefined, beat: number, next: () => Int16Array): void {
  if (agent === undefined || agent.connection.ended !== null) return;
  const { stream, connection } = agent;
  const say = (message: object): void => connection.app.onText(JSON.stringify({ streamSid: stream.sid, ...message }));
  const payload = Buffer.alloc(160);
  mulawCoder.encode(next(), payload);
  say({ event: 'media', media: { payload: payload.toString('base64') } });
  if (beat % 25 === 0) say({ event: 'mark', mark: { name: `m${beat}` } });
  if (beat % 110 === 100) say({ event: 'clear' });
}

/** Sids are drawn anew in every run. */
function wireOf({ stream, connection }: Branch): string {
  const texts = JSON.stringify(connection.messages)
    .replaceAll(stream.sid, 'MZ')
    .replace(/CA[0-9a-f]{32}/g, 'CA');
  return texts + Buffer.concat(connection.binaries).toString('hex');
}

const garbage = [
  'not json',
  '{"event":"media"}',
  '{"event":"media","media":{"payload":"%%%%"}}',
  '{"event":"mark","mark":{"name":7}}',
  `{"event":"media","media":{"payload":"${'A'.repeat(100_000)}!"}}`,
  '[]',
  '\u0000',
];

const disturbances: Readonly<Record<string, Disturb>> = {
  stalled: (beat, { connection }) => {
    if (beat === 50) connection.stalled = true;
    if (beat === 400) connection.recover();
  },
  'stalled for good': (beat, { connection }) => {
    if (beat === 50) connection.stalled = true;
  },
  killed: (beat, { connection }) => {
    if (beat === 100) connection.lose();
  },
  'closed by its app': (beat, { connection }) => {
    if (beat === 100) connection.lose(1000);
  },
  'closed in anger': (beat, { connection }) => {
    if (beat === 100) connection.lose(4000);
  },
  stopped: (beat, { stream }) => {
    if (beat === 100) void stream.stop('api');
  },
  'paused and resumed': (beat, { stream }) => {
    if (beat === 100) stream.update({ paused: true });
    if (beat === 200) stream.update({ paused: false });
  },
  'fed garbage': (beat, { connection }) => {
    connection.app.onText(garbage[beat % garbage.length] ?? '');
    connection.app.onBinary(Buffer.alloc(beat * 7, beat));
  },
  flooded: (beat, { connection }) => {
    if (beat > 20 && beat < 30) for (let sent = 0; sent < 500; sent++) connection.app.onText('{"event":"dance"}');
  },
};

/** Of the agent's stream these end what it says to the phone. */
const goesSilent = new Set(['killed', 'closed by its app', 'closed in anger', 'stopped']);

describe('AC-92: one of four streams on a leg', () => {
  const calm = run(-1, () => {});

  it('is heard and told in the calm run', () => {
    for (const sent of calm.sent) assert.ok(sent.length > 100_000);
    assert.ok(new Set(calm.rtp).size > 100);
  });

  for (const [what, disturb] of Object.entries(disturbances)) {
    it(`${what}: the others and the RTP are as they were, bit by bit`, () => {
      for (let victim = 0; victim < specs.length; victim++) {
        const disturbed = run(victim, disturb);
        for (const [index, sent] of calm.sent.entries()) {
          // What the agent says is on the outbound track of the others: silence when it is gone.
          const same = index === victim || (victim === AGENT && goesSilent.has(what) && index !== 1);
          if (!same) assert.ok(disturbed.sent[index] === sent, `${specs[index]?.name} beside ${specs[victim]?.name}`);
        }
        if (victim !== AGENT || !goesSilent.has(what)) assert.ok(disturbed.rtp.equals(calm.rtp), specs[victim]?.name);
      }
    });
  }
});
