/**
 * A foreign SIP program as a child process of a test: started, listened to, ended by its pid when
 * the test ends. Shared by the drivers of sipp and baresip.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';

/** Why a program cannot be used, or null: said loudly, since a skipped interop test proves nothing. */
export function whyMissing(program: string, packageName: string): string | null {
  const found = spawnSync(program, ['-h'], { stdio: 'ignore', timeout: 5000 });
  if (!found.error) return null;
  const reason = `NOT PROVEN: ${program} is not installed; apt-get install ${packageName}`;
  process.stderr.write(`\n*** ${reason} ***\n\n`);
  return reason;
}

export class PeerProcess {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #exited: Promise<number>;
  #output = '';

  constructor(test: Pick<TestContext, 'after'>, program: string, args: readonly string[], directory: string) {
    this.#name = program;
    this.#child = spawn(program, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = new Promise((resolve) => this.#child.once('exit', (code) => resolve(code ?? 255)));
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      output?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-20_000);
      });
    }
    test.after(() => this.stop());
  }

  /** What it wrote last, both outputs. */
  get output(): string {
    return this.#output;
  }

  /** The exit code, within a deadline. */
  exited(withinMs: number): Promise<number> {
    return withDeadline(systemClock, withinMs, `the end of ${this.#name}`, this.#exited);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    const timer = systemClock.after(2000, () => this.#child.kill('SIGKILL'));
    await this.#exited;
    timer.cancel();
  }
}
