/** The name of one worker thread for as long as it lives. */
import { randomBytes } from 'node:crypto';
import os from 'node:os';
import type { OwnerId } from '../../shared/kernel/ids.ts';

const ownHost = (): string => os.hostname().replace(/[^\w.-]/g, '-');

export function newOwnerId(thread: number): OwnerId {
  return `${ownHost()}-${process.pid}-${thread}-${randomBytes(3).toString('hex')}` as OwnerId;
}

/** Whether this owner is a thread of a worker on this host. */
export function isOfThisHost(owner: OwnerId): boolean {
  const host = ownHost();
  return owner.startsWith(`${host}-`) && /^\d+-\d+-[0-9a-f]{6}$/.test(owner.slice(host.length + 1));
}
