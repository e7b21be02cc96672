import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { MediaAddress } from '../../../worker/rtp/latch.ts';
import { PortPool } from '../../../worker/rtp/ports.ts';
import { type RtpDelegate, RtpSession } from '../../../worker/rtp/session.ts';
import { ManualClock } from '../../support/clock.ts';
import { everySockets } from '../../support/media-sockets.ts';
import { RtpProbe } from '../../support/rtp-probe.ts';

const formats = { audio: [0, 8], telephoneEvent: { receive: 101, send: 96, clockRate: 8000 } };

for (const { kind, bind } of everySockets)
  describe(`RTP session, ${kind} sockets`, () => {
    const closers: (() => void)[] = [];
    afterEach(() => {
      for (const close of closers.splice(0)) close();
    });

    async function open(clock: ManualClock, delegate: Partial<RtpDelegate> = {}): Promise<RtpSession> {
      const session = await RtpSession.open(
        {
          bind,
          host: '127.0.0.1',
          ports: new PortPool({ low: 42_000, high: 48_999 }, clock),
          clock,
          frameBytes: 160,
          jitter: {},
          onSocketError: (error) => assert.fail(error),
        },
        { onDigit: () => {}, onMoved: () => {}, ...delegate },
      );
      closers.push(() => session.close());
      return session;
    }

    async function probe(): Promise<RtpProbe> {
      const made = await RtpProbe.open();
      closers.push(() => made.close());
      return made;
    }

    /** Beats until `frames` frames of audio came out, or fails. */
    async function hear(session: RtpSession, clock: ManualClock, frames: number): Promise<number[]> {
      const heard: number[] = [];
      for (let beat = 0; beat < 100 && heard.length < frames; beat++) {
        clock.advance(20);
        const frame = session.receive();
        if (frame.kind === 'audio') heard.push(frame.payload[0] ?? 0);
      }
      return heard;
    }

    it('sends audio and digits in one sequence space, from an even port', async () => {
      const clock = new ManualClock();
      const session = await open(clock);
      const far = await probe();
      session.expect(formats);
      session.connect(far.address, null);
      assert.equal(session.port % 2, 0);
      let pressed = 0;
      for (let beat = 0; beat < 14; beat++) {
        if (beat === 2) session.press('7', 60, () => pressed++);
        session.payload.fill(beat);
        session.send(8);
      }
      const packets = await far.received(14);
      const first = packets[0]?.header.sequence ?? 0;
      assert.deepEqual(
        packets.map(({ header }) => header.sequence - first),
        Array.from({ length: 14 }, (_, index) => index),
      );
      assert.deepEqual(
        packets.map(({ header }) => header.payloadType),
        [8, 8, 96, 96, 96, 96, 96, 8, 8, 8, 8, 8, 8, 8],
      );
      assert.deepEqual(
        packets.filter(({ header }) => header.marker).map(({ header }) => header.payloadType),
        [8, 96],
      );
      const start = packets[0]?.header.timestamp ?? 0;
      assert.deepEqual(
        packets.map(({ header }) => (header.timestamp - start) >>> 0),
        [0, 160, 320, 320, 320, 320, 320, 1120, 1280, 1440, 1600, 1760, 1920, 2080],
      );
      assert.equal(pressed, 1);
    });

    it('RTP from a stranger is neither heard nor answered', async () => {
      const clock = new ManualClock();
      const moved: MediaAddress[] = [];
      const session = await open(clock, { onMoved: (remote) => moved.push(remote) });
      const far = await probe();
      const stranger = await probe();
      session.expect(formats);
      session.connect(far.address, null);
      for (let index = 0; index < 10; index++) {
        await far.send(session.port, { sequence: index, timestamp: index * 160, payload: new Uint8Array(160).fill(1) });
        await stranger.send(session.port, {
          ssrc: 66,
          sequence: index,
          timestamp: index * 160,
          payload: new Uint8Array(160).fill(66),
        });
      }
      await settled(session, 20);
      const heard = await hear(session, clock, 10);
      assert.deepEqual(heard, Array(10).fill(1));
      assert.equal(session.figures().strangers, 10);
      assert.deepEqual(moved, [far.address]);
      session.send(0);
      await far.received(1);
      assert.equal(stranger.count, 0);
    });

    it('sends where packets come from when the signalled address is not reachable', async () => {
      const clock = new ManualClock();
      const session = await open(clock);
      const far = await probe();
      session.expect(formats);
      session.connect({ address: '192.0.2.77', port: 4000 }, null);
      for (let index = 0; index < 3; index++) {
        await far.send(session.port, { sequence: index, timestamp: index * 160, payload: new Uint8Array(160) });
      }
      await settled(session, 3);
      assert.deepEqual(session.remote, far.address);
    });

    it('tells digits and what kind of rubbish came', async () => {
      const clock = new ManualClock();
      const digits: string[] = [];
      const session = await open(clock, { onDigit: (digit, ms) => digits.push(`${digit}/${ms}`) });
      const far = await probe();
      session.expect(formats);
      session.connect(far.address, null);
      await far.sendRaw(session.port, Uint8Array.of(1, 2, 3));
      await far.send(session.port, { payloadType: 77, sequence: 1, timestamp: 0, payload: new Uint8Array(160) });
      await far.send(session.port, { payloadType: 34, sequence: 1, timestamp: 0, payload: new Uint8Array(160) });
      await far.send(session.port, {
        payloadType: 101,
        sequence: 2,
        timestamp: 0,
        payload: Uint8Array.of(11, 0x8a, 3, 32),
      });
      await settled(session, 4);
      assert.deepEqual(digits, ['#/100']);
      assert.equal(session.figures().malformed, 3);
    });

    it('reports by RTCP and counts the silence of the far end', async () => {
      const clock = new ManualClock();
      const session = await open(clock);
      const far = await probe();
      const farRtcp = await probe();
      session.expect(formats);
      session.connect(far.address, farRtcp.address);
      for (let beat = 0; beat < 100; beat++) {
        clock.advance(20);
        session.send(0);
      }
      const report = await farRtcp.raw();
      assert.equal(report[1], 200);
      assert.equal(session.silentMs, 2000);
    });

    it('two at once never share a port, and a closed one gives its port back', async () => {
      const clock = new ManualClock();
      const ports = new PortPool({ low: 49_000, high: 49_099 }, clock, 1000, 0);
      const options = { host: '127.0.0.1', ports, clock, frameBytes: 160, jitter: {}, onSocketError: () => {} };
      const delegate = { onDigit: () => {}, onMoved: () => {} };
      const both = await Promise.all([RtpSession.open(options, delegate), RtpSession.open(options, delegate)]);
      closers.push(...both.map((session) => () => session.close()));
      assert.notEqual(both[0]?.port, both[1]?.port);
      const used = ports.used;
      both[0]?.close();
      both[0]?.close();
      assert.equal(ports.used, used - 1);
    });

    /** Waits until the session has seen that many packets, of whatever kind. */
    async function settled(session: RtpSession, packets: number): Promise<void> {
      const signal = AbortSignal.timeout(2000);
      for (;;) {
        const { received, strangers, malformed } = session.figures();
        if (received + strangers + malformed >= packets) return;
        await setImmediate();
        signal.throwIfAborted();
      }
    }
  });
