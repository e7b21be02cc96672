/**
 * `ws` tells all messages of what was read at once, also when it was asked to pause by the first of them. Given to it in
 * slices, the rest waits in the connection and comes first when it is read again.
 */
import type { Duplex, Writable } from 'node:stream';

/** 512 messages at most. Shorter than what a stream holds before it asks for patience: slices need no draining. */
const SLICE_BYTES = 1_024;

/** From here on: what comes over `connection` is written to `receiver`. */
export function writeInSlices(connection: Duplex, receiver: Writable): void {
  const write = receiver.write.bind(receiver) as (slice: Buffer) => boolean;
  receiver.write = (bytes: Buffer) => {
    // Behind a close frame, or what broke a rule, nothing means anything.
    for (let at = 0; at < bytes.length && receiver.writable; at += SLICE_BYTES) {
      if (connection.isPaused()) {
        // What is left of a connection that broke while it was not read is lost with it.
        if (!connection.destroyed) connection.unshift(bytes.subarray(at));
        break;
      }
      write(bytes.subarray(at, at + SLICE_BYTES));
    }
    return true;
  };
}
