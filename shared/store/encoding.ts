/**
 * How records lie in Redis: a hash with each top-level field as JSON, so that a patch is a few HSETs
 * and Lua never has to re-encode anything (cjson turns `[]` into `{}`).
 */
import type { CallRecord } from '../domain/call.ts';
import type { TimelineEntry } from '../domain/event.ts';
import type { Posted } from '../domain/letter.ts';
import { isLive, isTwoWay, type StreamRecord } from '../domain/stream.ts';
import { CallForgotten } from './store.ts';

/** Field, JSON, field, JSON …; absent values are left out. */
export function encodeFields(record: object, prefix = ''): string[] {
  return Object.entries(record)
    .filter(([, value]) => value !== undefined)
    .flatMap(([field, value]) => [prefix + field, JSON.stringify(value)]);
}

/** A list as a script takes it: its length first. */
export const many = (items: readonly string[]): (string | number)[] => [items.length, ...items];

export const encodeEntries = (entries: readonly { readonly at: string; readonly entry: TimelineEntry }[]): string[] =>
  entries.map(({ at, entry }) => JSON.stringify({ ...entry, at }));

const parse = (json: string): unknown => JSON.parse(json);

function decodePairs(flat: readonly string[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const field = flat[index];
    const json = flat[index + 1];
    if (field !== undefined && json !== undefined && !field.startsWith('_')) fields[field] = parse(json);
  }
  return fields;
}

/** What only our own scripts write needs no schema to be read: the cast is the boundary. Null when there is nothing. */
export function decodeCall(flat: readonly string[]): CallRecord | null {
  const fields = decodePairs(flat);
  return fields['sid'] === undefined ? null : (fields as unknown as CallRecord);
}

/** Fields of a stream in the order `get-stream.lua` is asked for them. */
export const streamFields = [
  'sid',
  'callSid',
  'spec',
  'status',
  'createdAt',
  'startedAt',
  'stoppedAt',
  'reason',
  'error',
  'counters',
  'origin',
] as const satisfies readonly (keyof StreamRecord)[];

export function decodeStream(values: readonly (string | null)[]): StreamRecord | null {
  const record: Record<string, unknown> = {};
  for (const [index, field] of streamFields.entries()) {
    const json = values[index];
    record[field] = json === null || json === undefined ? null : parse(json);
  }
  return record['sid'] === null ? null : (record as unknown as StreamRecord);
}

/** `<id> <JSON>` as it lies in a box. */
export function decodePosted<Letter>(text: string): Posted<Letter> {
  const space = text.indexOf(' ');
  return { id: Number(text.slice(0, space)), letter: parse(text.slice(space + 1)) as Letter };
}

/** Replies of ioredis are `unknown` or wide: one guard for the only shape the steps answer with. */
export function texts(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}

/** The same text for equal values, whatever the order of their fields. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([one], [other]) => (one < other ? -1 : 1)))
      : item,
  );
}

/** Why a fenced step was refused. @throws CallForgotten */
export function lostOf(reply: unknown): 'lost' {
  if (reply === 'forgotten') throw new CallForgotten();
  return 'lost';
}

/** Streams as `restore.lua` takes them: their fields with their names, their sids in order, and the live ones. */
export function encodeStreams(streams: readonly StreamRecord[]): (string | number)[] {
  const fields = streams.flatMap((stream) => [
    ...encodeFields(stream, `${stream.sid}:`),
    `name:${stream.spec.name}`,
    stream.sid,
  ]);
  const live = streams.filter(({ status }) => isLive(status));
  return [
    ...many(fields),
    ...many(streams.map(({ sid }) => sid)),
    ...many(live.flatMap((stream) => [stream.sid, liveStream(stream)])),
  ];
}

/** What the limits look at: see `open-stream.lua`. */
function liveStream({ spec }: StreamRecord): string {
  const tracks = spec.track === 'both' ? 2 : 1;
  return JSON.stringify({ name: spec.name, fingerprint: canonical(spec), twoWay: isTwoWay(spec.mode), tracks });
}
