/**
 * `node dist/bench/stalled.js --calls 500`: what streams cost whose apps read nothing. The same calls twice: with an app that
 * reads, and with one that opens its sockets and never reads from them. Real sockets on both sides: what the kernel takes is
 * not counted, what the worker holds is.
 */
import { createHash } from 'node:crypto';
import net from 'node:net';
import { parseArgs } from 'node:util';
import { systemClock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { isMode, twimlOf } from './documents.ts';
import { Load } from './load.ts';
import { prefer } from './process-usage.ts';
import { UnderTest } from './under-test.ts';

const { values: options } = parseArgs({
  options: {
    calls: { type: 'string', default: '500' },
    rate: { type: 'string', default: '25' },
    mode: { type: 'string', default: 'one-way' },
  },
});
const { mode } = options;
if (!isMode(mode)) throw new Error(`--mode ${mode} is none`);
const twiml = twimlOf(mode);
/** A queue holds ten seconds of audio; what the kernel holds before it is filled in less. A minute after it stopped to read an app is given up. */
const UNTIL_FULL_MS = 35_000;
const HANDSHAKE = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const reading = await measure(false);
const deaf = await measure(true);
const kib = (deaf.memoryKb - reading.memoryKb) / deaf.calls;
console.table({ reading, deaf });
console.log(
  `${kib.toFixed(0)} KiB more a stream that is not read, ${Math.round((kib * deaf.calls) / 1024)} MiB for ${deaf.calls}`,
);
process.exit(0);

interface Measured {
  readonly calls: number;
  /** What the calls added to all processes. */
  readonly memoryKb: number;
  /** Frames that were dropped, of the first streams: the queues are full. */
  readonly dropped: number;
}

async function measure(isDeaf: boolean): Promise<Measured> {
  const closers = new Closers();
  try {
    const load = await Load.start(closers);
    const settings = { BUSY_LIMIT: '0', QUEUE_TIMEOUT: '120s' };
    const system = await UnderTest.start({ trunkPort: load.sipPort, threads: 1, settings }, closers);
    prefer(load.pids, 'real-time');
    const app = isDeaf ? { appPort: await startDeafApp(closers), tlsPort: 0 } : load;
    const idleKb = system.memoryKb;
    const sids: string[] = [];
    for (let call = 0; call < Number(options.calls); call++) {
      const sid = await system.place(twiml(app));
      if (sid !== null) sids.push(sid);
      await pause(systemClock, 1000 / Number(options.rate));
    }
    const calls = await system.untilUp(sids.length, 60_000);
    await pause(systemClock, UNTIL_FULL_MS);
    const memoryKb = system.memoryKb - idleKb;
    return { calls, memoryKb, dropped: await system.dropped(sids.slice(0, 20)) };
  } finally {
    await closers.close();
  }
}

/** A WebSocket server that answers the upgrade and reads nothing from then on; its port. */
async function startDeafApp(closers: Closers): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('data', (request) => {
      socket.pause();
      const key = /^sec-websocket-key: (.+)$/im.exec(request.toString('latin1'))?.[1]?.trim() ?? '';
      const accept = createHash('sha1')
        .update(key + HANDSHAKE)
        .digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}
