/**
 * The user agent of a phone: the real one, or one with a flaw built into its network. Broken phones are
 * made below the SIP stack, because the stack itself does not know how to be wrong.
 */
import type { Clock } from '../../shared/kernel/clock.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { SipUserAgent, SipUserAgentDelegate, SipUserAgentOptions } from '../sip/sip-call.ts';
import { Network } from '../sip/transport/network.ts';
import { type AgentNetwork, openUserAgent, UserAgent } from '../sip/user-agent.ts';

/**
 * `never-ack`: no ACK ever leaves. `bye-early`: an unanswered call is given up with BYE in place of CANCEL,
 * which RFC 3261 §15 allows and few expect.
 */
export type PhoneFlaw = 'never-ack' | 'bye-early';

export async function openPhoneAgent(
  options: SipUserAgentOptions,
  delegate: SipUserAgentDelegate,
  clock: Clock,
  log: Logger,
  flaw: PhoneFlaw | null,
): Promise<SipUserAgent> {
  if (flaw === null) return openUserAgent(options, delegate, clock, log);
  const network = await Network.open(options, clock, log);
  return new UserAgent(flawed(network, flaw), options.product, delegate, clock, log);
}

/** To tags of the calls that ring, by Call-ID; the oldest is forgotten. */
const MAX_RINGING = 100;

function flawed(network: Network, flaw: PhoneFlaw): AgentNetwork {
  const tags = new Map<string, string>();
  return {
    sentBy: network.sentBy,
    host: network.host,
    port: network.port,
    get connections() {
      return network.connections;
    },
    supports: (transport) => network.supports(transport),
    connected: (flow) => network.connected(flow),
    close: () => network.close(),
    start: (user) =>
      network.start({
        onMalformed: (source, problem) => user.onMalformed(source, problem),
        onMessage: (message, source) => {
          if (message.kind === 'response' && message.toTag !== null) remember(tags, message.callId, message.toTag);
          user.onMessage(message, source);
        },
      }),
    send: (bytes, to, failed) => {
      const method = bytes.subarray(0, 7).toString('latin1');
      if (flaw === 'never-ack' && method.startsWith('ACK ')) return;
      const early = flaw === 'bye-early' && method.startsWith('CANCEL ');
      network.send(early ? byeFromCancel(bytes, tags) : bytes, to, failed);
    },
  };
}

function remember(tags: Map<string, string>, callId: string, tag: string): void {
  tags.set(callId, tag);
  const [oldest] = tags.keys();
  if (tags.size > MAX_RINGING && oldest !== undefined) tags.delete(oldest);
}

/** The CANCEL as a BYE of the early dialog: next sequence number, a branch of its own, the far end's tag. */
function byeFromCancel(bytes: Buffer, tags: ReadonlyMap<string, string>): Buffer {
  const cancel = bytes.toString('utf8');
  const callId = /^Call-ID:\s*(\S+)/im.exec(cancel)?.[1] ?? '';
  const tag = tags.get(callId);
  const bye = cancel
    .replace(/^CANCEL /, 'BYE ')
    .replace(/^(CSeq:\s*)(\d+) CANCEL/im, (_all, name: string, number: string) => `${name}${Number(number) + 1} BYE`)
    .replace(/;branch=([^;,\r\n]+)/i, ';branch=$1bye')
    .replace(/^(To:[^\r\n]*)/im, tag === undefined ? '$1' : `$1;tag=${tag}`);
  return Buffer.from(bye, 'utf8');
}
