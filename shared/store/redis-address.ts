/**
 * Where Redis is, as `REDIS_URL` says it:
 *
 *   redis://[user:password@]host[:port][/db]                              one server
 *   unix:///path/to/socket[?db=n], or the bare absolute path              one server on this machine
 *   redis+sentinel://[user:password@]host[:port],host…/master[/db]        a primary that Sentinels watch over
 *   redis+cluster://[user:password@]host[:port],host…                     a Cluster; it has no db
 *
 * `rediss` for `redis` is TLS, to Sentinels too. Where Sentinels have credentials of their own they are
 * `?sentinelUsername=…&sentinelPassword=…`. Servers of a list are tried in turn; the others are found by asking.
 */
import { ExpectedFailure } from '../kernel/expected-failure.ts';

export interface RedisServer {
  readonly host: string;
  readonly port: number;
}

interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

export type RedisAddress = Credentials &
  (
    | { readonly kind: 'socket'; readonly path: string; readonly db: number }
    | { readonly kind: 'server'; readonly server: RedisServer; readonly db: number; readonly tls: boolean }
    | {
        readonly kind: 'sentinel';
        readonly servers: readonly RedisServer[];
        readonly master: string;
        readonly db: number;
        readonly tls: boolean;
        readonly sentinel: Credentials;
      }
    | { readonly kind: 'cluster'; readonly servers: readonly RedisServer[]; readonly tls: boolean }
  );

/** `REDIS_URL` is none of the shapes above. The address itself is not told: it may hold a password. */
export class RedisAddressError extends ExpectedFailure {
  override readonly name = 'RedisAddressError';
  constructor(why: string) {
    super(
      `REDIS_URL: ${why}; it takes redis://host:port, unix:///path, /path, redis+sentinel://host:port,host:port/master or redis+cluster://host:port,host:port (rediss is TLS)`,
    );
  }
}

const SENTINEL_PORT = 26_379;
const SERVER_PORT = 6379;
const shape = /^(redis|rediss)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?]*)@)?([^/?]*)(\/[^?]*)?(?:\?(.*))?$/i;

/** @throws RedisAddressError */
export function readRedisAddress(text: string): RedisAddress {
  if (text.startsWith('/') || text.startsWith('unix:')) return readSocket(text);
  const parts = shape.exec(text);
  if (!parts) throw new RedisAddressError('this is not an address of Redis');
  const [, scheme = '', topology, userinfo = '', hosts = '', path = '', query = ''] = parts;
  const tls = scheme.toLowerCase() === 'rediss';
  const credentials = readCredentials(userinfo);
  const asked = new URLSearchParams(query);
  switch (topology?.toLowerCase()) {
    case 'sentinel':
      return { kind: 'sentinel', ...credentials, ...readSentinel(hosts, path, asked), tls };
    case 'cluster': {
      if (path.replace('/', '') !== '' || asked.has('db')) throw new RedisAddressError('a Cluster has no databases');
      return { kind: 'cluster', ...credentials, servers: readServers(hosts, SERVER_PORT), tls };
    }
    default: {
      if (hosts.includes(',')) throw new RedisAddressError('several servers are a Sentinel or a Cluster, so say which');
      const [server] = hosts === '' ? [{ host: '127.0.0.1', port: SERVER_PORT }] : readServers(hosts, SERVER_PORT);
      if (!server) throw new RedisAddressError('no server is named');
      return { kind: 'server', ...credentials, server, db: readDb(path.slice(1), asked), tls };
    }
  }
}

function readSocket(text: string): RedisAddress {
  const address = text.startsWith('/') ? `unix://${text}` : text;
  if (!URL.canParse(address)) throw new RedisAddressError('this is not an address');
  const { username, password, pathname, searchParams } = new URL(address);
  const userinfo = username === '' && password === '' ? '' : `${username}:${password}`;
  return { kind: 'socket', ...readCredentials(userinfo), path: decode(pathname), db: readDb('', searchParams) };
}

function readSentinel(hosts: string, path: string, asked: URLSearchParams) {
  const [, master = '', db = '', more] = path.split('/');
  if (master === '' || more !== undefined)
    throw new RedisAddressError('after the Sentinels comes the name of the master');
  const username = asked.get('sentinelUsername');
  const password = asked.get('sentinelPassword');
  return {
    servers: readServers(hosts, SENTINEL_PORT),
    master: decode(master),
    db: readDb(db, asked),
    sentinel: { ...(username === null ? {} : { username }), ...(password === null ? {} : { password }) },
  };
}

function readServers(hosts: string, defaultPort: number): readonly RedisServer[] {
  return hosts.split(',').map((text) => {
    const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(text.trim()) ?? [];
    const host = bracketed ?? plain;
    if (host === undefined || Number(port) > 65_535) throw new RedisAddressError('a server is host or host:port');
    return { host, port: port === undefined ? defaultPort : Number(port) };
  });
}

function readCredentials(userinfo: string): Credentials {
  const colon = userinfo.indexOf(':');
  const username = decode(colon === -1 ? userinfo : userinfo.slice(0, colon));
  const password = colon === -1 ? '' : decode(userinfo.slice(colon + 1));
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}

function readDb(text: string, asked: URLSearchParams): number {
  const number = text === '' ? (asked.get('db') ?? '0') : text;
  if (!/^\d{1,5}$/.test(number)) throw new RedisAddressError('a database is a number');
  return Number(number);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RedisAddressError('a % is not followed by two hex digits');
  }
}
