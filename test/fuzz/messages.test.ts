/** A hostile app on a live two-way stream: whatever it sends, the stream lives, ends once, and keeps nothing. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { StreamSpec } from '../../shared/domain/stream.ts';
import { warmMp3 } from '../../worker/media/mp3.ts';
import { wavFile } from '../../worker/media/wav-writer.ts';
import { Dice, heapInUse, rounds } from '../support/dice.ts';
import { Stopwatch } from '../support/stopwatch.ts';
import { sine } from '../support/tone.ts';
import { mulaw, settled, twilio, World } from '../unit/stream/world.ts';

const BEATS = 60;
const MIB = 2 ** 20;
/** A stream may read this much in a beat, and the message that crosses the line. */
const INTAKE = 524_288;
/** The longest message a socket takes. */
const LONGEST = 1_048_576;
/** After so many beats without a message any socket is read again. */
const READ_AGAIN = 40;

const kinds: readonly Partial<StreamSpec>[] = [
  { ...twilio, mode: 'bidirectional', playbackEvents: true },
  { mode: 'bidirectional', playbackEvents: true, reconnectMs: 5_000 },
  { mode: 'bidirectional' },
  { mode: 'duplex', mediaFormat: mulaw },
  { mode: 'unidirectional' },
  { mode: 'raw' },
];
const wav = wavFile(sine(440, 200, 8000), 8000);

function message(dice: Dice, streamSid: string): object {
  const payload = dice.pick([
    dice.bytes(dice.below(700)).toString('base64'),
    wav.subarray(dice.below(100), dice.below(wav.length)).toString('base64'),
    dice.bytes(4).toString('latin1'),
    '',
  ]);
  const encoding = dice.pick([
    'audio/L16',
    'audio/x-mulaw',
    'audio/x-alaw',
    'audio/wav',
    'audio/mp3',
    'audio/mpeg',
    'x',
  ]);
  const sampleRate = dice.pick([8000, 16000, 24000, 44100, 48000, 7, -1, 1e300, '16000', null]);
  const format = { encoding, sampleRate, endianness: dice.pick(['little', 'big', 'middle']) };
  const media = { event: 'media', streamSid, media: { payload, ...(dice.chance(0.5) ? { format } : {}) } };
  const name = dice.pick(['a', '', 'x'.repeat(2_000), '\u0000', 'é"\\']);
  return dice.pick<object>([
    media,
    media,
    media,
    { event: 'mark', streamSid, mark: { name } },
    { event: 'clear', streamSid },
    { event: 'status', streamSid },
    { event: 'dtmf', streamSid, dtmf: { digits: dice.pick(['1', '##', 'z', '1'.repeat(100)]) } },
    { event: 'hangup', streamSid },
    { event: dice.bytes(3).toString('latin1') },
  ]);
}

/** Long ones are rare. */
const lengths = (dice: Dice): number => (dice.chance(0.2) ? LONGEST - 100 : 200_000);

/** Messages that cost an app next to nothing. */
const SHORT = ['{"event":"status"}', '', '{', '{"event":"mark"}', '{"event":"clear"}', '[]', '""'];

/** Many values in little text: what costs most to parse. */
function wide(dice: Dice): string {
  const count = dice.pick([100, 400, 1_000, 70_000]);
  const keys = dice.below(1_000_000);
  return dice.pick<() => string>([
    () => `[${'{},'.repeat(count)}{}]`,
    () => `{${Array.from({ length: count }, (_, at) => `"${keys + at}x":1`).join()}}`,
    () => `${'{"a":['.repeat(count)}`,
    () => `{"event":"media","media":{"payload":"${'A\\n'.repeat(4 * count)}"}}`,
  ])();
}

/** What an app can send in a beat, at the most. */
const FLOOD = 100_000;

/** The same without end: until its socket has to wait. */
function flood(world: World, text: string): void {
  const { connection } = world;
  let left = FLOOD;
  while (connection.reading && left > 0 && world.stops.length === 0) {
    connection.app.onText(text);
    left -= 1;
  }
  assert.ok(left > 0, `${text} without end`);
}

function attack(dice: Dice, world: World, watch: Stopwatch): void {
  const { app } = world.connection;
  const text = JSON.stringify(message(dice, world.stream.sid));
  const onText = (sent: string): void => watch.time(`${sent.length} characters`, () => app.onText(sent));
  const what = dice.below(20);
  if (what < 10) onText(text);
  else if (what < 15) onText(dice.spoil(Buffer.from(text), 6).toString('utf8'));
  else if (what < 16) onText(dice.bytes(dice.below(2_000)).toString('latin1'));
  else if (what < 18) {
    const bytes = dice.bytes(dice.below(4_000));
    watch.time(`${bytes.length} bytes`, () => app.onBinary(bytes));
  } else if (what < 19) onText(`{"event":"media","media":{"payload":"${'A'.repeat(dice.below(lengths(dice)))}"}}`);
  else if (dice.chance(0.1)) onText('['.repeat(50_000));
  else if (dice.chance(0.3)) watch.time('a flood', () => flood(world, dice.pick(SHORT)));
  else if (dice.chance(0.5)) onText(wide(dice));
  else world.stream.update({ paused: dice.chance(0.5) });
}

async function session(dice: Dice, watch: Stopwatch): Promise<void> {
  const world = new World(dice.pick(kinds)).open();
  for (let beat = 0; beat < BEATS && world.stops.length === 0; beat++) {
    const { bytesReceived } = world.stream.counters();
    // Whoever is not read says nothing.
    for (let left = dice.below(8); left > 0 && world.connection.reading; left--) attack(dice, world, watch);
    const took = world.stream.counters().bytesReceived - bytesReceived;
    if (took >= INTAKE) assert.equal(world.connection.reading, false);
    watch.time('a beat', () => world.beats(1));
    if (dice.chance(0.02)) world.connection.lose();
    if (dice.chance(0.2) && world.stream.record.status === 'reconnecting') world.open();
    if (dice.chance(0.05)) await watch.timeAsync('a turn', settled);
  }
  if (world.stream.record.status === 'in-progress') assert.ok(world.beats(READ_AGAIN).connection.reading);
  // The timeline takes a few entries a beat from an app, and each warning once.
  assert.ok(world.entries.length <= BEATS * 12 + 20, `${world.entries.length} entries`);
  assert.ok(world.stream.counters().bufferedMs <= 600_000);
  await world.stream.stop('hangup');
  await settled();
  assert.equal(world.stops.length, 1);
  assert.equal(world.branches.size, 0);
  const heard = world.heard.length;
  world.beats(5);
  // After the end nothing of it sounds but the fade.
  const after = world.heard.slice(heard + 1);
  assert.ok(after.every((frame) => frame.every((sample) => sample === 0)));
}

it('a live stream survives whatever its app sends, keeps nothing of it, and keeps no beat waiting', async () => {
  const watch = new Stopwatch();
  let before = 0;
  let ran = 0;
  for (const round of rounds(120)) {
    if (round === 40) before = heapInUse();
    // Ready beforehand, so that a file takes as many turns the second time as it did the first.
    await warmMp3();
    await watch.round(() => session(new Dice(1, round), watch));
    ran = round + 1;
  }
  const grown = heapInUse() - before;
  assert.ok(grown < 16 * MIB, `${Math.round(grown / MIB)} MiB more after ${ran} streams`);
});
