/** Driver of `listener.ts`: an application of its own process, which is killed and started again at the same port. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import type { StreamMessage } from './app.ts';
import { freePort } from './free-ports.ts';
import type { Owner } from './suite.ts';

const STARTS_MS = 10_000;
const own = fileURLToPath(import.meta.url);
const program = path.join(path.dirname(own), `listener${path.extname(own)}`);

export class ListenerProcess {
  readonly port: number;
  readonly #directory: string;
  #child: ChildProcess | null = null;

  private constructor(port: number, directory: string) {
    this.port = port;
    this.#directory = directory;
  }

  static async make(owner: Owner): Promise<ListenerProcess> {
    const listener = new ListenerProcess(await freePort(), mkdtempSync(path.join(os.tmpdir(), 'listener-')));
    owner.after(async () => {
      await listener.kill();
      rmSync(listener.#directory, { recursive: true, force: true });
    });
    return listener;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/stream`;
  }

  /** Resolves when it listens. `dieAt`: it kills itself straight after that media message. */
  async start(dieAt = 0): Promise<void> {
    assert.equal(this.#child, null);
    const child = fork(program, [String(this.port), this.#file, String(dieAt)], { stdio: 'inherit' });
    this.#child = child;
    await withDeadline(systemClock, STARTS_MS, 'the application', once(child, 'message'));
  }

  /** Until it has killed itself. */
  async died(withinMs: number): Promise<void> {
    const child = this.#child;
    assert.ok(child);
    if (child.signalCode === null) await withDeadline(systemClock, withinMs, 'its death', once(child, 'exit'));
    assert.equal(child.signalCode, 'SIGKILL');
    this.#child = null;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** All messages of all its lives. */
  get messages(): readonly StreamMessage[] {
    if (!existsSync(this.#file)) return [];
    const lines = readFileSync(this.#file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  }

  get #file(): string {
    return path.join(this.#directory, 'messages');
  }
}
