/** Neighbouring UDP ports that nobody holds now, for a test of a port range. */
import dgram from 'node:dgram';

const LOW = 30_000;
const HIGH = 39_000;
const TRIES = 100;

/** The first, even one of `count` ports. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const low = LOW + 2 * Math.floor((Math.random() * (HIGH - LOW)) / 2);
    const ports = Array.from({ length: count }, (_none, index) => low + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return low;
  }
  throw new Error(`no ${count} free ports in a row`);
}

function isFree(port: number): Promise<boolean> {
  const socket = dgram.createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
