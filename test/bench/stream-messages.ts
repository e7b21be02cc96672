/**
 * Nanoseconds for the messages of a stream: `node --import tsx test/bench/stream-messages.ts`. Ways to do the same
 * thing take turns, round by round, so that a busy machine is unfair to none. Not a test.
 */
import { decodeMessage } from '../../worker/stream/messages/decode.ts';
import { encodeMedia } from '../../worker/stream/messages/encode.ts';
import { MessageReader } from '../../worker/stream/messages/reader.ts';

const ROUNDS = 15;
const TIMES = 40_000;
const sid = 'MZ7d0f4c1b2a3948576655443322110f0e';

/** Best and median of the rounds of each way. */
function compare(what: string, ways: Readonly<Record<string, () => number>>): void {
  const rounds = new Map(Object.keys(ways).map((name) => [name, [] as number[]]));
  let kept = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, step] of Object.entries(ways)) {
      const start = process.hrtime.bigint();
      for (let n = 0; n < TIMES; n++) kept += step();
      if (round > 0) rounds.get(name)?.push(Number(process.hrtime.bigint() - start) / TIMES);
    }
  }
  for (const [name, all] of rounds) {
    all.sort((one, other) => one - other);
    const columns = [all[0], all[all.length >> 1]].map((ns) => `${Math.round(ns ?? 0)}`.padStart(8));
    console.log(`${what}: ${name}`.padEnd(56), ...columns);
  }
  if (kept < 0) console.log('never');
}

const payload = Buffer.alloc(160, 0x55).toString('base64');
const fromApp = Buffer.from(JSON.stringify({ event: 'media', streamSid: sid, media: { payload } }));
const reader = new MessageReader(sid, 'twilio');
const sizeOf = (message: ReturnType<typeof decodeMessage>): number =>
  message.event === 'media' ? message.payload.length : 0;

console.log('step'.padEnd(56), 'best ns'.padStart(8), 'median'.padStart(8));
compare('media from the app, 20 ms of µ-law', {
  'read in full': () => sizeOf(decodeMessage(fromApp.toString('utf8'), sid, 'twilio')),
  'read alike': () => sizeOf(reader.read(fromApp.toString('utf8'))),
});

const frame = Buffer.alloc(320, 3);
const outgoing = Buffer.alloc(16_384);
let number = 0;
const toApp = (): string => {
  number = (number + 1) & 65_535;
  return encodeMedia(number, sid, 'inbound', number, number * 20, frame.toString('base64'));
};
compare('media to the app, 20 ms of L16', {
  'bytes of its own': () => Buffer.from(toApp()).length,
  'into the bytes of all': () => outgoing.write(toApp()),
});
