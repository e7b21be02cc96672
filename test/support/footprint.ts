/** What a process holds open, from `/proc`: sockets by kind, and everything else. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Footprint {
  readonly pid: number;
  /** Local ports of UDP sockets. */
  readonly udp: readonly number[];
  /** Established TCP connections: `local → remote` ports. */
  readonly tcp: readonly { readonly local: number; readonly remote: number }[];
  /** Everything else that is open: files, pipes, unix sockets, listeners. */
  readonly others: number;
  readonly threads: number;
}

const ESTABLISHED = '01';
const UDP_STATE = '07';

/** Null when the process is gone. */
export function footprintOf(pid: number): Footprint | null {
  const table = socketTable(pid);
  if (table === null) return null;
  const udp: number[] = [];
  const tcp: { local: number; remote: number }[] = [];
  let others = 0;
  for (const link of linksOf(pid)) {
    const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
    const socket = inode === undefined ? undefined : table.get(inode);
    if (socket === undefined) others += 1;
    else if (socket.kind === 'udp') udp.push(socket.local);
    else if (socket.state === ESTABLISHED) tcp.push({ local: socket.local, remote: socket.remote });
    else others += 1;
  }
  return { pid, udp: udp.sort((one, other) => one - other), tcp, others, threads: threadsOf(pid) };
}

function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

interface Socket {
  readonly kind: 'udp' | 'tcp';
  readonly state: string;
  readonly local: number;
  readonly remote: number;
}

/** Sockets of the process's network by inode. */
function socketTable(pid: number): ReadonlyMap<string, Socket> | null {
  const table = new Map<string, Socket>();
  for (const name of ['udp', 'udp6', 'tcp', 'tcp6']) {
    let text: string;
    try {
      text = readFileSync(`/proc/${pid}/net/${name}`, 'utf8');
    } catch {
      return null;
    }
    for (const line of text.split('\n').slice(1)) {
      const [, local = '', remote = '', state = UDP_STATE, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (inode === '' || inode === '0') continue;
      table.set(inode, {
        kind: name.startsWith('udp') ? 'udp' : 'tcp',
        state,
        local: portOf(local),
        remote: portOf(remote),
      });
    }
  }
  return table;
}

const portOf = (address: string): number => Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16);

function linksOf(pid: number): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap((name) => {
      try {
        return [readlinkSync(`${folder}/${name}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
