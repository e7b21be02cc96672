/**
 * A phone without a jitter buffer, for measuring: answers each call at once and tells of every RTP packet at
 * the moment it arrives, so that only the system's own delay is seen.
 */
import dgram from 'node:dgram';
import { systemClock } from '../shared/kernel/clock.ts';
import { silentLogger } from '../shared/kernel/log.ts';
import type { SipCallDelegate } from '../worker/sip/sip-call.ts';
import { openUserAgent } from '../worker/sip/user-agent.ts';

export interface BarePhone {
  /** SIP port on 127.0.0.1. */
  readonly port: number;
  close(): Promise<void>;
}

export interface BarePhoneDelegate {
  onAnswer(hangup: () => void): void;
  /** A whole RTP packet, lent. */
  onPacket(packet: Buffer, source: dgram.RemoteInfo): void;
}

export async function openBarePhone(delegate: BarePhoneDelegate): Promise<BarePhone> {
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 8 << 20 });
  socket.on('message', (packet, source) => delegate.onPacket(packet, source));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const agent = await openUserAgent(
    { host: '127.0.0.1', port: 0, publicAddress: null, product: 'bench-phone' },
    {
      onInvite(invitation) {
        const call = invitation.accept(indifferent);
        call.answer(pcmuAnswer(socket.address().port));
        delegate.onAnswer(() => call.hangup());
      },
    },
    systemClock,
    silentLogger,
  );
  return {
    port: agent.address.port,
    close: async () => {
      await agent.close(100);
      socket.close();
    },
  };
}

/** PCMU and telephone-event at a port of this machine. */
export function pcmuAnswer(port: number): string {
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} RTP/AVP 0 101`,
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=ptime:20',
    '',
  ].join('\r\n');
}

/** A phone that takes everything as it comes. */
const indifferent: SipCallDelegate = {
  onProgress() {},
  onAnswered() {},
  onFailed() {},
  onAcked() {},
  onEnded() {},
  onReoffer() {},
  onReofferOver() {},
  onReanswered() {},
  onReofferFailed() {},
  onInfo() {},
  onData() {},
};
