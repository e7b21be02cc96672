/** The name of one worker thread for as long as it lives. */
import { randomBytes } from 'node:crypto';
import os from 'node:os';
import type { OwnerId } from '../../shared/kernel/ids.ts';

export function newOwnerId(thread: number): OwnerId {
  const host = os.hostname().replace(/[^\w.-]/g, '-');
  return `${host}-${process.pid}-${thread}-${randomBytes(3).toString('hex')}` as OwnerId;
}
