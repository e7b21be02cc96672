/** The boxes of a call: lists of `<id> <letter>` beside the call, emptied by whoever has applied them. */
import type { CallLetter, GatewayLetter, Posted } from '../domain/letter.ts';
import type { CallSid, Epoch, OwnerId } from '../kernel/ids.ts';
import { decodePosted, lostOf, texts } from './encoding.ts';
import { callKeys, scriptKeys } from './keys.ts';
import { attempt, Script } from './redis.ts';
import type { StoreScope } from './scope.ts';
import { BoxFull, type CallStore, type Fenced, type LetterSerial, type Mailbox } from './store.ts';

const steps = {
  post: new Script('call', 'post'),
  read: new Script('call', 'read-box'),
  ack: new Script('call', 'ack'),
};

/** Which key of `scriptKeys`, counted as Lua counts. */
const BOX = 6;
const GATEWAY_BOX = 7;

export class Boxes implements Mailbox {
  readonly #scope: StoreScope;
  readonly #calls: Pick<CallStore, 'save'>;

  constructor(scope: StoreScope, calls: Pick<CallStore, 'save'>) {
    this.#scope = scope;
    this.#calls = calls;
  }

  async postToCall(sid: CallSid, letter: CallLetter, by?: LetterSerial): ReturnType<Mailbox['postToCall']> {
    const { poster, serial } = by ?? { poster: '', serial: 0 };
    const reply = await steps.post.run(this.#scope.client, scriptKeys(sid), [JSON.stringify(letter), poster, serial]);
    const [kind, owner = ''] = texts(reply);
    if (kind === 'full') throw new BoxFull();
    if (kind === 'posted') return { kind, owner: owner === '' ? null : (owner as OwnerId) };
    return { kind: kind === 'ended' ? 'ended' : 'unknown' };
  }

  async readForCall(sid: CallSid, epoch: Epoch): Promise<readonly Posted<CallLetter>[] | 'lost'> {
    const reply = await steps.read.run(this.#scope.client, scriptKeys(sid), [epoch]);
    return Array.isArray(reply) ? texts(reply).map((text) => decodePosted<CallLetter>(text)) : lostOf(reply);
  }

  async ackForCall(sid: CallSid, epoch: Epoch, upTo: number): Promise<Fenced> {
    const reply = await steps.ack.run(this.#scope.client, scriptKeys(sid), [epoch, BOX, upTo]);
    return reply === 'done' ? 'done' : lostOf(reply);
  }

  postToGateway(sid: CallSid, epoch: Epoch, letter: GatewayLetter): Promise<Fenced> {
    return this.#calls.save(sid, epoch, { letters: [letter] });
  }

  async readForGateway(sid: CallSid): Promise<readonly Posted<GatewayLetter>[]> {
    const rows = await attempt(this.#scope.client.lrange(callKeys(sid).gatewayBox, 0, -1));
    return rows.map((text) => decodePosted<GatewayLetter>(text));
  }

  async ackForGateway(sid: CallSid, upTo: number): Promise<void> {
    await steps.ack.run(this.#scope.client, scriptKeys(sid), ['', GATEWAY_BOX, upTo]);
  }
}
