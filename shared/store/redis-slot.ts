/**
 * A plain connection to the node of a Redis Cluster that has the slot of one key, for what lies on one slot
 * anyway: the queues. BullMQ's blocking reads and its ends are those of one server then, and each connection is one
 * socket. Every attempt to connect asks the Cluster anew where the slot is: a failover is found like a restart.
 */
import net from 'node:net';
import tls from 'node:tls';
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis';
import type { RedisServer } from './redis-address.ts';

const DISCONNECT_MS = 2000;
const ASK_TIMEOUT_MS = 2000;

/** The part of ioredis's options that finds the node. `options` are those every node is reached with. */
export function atSlotOf<Options extends RedisOptions>(
  key: string,
  servers: readonly RedisServer[],
  options: Options,
): Options & Pick<RedisOptions, 'Connector'> {
  const nodes = new KnownNodes(key, servers, options);
  class SlotConnector extends AbstractConnector {
    constructor() {
      super(DISCONNECT_MS);
    }

    override async connect(): Promise<net.Socket> {
      this.connecting = true;
      // Without an answer any server will do: the attempt fails there, and is made again. A connector that fails
      // itself would end the connection for good.
      const { host, port } = await nodes.owner().catch(() => nodes.first);
      if (!this.connecting) throw new Error('Connection is closed.');
      const stream = options.tls ? tls.connect({ host, port, ...options.tls }) : net.connect({ host, port });
      stream.once('error', (error) => {
        this.firstError = error;
      });
      this.stream = stream;
      return stream;
    }
  }
  return { ...options, Connector: SlotConnector };
}

interface SlotRange {
  readonly from: number;
  readonly to: number;
  /** The primary first. */
  readonly nodes: readonly RedisServer[];
}

/** The nodes that can be asked: those that were named, and those the last answer named. */
class KnownNodes {
  readonly #key: string;
  readonly #named: readonly RedisServer[];
  readonly #options: RedisOptions;
  #told: readonly RedisServer[] = [];

  constructor(key: string, named: readonly RedisServer[], options: RedisOptions) {
    this.#key = key;
    this.#named = named;
    this.#options = options;
  }

  get first(): RedisServer {
    return this.#named[0] ?? { host: '127.0.0.1', port: 6379 };
  }

  /** The primary of the key's slot, as the first node says that answers. */
  async owner(): Promise<RedisServer> {
    let failure: unknown = new Error('no node of the Cluster answers');
    for (const server of [...this.#told, ...this.#named]) {
      try {
        const { slot, ranges } = await this.#ask(server);
        const owner = ranges.find(({ from, to }) => slot >= from && slot <= to)?.nodes[0];
        this.#told = ranges.flatMap(({ nodes }) => nodes);
        if (owner) return owner;
        failure = new Error(`nobody has slot ${slot}`);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #ask(server: RedisServer): Promise<{ readonly slot: number; readonly ranges: readonly SlotRange[] }> {
    const client = new Redis({
      ...this.#options,
      ...server,
      commandTimeout: ASK_TIMEOUT_MS,
      connectTimeout: ASK_TIMEOUT_MS,
      maxRetriesPerRequest: 0,
      lazyConnect: true,
      enableReadyCheck: false,
      retryStrategy: null,
      replyMapping: 'legacy',
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const [slot, ranges] = await Promise.all([client.cluster('KEYSLOT', this.#key), client.cluster('SLOTS')]);
      return { slot: Number(slot), ranges: slotRanges(ranges, server.host) };
    } finally {
      client.disconnect();
    }
  }
}

/** CLUSTER SLOTS: first and last slot, then each node as host, port and more. An empty host is the one that was asked. */
function slotRanges(reply: unknown, asked: string): readonly SlotRange[] {
  const rows: readonly unknown[] = Array.isArray(reply) ? reply : [];
  return rows.map((row) => {
    const [from, to, ...nodes]: readonly unknown[] = Array.isArray(row) ? row : [];
    const servers = nodes.map((node) => {
      const [host, port]: readonly unknown[] = Array.isArray(node) ? node : [];
      return { host: String(host || asked), port: Number(port) };
    });
    return { from: Number(from), to: Number(to), nodes: servers };
  });
}
