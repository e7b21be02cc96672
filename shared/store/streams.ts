/** Streams of a call. Limits and names are decided by one step in Lua, whoever asks (PROTOCOL §0 row 21). */
import type { CallLetter, StreamUpdate } from '../domain/letter.ts';
import type { StreamPatch, StreamRecord, StreamRefusal, TrackSelection } from '../domain/stream.ts';
import { isTwoWay, MAX_STREAMS_PER_CALL, refusalMessages } from '../domain/stream.ts';
import type { CallSid, Epoch, OwnerId, StreamSid } from '../kernel/ids.ts';
import { canonical, decodeStream, encodeFields, lostOf, many, streamFields, texts } from './encoding.ts';
import { callKeys, scriptKeys } from './keys.ts';
import { attempt, Script } from './redis.ts';
import type { StoreScope } from './scope.ts';
import { BoxFull, type CallStore, type Fenced, type StreamStore } from './store.ts';

const steps = {
  open: new Script('call', 'open-stream'),
  change: new Script('call', 'change-stream'),
  get: new Script('call', 'get-stream'),
};

const tracksOf = (track: TrackSelection): number => (track === 'both' ? 2 : 1);
const isRefusal = (text: string): text is StreamRefusal => Object.hasOwn(refusalMessages, text);

export class Streams implements StreamStore {
  readonly #scope: StoreScope;
  readonly #calls: Pick<CallStore, 'save'>;

  constructor(scope: StoreScope, calls: Pick<CallStore, 'save'>) {
    this.#scope = scope;
    this.#calls = calls;
  }

  async open(stream: StreamRecord, by: Parameters<StreamStore['open']>[1]): ReturnType<StreamStore['open']> {
    const letter: CallLetter = { kind: 'stream-start', stream: stream.sid };
    const reply = await steps.open.run(this.#scope.client, scriptKeys(stream.callSid), [
      by.kind === 'owner' ? by.epoch : '',
      stream.sid,
      stream.spec.name,
      canonical(stream.spec),
      isTwoWay(stream.spec.mode) ? 1 : 0,
      tracksOf(stream.spec.track),
      stream.spec.dialect,
      MAX_STREAMS_PER_CALL,
      ...many(encodeFields(stream, `${stream.sid}:`)),
      by.kind === 'api' ? JSON.stringify(letter) : '',
    ]);
    const [kind = '', detail = ''] = texts(reply);
    if (isRefusal(kind)) return { kind: 'refused', reason: kind };
    if (kind === 'full') throw new BoxFull();
    if (kind === 'lost' || kind === 'forgotten') return { kind: lostOf(kind) };
    if (kind === 'opened') return { kind, stream, owner: detail === '' ? null : (detail as OwnerId) };
    const existing = await this.get(stream.callSid, detail);
    return { kind: 'existing', stream: existing ?? stream };
  }

  async change({ callSid, spec, sid }: StreamRecord, letter: StreamUpdate): ReturnType<StreamStore['change']> {
    // Only Twilio counts tracks, and those of one-way streams.
    const counted = letter.track !== undefined && spec.dialect === 'twilio' && !isTwoWay(spec.mode);
    const reply = await steps.change.run(this.#scope.client, scriptKeys(callSid), [
      sid,
      counted ? tracksOf(letter.track) : '',
      MAX_STREAMS_PER_CALL,
      JSON.stringify(letter),
    ]);
    const [kind = '', owner = ''] = texts(reply);
    if (kind === 'full') throw new BoxFull();
    if (kind === 'posted') return { kind, owner: owner === '' ? null : (owner as OwnerId) };
    return kind === 'ended' || kind === 'stream_ended' || kind === 'stream_limit' ? { kind } : { kind: 'unknown' };
  }

  async get(sid: CallSid, nameOrSid: string): Promise<StreamRecord | null> {
    const reply = await steps.get.run(this.#scope.client, scriptKeys(sid), [nameOrSid, ...many(streamFields)]);
    return Array.isArray(reply) ? decodeStream(reply) : null;
  }

  async list(sid: CallSid): Promise<readonly StreamRecord[]> {
    const keys = callKeys(sid);
    const [order, fields] = await attempt(
      Promise.all([this.#scope.client.lrange(keys.order, 0, -1), this.#scope.client.hgetall(keys.streams)]),
    );
    return order.flatMap((stream) => {
      const record = decodeStream(streamFields.map((field) => fields[`${stream}:${field}`] ?? null));
      return record ? [record] : [];
    });
  }

  save(sid: CallSid, stream: StreamSid, epoch: Epoch, patch: StreamPatch): Promise<Fenced> {
    return this.#calls.save(sid, epoch, { streams: [{ stream, patch }] });
  }
}
