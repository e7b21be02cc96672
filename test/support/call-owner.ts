/**
 * An owner of calls that only speaks signalling: claims what is queued, rings, answers with a fixed
 * session description and takes note of what the gateway says. No media, no documents; for tests and
 * benchmarks of the gateway alone.
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { CallLetter, GatewayLetter } from '../../shared/domain/letter.ts';
import { type CallSid, type Epoch, FIRST_LEG, type OwnerId } from '../../shared/kernel/ids.ts';
import type { CallQueue, QueueWorker } from '../../shared/queue/ports.ts';
import type { Store } from '../../shared/store/store.ts';

export const OWNER_SDP = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 40000 RTP/AVP 0',
  'a=rtpmap:0 PCMU/8000',
  '',
].join('\r\n');

interface Owned {
  readonly call: CallRecord;
  readonly epoch: Epoch;
  readonly letters: CallLetter[];
  readonly done: () => void;
}

/** What the owner says to a call it has just claimed. */
export type FirstWords = (call: CallRecord) => readonly GatewayLetter[];

export const answerAtOnce: FirstWords = () => [{ kind: 'answer', leg: FIRST_LEG, sdp: OWNER_SDP }];

export class CallOwner {
  readonly #id: OwnerId;
  readonly #store: Store;
  readonly #queue: CallQueue;
  readonly #firstWords: FirstWords;
  readonly #owned = new Map<CallSid, Owned>();
  readonly #workers: QueueWorker[];
  #closed = false;
  /** Calls that came to their end. */
  ended = 0;

  constructor(store: Store, queue: CallQueue, concurrency: number, firstWords: FirstWords = answerAtOnce) {
    this.#id = `owner-${process.pid}-${Math.random().toString(16).slice(2)}` as OwnerId;
    this.#store = store;
    this.#queue = queue;
    this.#firstWords = firstWords;
    this.#workers = [
      queue.hearSignals(this.#id, (sid) => void this.#read(sid).catch((error: unknown) => this.#failed(error))),
      queue.workCalls({ owner: this.#id, concurrency, run: (sid) => this.#run(sid), onDoubt: () => {} }),
    ];
  }

  /** Letters of a call so far. */
  letters(sid: CallSid): readonly CallLetter[] {
    return this.#owned.get(sid)?.letters ?? [];
  }

  get sids(): readonly CallSid[] {
    return [...this.#owned.keys()];
  }

  async say(sid: CallSid, ...letters: readonly GatewayLetter[]): Promise<void> {
    const owned = this.#owned.get(sid);
    if (!owned?.call.gateway) throw new Error(`Nobody owns ${sid}.`);
    for (const letter of letters) await this.#store.mailbox.postToGateway(sid, owned.epoch, letter);
    await this.#queue.signal(owned.call.gateway, sid);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const owned of this.#owned.values()) owned.done();
    for (const worker of this.#workers) await worker.abandon();
  }

  async #run(sid: CallSid): Promise<void> {
    const claimed = await this.#store.calls.claim(sid, this.#id);
    if (!claimed) return;
    const over = new Promise<void>((resolve) => {
      this.#owned.set(sid, { ...claimed, letters: [], done: resolve });
    });
    await this.say(sid, ...this.#firstWords(claimed.call));
    await this.#read(sid);
    await over;
    const ending = { status: 'completed', cause: 'far_hangup', blame: 'caller', sipCode: null, detail: null } as const;
    const endedAt = new Date().toISOString();
    await this.#store.calls.save(sid, claimed.epoch, { patch: { status: 'completed', endedAt, ending } });
    this.#owned.delete(sid);
    this.ended += 1;
  }

  /** A box that cannot be read any more because everything is closing is no news. */
  #failed(error: unknown): void {
    if (!this.#closed) console.error('A box could not be read:', error);
  }

  async #read(sid: CallSid): Promise<void> {
    const owned = this.#owned.get(sid);
    const box = owned ? await this.#store.mailbox.readForCall(sid, owned.epoch) : 'lost';
    const last = box === 'lost' ? undefined : box.at(-1);
    if (!owned || box === 'lost' || !last) return;
    owned.letters.push(...box.map(({ letter }) => letter));
    await this.#store.mailbox.ackForCall(sid, owned.epoch, last.id);
    if (box.some(({ letter }) => letter.kind === 'ended' || letter.kind === 'failed')) owned.done();
  }
}
