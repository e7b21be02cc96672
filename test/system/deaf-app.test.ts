/**
 * AC-90 on the wire, for the whole minute: two apps on one call stop reading. One, of a stream of few bytes, reads again in
 * time and is told the exact milliseconds it missed. The other, of one of many, never does; as it answers no ping either, it
 * counts as lost within the minute (docs/streams.md). What both cost is bounded, and the app beside them misses nothing.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import type { StreamMessage, StreamSeen } from '../support/app.ts';
import { Stage, until } from '../support/scene.ts';
import { suiteOwner } from '../support/suite.ts';

const FRAME_MS = 20;
/** Nothing is read for so long, of the minute after which an app that answers no ping is lost. */
const DEAF_MS = 56_000;
/** Before that minute is over. */
const LOST_WITHIN_MS = 8_000;
/** Frames that were lost at least: ten seconds of them. */
const LOST = 500;
const MOST_MIB = 96;
const owner = suiteOwner();

const timestamps = (messages: readonly StreamMessage[]): number[] =>
  messages.map(({ media }) => Number(media.timestamp));
const beats = (from: number, to: number): number[] =>
  Array.from({ length: (to - from) / FRAME_MS }, (_, at) => from + at * FRAME_MS);
const residentMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

it('AC-90: apps that read nothing for a minute cost bounded memory, are told the exact milliseconds, and the stream beside them nothing', async () => {
  const stage = await Stage.open(owner);
  const fat = 'audioCodec="pcm" sampleRate="48000" audioMix="stereo" track="both_tracks" playbackEvents="true"';
  const thin = 'track="both_tracks" playbackEvents="true"';
  const stream = (name: string, attributes = ''): string =>
    `<Stream url="${stage.app.wsUrl(`/${name}`)}" name="${name}" ${attributes}/>`;
  const scene = await stage.call(
    `<Start>${stream('deaf', thin)}${stream('dead', fat)}${stream('witness')}</Start><Pause length="120"/>`,
  );
  const shown = async (name: string) => (await stage.system.api('GET', `/calls/${scene.sid}/streams/${name}`)).body;
  const [deaf, dead, witness] = await Promise.all(['/deaf', '/dead', '/witness'].map((path) => stage.app.stream(path)));
  assert.ok(deaf && dead && witness);
  // Sound that never repeats.
  void scene.phone.play(
    Int16Array.from({ length: 80 * 8000 }, (_, at) => Math.round(9000 * Math.sin(at * (0.2 + at / 2e6)))),
  );
  const worker = stage.system.stack.children.get('worker-1');
  assert.ok(worker);
  await deaf.until('a second of sound', () => deaf.of('media').length >= 50);
  const before = residentMiB(worker.pid);
  deaf.socket.pause();
  dead.socket.pause();

  await pause(systemClock, DEAF_MS);
  const grown = residentMiB(worker.pid) - before;
  assert.ok(grown < MOST_MIB, `${grown} MiB more`);
  for (const name of ['deaf', 'dead']) {
    const { status, counters } = await shown(name);
    assert.equal(status, 'in-progress');
    assert.ok(counters.framesDropped >= LOST, `${name}: ${counters.framesDropped}`);
  }
  const readAgainAt = Number(witness.of('media').at(-1).media.timestamp);
  deaf.socket.resume();
  await deaf.until('it has caught up', () => Number(deaf.of('media').at(-1).media.timestamp) > readAgainAt);
  await until('the other is lost', async () => (await shown('dead')).status === 'failed', LOST_WITHIN_MS);
  assert.equal((await shown('dead')).error.code, 31_903);
  const lostAt = witness.of('media').length;
  await witness.until('the call goes on', () => witness.of('media').length > lostAt + 50);
  assert.equal((await shown('deaf')).status, 'in-progress');

  await scene.hangUp();
  await Promise.all([deaf.closed(), witness.closed()]);
  assert.deepEqual(timestamps(witness.of('media')), beats(0, witness.of('media').length * FRAME_MS));
  assertToldExactly(deaf, (await shown('deaf')).counters.framesDropped);
  const warned = (await stage.system.events(scene.sid)).filter((event) => event['code'] === 31_930);
  assert.equal(warned.length, 2, 'each is warned of once');
});

/** What did not come is what its gaps say, and as much as was counted. */
function assertToldExactly(deaf: StreamSeen, framesDropped: number): void {
  const heard = new Set(timestamps(deaf.of('media')));
  const gaps = deaf.of('gap').map(({ gap }) => gap);
  const told = gaps.flatMap(({ fromMs, durationMs }) => beats(fromMs, fromMs + durationMs));
  assert.deepEqual(
    beats(0, Math.max(...heard) + FRAME_MS).filter((time) => !heard.has(time)),
    told,
  );
  assert.equal(told.length, framesDropped);
  assert.ok(gaps.every(({ reason, track }) => reason === 'congestion' && track === 'both'));
}
