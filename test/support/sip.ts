/** Doubles for the SIP stack: a delegate that writes down what it is told, and waiting for one entry. */
import { EventEmitter, once } from 'node:events';
import { systemClock } from '../../shared/kernel/clock.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import type {
  SipCallData,
  SipCallDelegate,
  SipDial,
  SipInvitation,
  SipTransport,
  SipUserAgentDelegate,
} from '../../worker/sip/sip-call.ts';
import { openUserAgent, type UserAgent } from '../../worker/sip/user-agent.ts';

export type Entry = readonly [what: string, ...details: unknown[]];

const PATIENCE_MS = 5_000;

/** Keeps everything that happened to one call, in order, and its latest data. */
export class CallLog implements SipCallDelegate {
  readonly entries: Entry[] = [];
  readonly messages: string[] = [];
  data: SipCallData | null = null;
  readonly #news = new EventEmitter();

  onProgress(code: number, reason: string, sdp: string | null): void {
    this.#note('progress', code, reason, sdp);
  }
  onAnswered(sdp: string | null): void {
    this.#note('answered', sdp);
  }
  onFailed(code: number, reason: string, retryAfterMs?: number): void {
    this.#note('failed', code, reason, ...(retryAfterMs === undefined ? [] : [retryAfterMs]));
  }
  onAcked(sdp: string | null): void {
    this.#note('acked', sdp);
  }
  onEnded(by: 'bye' | 'cancel' | 'lost', code: number | null): void {
    this.#note('ended', by, code);
  }
  onReoffer(sdp: string | null): void {
    this.#note('reoffer', sdp);
  }
  onReofferOver(): void {
    this.#note('reofferOver');
  }
  onReanswered(sdp: string | null): void {
    this.#note('reanswered', sdp);
  }
  onReofferFailed(code: number, reason: string): void {
    this.#note('reofferFailed', code, reason);
  }
  onInfo(contentType: string, body: string): void {
    this.#note('info', contentType, body);
  }
  onData(data: SipCallData | null): void {
    this.data = data;
    if (data === null) this.#note('gone');
  }
  onMessage(way: 'in' | 'out', summary: { method: string; code: number | null }): void {
    this.messages.push(`${way} ${summary.method}${summary.code === null ? '' : ` ${summary.code}`}`);
  }

  get names(): string[] {
    return this.entries.map(([what]) => what);
  }

  /** The first entry of that name, now or within the deadline. */
  async until(what: string, nth = 1): Promise<Entry> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const found = this.entries.filter(([name]) => name === what)[nth - 1];
      if (found) return found;
      await once(this.#news, 'entry', { signal }).catch(() => {
        throw new Error(`no ${what} (${nth}); there was ${JSON.stringify(this.entries)}`);
      });
    }
  }

  #note(...entry: Entry): void {
    this.entries.push(entry);
    this.#news.emit('entry');
  }
}

export interface Phone {
  readonly agent: UserAgent;
  /** `sip:<user>@<where it listens>` */
  uri(user: string): string;
}

/** A user agent on a free loopback port; it is closed by the test that opened it. */
export async function openPhone(onInvite: (invitation: SipInvitation) => void, host = '127.0.0.1'): Promise<Phone> {
  const delegate: SipUserAgentDelegate = { onInvite };
  const options = { host, port: 0, publicAddress: null, product: 'test-phone' };
  const agent = await openUserAgent(options, delegate, systemClock, silentLogger);
  return { agent, uri: (user) => `sip:${user}@${host}:${agent.address.port}` };
}

/** An order with the usual values. */
export function order(uri: string, changes: Partial<SipDial> = {}): SipDial {
  return {
    uri,
    from: { uri: 'sip:alice@test.invalid', displayName: 'Alice' },
    via: null,
    transport: 'udp' satisfies SipTransport,
    credentials: null,
    headers: {},
    sdp: OFFER,
    ringTimeoutMs: 30_000,
    ...changes,
  };
}

export const OFFER = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n';
export const ANSWER = 'v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n';
