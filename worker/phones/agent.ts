/**
 * The user agent of a phone: the real one, or one with a flaw built into its network. Broken phones are
 * made below the SIP stack, because the stack itself does not know how to be wrong.
 */
import type { Clock } from '../../shared/kernel/clock.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { IncomingMessage } from '../sip/message/message.ts';
import type { SipUserAgent, SipUserAgentDelegate, SipUserAgentOptions } from '../sip/sip-call.ts';
import { Network } from '../sip/transport/network.ts';
import { type AgentNetwork, openUserAgent, UserAgent } from '../sip/user-agent.ts';

/**
 * `never-ack`: no ACK ever leaves. `bye-early`: an unanswered call is given up with BYE in place of CANCEL,
 * which RFC 3261 §15 allows and few expect. `deaf-to-cancel`: no CANCEL is ever heard. `asks-as-proxy`: no
 * flaw, but beyond a user agent: credentials are asked for with 407 in place of 401 (§22.3).
 */
export type PhoneFlaw = 'never-ack' | 'bye-early' | 'deaf-to-cancel' | 'asks-as-proxy';

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
          if (flaw === 'deaf-to-cancel' && message.kind === 'request' && message.method === 'CANCEL') return;
          user.onMessage(flaw === 'asks-as-proxy' ? toUserAgent(message) : message, source);
        },
      }),
    send: (bytes, to, failed) => {
      const start = bytes.subarray(0, 11).toString('latin1');
      if (flaw === 'never-ack' && start.startsWith('ACK ')) return;
      if (flaw === 'bye-early' && start.startsWith('CANCEL ')) network.send(byeFromCancel(bytes, tags), to, failed);
      else if (flaw === 'asks-as-proxy' && start === 'SIP/2.0 401') network.send(askedByProxy(bytes), to, failed);
      else network.send(bytes, to, failed);
    },
  };
}

function remember(tags: Map<string, string>, callId: string, tag: string): void {
  tags.set(callId, tag);
  const [oldest] = tags.keys();
  if (tags.size > MAX_RINGING && oldest !== undefined) tags.delete(oldest);
}

/** The challenge of a user agent as that of a proxy. */
function askedByProxy(bytes: Buffer): Buffer {
  const challenge = bytes.toString('utf8');
  const asked = challenge
    .replace(/^SIP\/2\.0 401 [^\r\n]*/, 'SIP/2.0 407 Proxy Authentication Required')
    .replace(/^WWW-Authenticate:/gim, 'Proxy-Authenticate:');
  return Buffer.from(asked, 'utf8');
}

/** What was shown to the proxy, as if shown to the user agent. */
function toUserAgent(message: IncomingMessage): IncomingMessage {
  const shown = message.headers.get('proxy-authorization');
  if (shown === null) return message;
  const headers = message.headers.copy();
  headers.remove('proxy-authorization');
  headers.set('authorization', shown);
  return { ...message, headers };
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
