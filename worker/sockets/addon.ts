/**
 * The addon below `native/`, as `module.c` has it: sockets are small numbers, results below zero are errno, negated.
 * It is built where there is a compiler, and never needed.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

export interface Addon {
  /**
   * Begins: `onRows` is told how many rows were written to `rows`, five numbers each; bytes lie in `arena`. Two numbers of
   * `backlog` are each socket's: bytes that the kernel was seen not to take, and messages that it has not taken. One for each thread.
   */
  start(onRows: (count: number) => void, arena: Uint8Array, rows: Int32Array, backlog: Int32Array): number;
  /** Closes all sockets. */
  stop(): void;
  /** A UDP socket of a numeric host. */
  openDatagram(host: string, port: number, receiveBytes: number): number;
  /** Where it sends to from here on. */
  aim(socket: number, host: string, port: number): number;
  sendDatagram(socket: number, bytes: Uint8Array): number;
  /** A WebSocket over a duplicate of a connected TCP socket; `head` came behind the upgrade. */
  adopt(descriptor: number, head: Uint8Array): number;
  /** How many bytes the kernel takes of a TCP socket that it cannot send yet. */
  limitUnsent(descriptor: number, bytes: number): number;
  sendText(socket: number, text: string): number;
  sendBytes(socket: number, opcode: number, bytes: Uint8Array): number;
  /** Sends now what was gathered. */
  push(): void;
  setReading(socket: number, reading: boolean): void;
  close(socket: number): void;
}

/** Rows as `enum event` of reactor.h has them. */
export const rows = {
  source: 1,
  datagram: 2,
  ascii: 3,
  text: 4,
  binary: 5,
  pong: 6,
  close: 7,
  broken: 8,
  gone: 9,
  ping: 10,
} as const;

export const ROW = 5;

const require = createRequire(import.meta.url);

/**
 * Where the build puts it: beside the sources, whether this file is compiled or not. `MEDIA_SOCKETS_ADDON` names another
 * build of it, as one that watches over its own memory.
 */
function addonFile(): string {
  const other = process.env['MEDIA_SOCKETS_ADDON'];
  if (other !== undefined) return other;
  const root = path.dirname(require.resolve('pivot-streams/package.json'));
  return path.join(root, 'worker/sockets/native/build/Release/media_sockets.node');
}

/** The addon; null where it was not built. @throws when it was built and cannot be loaded. */
export function loadAddon(): Addon | null {
  const file = addonFile();
  return existsSync(file) ? (require(file) as Addon) : null;
}
