/** Who closes what a suite opens: made in the body of `describe`, closed after its last test. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { Closers } from '../../shared/kernel/closers.ts';

export interface Owner {
  /** Closed after the suite, newest first; a closer that fails fails the suite. */
  after(close: () => void | Promise<void>): void;
}

export function suiteOwner(): Owner {
  const closers = new Closers();
  // Our timers do not keep a process alive; a suite that waits for another process must stay.
  const alive = setInterval(() => {}, 1000);
  closers.push(() => clearInterval(alive));
  after(async () => assert.deepEqual(await closers.close(), []));
  return { after: (close) => closers.push(close) };
}
