/**
 * Three network namespaces for a test of separate hosts: a hub with the application, the phone, Redis and the API, and two
 * hosts that reach the hub alone. Made with `ip`, which takes CAP_NET_ADMIN; removed by whoever made them.
 *
 *   gateway 10.99.1.2 ── 10.99.1.1 hub 10.99.2.1 ── 10.99.2.2 worker
 */
import { spawnSync } from 'node:child_process';

export interface Namespaces {
  readonly hub: string;
  readonly gateway: string;
  readonly worker: string;
}

export const HUB = '10.99.1.1';
export const GATEWAY_HOST = '10.99.1.2';
export const WORKER_HOST = '10.99.2.2';

/** Null when it may not make any here, with the reason told to `why`. */
export function makeNamespaces(why: (reason: string) => void): Namespaces | null {
  const names = { hub: `pvh${process.pid}`, gateway: `pvg${process.pid}`, worker: `pvw${process.pid}` };
  try {
    for (const name of Object.values(names)) ip('netns', 'add', name);
    for (const name of Object.values(names)) ip('-n', name, 'link', 'set', 'lo', 'up');
    join(names.hub, names.gateway, 'v1', '10.99.1');
    join(names.hub, names.worker, 'v2', '10.99.2');
    return names;
  } catch (error) {
    why(error instanceof Error ? error.message : String(error));
    removeNamespaces(names);
    return null;
  }
}

export function removeNamespaces(names: Namespaces): void {
  for (const name of Object.values(names)) spawnSync('ip', ['netns', 'del', name]);
}

function join(hub: string, host: string, link: string, net: string): void {
  ip('-n', hub, 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host);
  ip('-n', hub, 'addr', 'add', `${net}.1/24`, 'dev', link);
  ip('-n', hub, 'link', 'set', link, 'up');
  ip('-n', host, 'addr', 'add', `${net}.2/24`, 'dev', 'eth0');
  ip('-n', host, 'link', 'set', 'eth0', 'up');
  ip('-n', host, 'route', 'add', 'default', 'via', `${net}.1`);
}

function ip(...words: readonly string[]): void {
  const { status, stderr, error } = spawnSync('ip', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
