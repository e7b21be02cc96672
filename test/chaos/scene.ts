/**
 * Where faults happen: the system under test with the telephone side and the app beside it, and what
 * can be asked of each. Opened once and used for one fault after the other; `owner` closes it.
 */
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import type { Child } from '../../shared/launch/child.ts';
import { connectRedis, type RedisClient } from '../../shared/store/redis.ts';
import type { Owner } from '../support/suite.ts';
import { type System, type SystemOptions, startSystem } from '../support/system.ts';
import type { AppOrder, AppReply, AppReport } from './app-orders.ts';
import { type ChaosApp, type Phones, startPeer } from './peer.ts';
import type { LineReport, PhoneOrder, PhoneReply } from './phone-orders.ts';
import type { PlacedCall } from './population.ts';

const LOOK_MS = 100;

/** A call as the API shows it; what the run reads of it. */
export interface ShownCall {
  readonly sid: string;
  readonly from: string;
  readonly to: string;
  readonly status: string;
  readonly owner: string | null;
}

export class Scene {
  readonly system: System;
  readonly phones: Phones;
  readonly app: ChaosApp;
  readonly appPort: number;
  /** What is up now; filled by the population, emptied when a fault is over. */
  calls: PlacedCall[] = [];
  #redis: RedisClient | null = null;

  private constructor(system: System, phones: Phones, app: ChaosApp, appPort: number) {
    this.system = system;
    this.phones = phones;
    this.app = app;
    this.appPort = appPort;
  }

  static async open(owner: Owner, options: SystemOptions): Promise<Scene> {
    const phones = await startPeer<PhoneOrder, PhoneReply>('phones', owner);
    const app = await startPeer<AppOrder, AppReply>('app', owner);
    const trunk = { name: 'chaos', host: `127.0.0.1:${phones.port}`, transport: 'udp', prefixes: [''] };
    const system = await startSystem(owner, {
      ...options,
      environment: { TRUNKS: JSON.stringify([trunk]), RATE_LIMIT: '0', ...options.environment },
    });
    const scene = new Scene(system, phones.peer, app.peer, app.port);
    owner.after(() => scene.#redis?.disconnect());
    return scene;
  }

  appUrl(path: string): string {
    return `http://127.0.0.1:${this.appPort}${path}`;
  }

  /** Every call as its phone sees it, by the phone's number. */
  async lines(): Promise<ReadonlyMap<string, LineReport>> {
    const reply = await this.phones.ask({ kind: 'report' });
    if (reply.kind !== 'lines') throw new Error('the phones did not report');
    return new Map(reply.lines.map((line) => [line.number, line]));
  }

  async appReport(): Promise<AppReport> {
    const reply = await this.app.ask({ kind: 'report' });
    if (reply.kind !== 'seen') throw new Error('the app did not report');
    return reply;
  }

  /** All calls the API lists, newest first; `status` when only those. */
  async shown(status?: string): Promise<readonly ShownCall[]> {
    const all: ShownCall[] = [];
    for (let cursor = ''; ; ) {
      const only = status === undefined ? '' : `&status=${status}`;
      const { body } = await this.system.api('GET', `/calls?limit=200${only}${cursor}`);
      all.push(...body.items);
      if (body.nextCursor === null) return all;
      cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`;
    }
  }

  /** How many keys there are in Redis. */
  async keys(): Promise<number> {
    this.#redis ??= connectRedis(this.system.stack.redisUrl, 'subscriber', silentLogger);
    return await this.#redis.dbsize();
  }

  /** The worker process of an owner. */
  workerOf(owner: string): Child {
    const worker = [...this.system.stack.children.values()].find(({ pid }) => owner.includes(`-${pid}-`));
    if (!worker) throw new Error(`no worker is ${owner}`);
    return worker;
  }

  workers(): readonly Child[] {
    return [...this.system.stack.children.values()].filter(({ name }) => name.startsWith('worker'));
  }

  /** Looks until it is so; false when it is not within the time. */
  async until(isSo: () => Promise<boolean>, withinMs: number): Promise<boolean> {
    const deadline = systemClock.monotonic() + withinMs;
    for (;;) {
      if (await isSo().catch(() => false)) return true;
      if (systemClock.monotonic() > deadline) return false;
      await pause(systemClock, LOOK_MS);
    }
  }
}
