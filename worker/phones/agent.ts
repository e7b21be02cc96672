/** The user agent of a phone: the real one, or one whose network swallows every ACK it sends (a broken phone). */
import type { Clock } from '../../shared/kernel/clock.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { SipUserAgent, SipUserAgentDelegate, SipUserAgentOptions } from '../sip/sip-call.ts';
import { Network } from '../sip/transport/network.ts';
import { type AgentNetwork, openUserAgent, UserAgent } from '../sip/user-agent.ts';

export async function openPhoneAgent(
  options: SipUserAgentOptions,
  delegate: SipUserAgentDelegate,
  clock: Clock,
  log: Logger,
  neverAck: boolean,
): Promise<SipUserAgent> {
  if (!neverAck) return openUserAgent(options, delegate, clock, log);
  const network = await Network.open(options, clock, log);
  return new UserAgent(withoutAck(network), options.product, delegate, clock, log);
}

function withoutAck(network: Network): AgentNetwork {
  return {
    sentBy: network.sentBy,
    host: network.host,
    port: network.port,
    get connections() {
      return network.connections;
    },
    supports: (transport) => network.supports(transport),
    connected: (flow) => network.connected(flow),
    start: (user) => network.start(user),
    close: () => network.close(),
    send: (bytes, to, failed) => {
      if (bytes.subarray(0, 4).toString('latin1') !== 'ACK ') network.send(bytes, to, failed);
    },
  };
}
