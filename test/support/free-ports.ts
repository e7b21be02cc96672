/**
 * Ports of 127.0.0.1 for whatever must be told a number: a range of RTP ports, a foreign program, a server that is
 * started again at its port. They lie below those the kernel hands out by itself (net.ipv4.ip_local_port_range), so
 * that no socket opened meanwhile takes one, and in a block that no other test process uses, so that any number of
 * them can run side by side.
 */
import dgram from 'node:dgram';
import net from 'node:net';

const LOWEST = 2176;
const BLOCK = 64;
const BLOCKS = 120;
/** The last port of a block is listened on by the process that has the block, until it ends. */
const LOCK = BLOCK - 1;

let next = 0;
let end = 0;

/** The first, even one of `count` neighbouring ports that nobody holds, UDP or TCP; each is given once. */
export async function freePorts(count: number): Promise<number> {
  if (count > LOCK) throw new RangeError(`at most ${LOCK} ports in a row`);
  for (;;) {
    if (next + count > end) {
      next = await ownBlock();
      end = next + LOCK;
    }
    const low = next;
    // Taken before anything is awaited: two may ask at once.
    next += count + (count % 2);
    if (await areFree(low, count)) return low;
  }
}

/** One port, free for UDP and TCP. */
export const freePort = (): Promise<number> => freePorts(1);

async function ownBlock(): Promise<number> {
  const first = Math.floor(Math.random() * BLOCKS);
  for (let index = 0; index < BLOCKS; index++) {
    const low = LOWEST + BLOCK * ((first + index) % BLOCKS);
    const lock = await listening(low + LOCK);
    if (lock === null) continue;
    lock.unref();
    return low;
  }
  throw new Error(`no block of ${BLOCK} ports is free`);
}

async function areFree(low: number, count: number): Promise<boolean> {
  for (let port = low; port < low + count; port++) {
    const server = await listening(port);
    if (server === null) return false;
    const isFree = await isFreeForUdp(port);
    await new Promise((resolve) => server.close(resolve));
    if (!isFree) return false;
  }
  return true;
}

/** Null when the port is taken. */
function listening(port: number): Promise<net.Server | null> {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}

function isFreeForUdp(port: number): Promise<boolean> {
  const socket = dgram.createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
