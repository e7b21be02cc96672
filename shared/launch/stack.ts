/**
 * The whole system on one machine: Redis, phone bank, gateway, worker, API, each a process of its
 * own. `npm start`, the demo, the benchmarks and the system tests all start it here.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../kernel/clock.ts';
import { Closers } from '../kernel/closers.ts';
import { type Account, accountOf } from './account.ts';
import { type Child, startChild } from './child.ts';
import { type EmbeddedRedis, startRedis } from './redis.ts';

export interface StackOptions {
  readonly dataDir: string;
  /** Settings for every service, on top of what the stack sets itself. */
  readonly environment: Readonly<Record<string, string>>;
  /** How many processes of a kind; one each by default. */
  readonly workers?: number;
  readonly apis?: number;
  readonly clock: Clock;
  /** How long a service may drain when the stack stops. */
  readonly drainMs: number;
  readonly onProgress: (line: string) => void;
  readonly onLine: (service: string, line: string) => void;
}

export interface Stack {
  readonly account: Account;
  readonly redisUrl: string;
  /** The embedded Redis; null when one is given. */
  readonly redis: EmbeddedRedis | null;
  /** `http://host:port` of each API process. */
  readonly apiUrls: readonly string[];
  readonly apiUrl: string;
  /** `host:port` of the gateway, UDP and TCP. */
  readonly sipAddress: string;
  /** `host:port` of the phone bank; null when it is off. */
  readonly phonesAddress: string | null;
  /** By name: `redis` is not among them; `phones`, `gateway`, `worker-1` …, `api-1` … are. */
  readonly children: ReadonlyMap<string, Child>;
  /** One more service while the stack runs, e.g. another worker, with settings of its own on top. */
  add(name: string, room: ServiceRoom, environment?: Readonly<Record<string, string>>): Promise<Child>;
  /** Drains and ends everything, newest first. Idempotent. */
  stop(): Promise<void>;
}

const rooms = {
  phones: 'worker/phones/main',
  gateway: 'worker/gateway/main',
  worker: 'worker/main',
  api: 'api/main',
} as const;
const portSettings = { phones: 'PHONES_PORT', gateway: 'SIP_PORT', worker: null, api: 'PORT' } as const;
export type ServiceRoom = keyof typeof rooms;

/** The compiled tree this very file is in. */
const dist = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export async function startStack(options: StackOptions): Promise<Stack> {
  const building = new Building(options);
  try {
    return await building.run();
  } catch (error) {
    await building.closers.close();
    throw error;
  }
}

class Building {
  readonly closers = new Closers();
  readonly #options: StackOptions;
  readonly #children = new Map<string, Child>();
  #environment: Record<string, string>;
  #embedded: EmbeddedRedis | null = null;

  constructor(options: StackOptions) {
    this.#options = options;
    this.#environment = { ...options.environment, DATA_DIR: options.dataDir };
  }

  async run(): Promise<Stack> {
    const { dataDir, onProgress, workers = 1, apis = 1 } = this.#options;
    const account = accountOf(dataDir, this.#environment);
    const redisUrl = await this.#redis();
    this.#environment = { ...this.#environment, ...account, REDIS_URL: redisUrl };
    const phonesAddress = await this.#phones();
    const gateway = await this.#start('gateway', 'gateway');
    const sipAddress = addressOf(gateway);
    onProgress(`gateway on ${sipAddress} (UDP and TCP)`);
    await Promise.all(numbered('worker', workers).map((name) => this.#start(name, 'worker')));
    onProgress(`${workers === 1 ? 'worker' : `${workers} workers`} ready`);
    const apiChildren = await Promise.all(numbered('api', apis).map((name) => this.#start(name, 'api')));
    const apiUrls = apiChildren.map((api) => `http://${addressOf(api)}`);
    onProgress(`API on ${apiUrls.join(', ')}`);
    return {
      account,
      redisUrl,
      redis: this.#embedded,
      apiUrls,
      apiUrl: apiUrls[0] ?? '',
      sipAddress,
      phonesAddress,
      children: this.#children,
      add: (name, room, environment) => this.#start(name, room, environment),
      stop: async () => {
        const errors = await this.closers.close();
        if (errors.length > 0) throw new AggregateError(errors, 'The system did not end cleanly.');
      },
    };
  }

  async #redis(): Promise<string> {
    const { dataDir, clock, onProgress } = this.#options;
    const given = this.#environment['REDIS_URL'];
    if (given) {
      onProgress('Redis as given by REDIS_URL');
      return given;
    }
    const redis = await startRedis(dataDir, clock, (how) => onProgress(`redis ${how}; starting it again`));
    this.#embedded = redis;
    this.closers.push(() => redis.stop());
    onProgress('Redis embedded');
    return redis.url;
  }

  /** The phone bank is the carrier where no trunk is set. */
  async #phones(): Promise<string | null> {
    const { TRUNKS, PHONES_PORT } = this.#environment;
    if (TRUNKS || PHONES_PORT === '0') return null;
    const phones = await this.#start('phones', 'phones');
    const address = addressOf(phones);
    const trunk = { name: 'phones', host: address, transport: 'udp', prefixes: [''] };
    this.#environment = { ...this.#environment, TRUNKS: JSON.stringify([trunk]) };
    this.#options.onProgress(`phone bank on ${address}`);
    return address;
  }

  async #start(name: string, room: ServiceRoom, own: Readonly<Record<string, string>> = {}): Promise<Child> {
    const { clock, onLine, onProgress, drainMs } = this.#options;
    const child = await startChild({
      name,
      file: path.join(dist, `${rooms[room]}.js`),
      environment: { ...this.#environment, ...own },
      portSetting: portSettings[room],
      onLine,
      onDeath: (service, how) => onProgress(`${service} ${how}; starting it again`),
      clock,
    });
    this.#children.set(name, child);
    this.closers.push(() => child.stop(drainMs));
    return child;
  }
}

function numbered(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);
}

function addressOf(child: Child): string {
  const { host, port } = child.info;
  return `${host}:${port}`;
}
