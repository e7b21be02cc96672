/**
 * Driver of sipp (Debian: sip-tester): runs a scenario of `test/interop/scenarios` as caller or as
 * callee and tells how many calls went well. The scenario is the judge: an unexpected message fails it.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { freePort, freePorts } from './free-ports.ts';
import { PeerProcess, whyMissing } from './peer-process.ts';

/** Of one sipp, from `-mp` on: RTP and RTCP of sound, then of pictures. */
const MEDIA_PORTS = 4;

export interface SippOptions {
  /** File name in `test/interop/scenarios`, without `.xml`. */
  readonly scenario: string;
  /** `host:port` of the system for a caller; null for a callee. */
  readonly target: string | null;
  readonly transport: 'udp' | 'tcp';
  /** The called number, for a caller. */
  readonly service?: string;
  readonly calls?: number;
  /** New calls a second. */
  readonly rate?: number;
  /** Calls at one time. */
  readonly limit?: number;
  readonly port?: number;
  /** Milliseconds of the scenario's own pause (`-d`). */
  readonly pauseMs?: number;
  readonly timeoutS?: number;
}

export interface SippOutcome {
  readonly exitCode: number;
  readonly succeeded: number;
  readonly failed: number;
  /** What sipp found wrong, for the message of a failed test. */
  readonly errors: string;
  /** Lines of the statistics file by column name; the last is the total. */
  readonly statistics: readonly Readonly<Record<string, string>>[];
}

const scenarios = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../interop/scenarios');

/** Why sipp cannot be used, or null. */
export const sippMissing = (): string | null => whyMissing('sipp', 'sip-tester');

export class Sipp {
  readonly port: number;
  readonly #process: PeerProcess;
  readonly #directory: string;
  readonly #timeoutS: number;

  private constructor(process: PeerProcess, directory: string, port: number, timeoutS: number) {
    this.#process = process;
    this.#directory = directory;
    this.port = port;
    this.#timeoutS = timeoutS;
  }

  /** Starts sipp; it ends by itself after its calls, or with the test. */
  static async start(test: Pick<TestContext, 'after'>, options: SippOptions): Promise<Sipp> {
    const directory = mkdtempSync(path.join(os.tmpdir(), 'sipp-'));
    test.after(() => rmSync(directory, { recursive: true, force: true }));
    const port = options.port ?? (await freePort());
    const timeoutS = options.timeoutS ?? 30;
    const mediaPort = await freePorts(MEDIA_PORTS);
    const args = [
      ...['-sf', path.join(scenarios, `${options.scenario}.xml`), '-i', '127.0.0.1', '-p', String(port)],
      ...['-t', options.transport === 'udp' ? 'u1' : 't1', '-m', String(options.calls ?? 1), '-nostdin'],
      ...['-mi', '127.0.0.1', '-mp', String(mediaPort), '-rtp_echo'],
      ...['-timeout', `${timeoutS}s`, '-timeout_error', '-fd', '1'],
      ...['-trace_err', '-error_file', 'errors.log', '-trace_stat', '-stf', 'statistics.csv'],
      ...(options.rate ? ['-r', String(options.rate)] : []),
      ...(options.limit ? ['-l', String(options.limit)] : []),
      ...(options.pauseMs ? ['-d', String(options.pauseMs)] : []),
      ...(options.service ? ['-s', options.service] : []),
      ...(options.target ? [options.target] : []),
    ];
    const child = new PeerProcess(test, 'sipp', args, directory);
    const sipp = new Sipp(child, directory, port, timeoutS);
    if (!options.target) await sipp.#listening(options.transport);
    return sipp;
  }

  /** What became of its calls, once it has ended. */
  async outcome(): Promise<SippOutcome> {
    const exitCode = await this.#process.exited((this.#timeoutS + 10) * 1000);
    const statistics = this.#statistics();
    const last = statistics.at(-1);
    return {
      exitCode,
      succeeded: Number(last?.['SuccessfulCall(C)'] ?? 0),
      failed: Number(last?.['FailedCall(C)'] ?? 0),
      errors: `${this.#file('errors.log')}\n${exitCode === 0 ? '' : this.#process.output.slice(-3000)}`,
      statistics,
    };
  }

  /** The kernel's own tables tell when the port is bound; a probe would disturb the scenario. */
  async #listening(transport: 'udp' | 'tcp'): Promise<void> {
    const hex = `:${this.port.toString(16).toUpperCase().padStart(4, '0')} `;
    for (let round = 0; round < 200; round++) {
      if (readFileSync(`/proc/net/${transport}`, 'utf8').includes(hex)) return;
      await pause(systemClock, 25);
    }
    throw new Error(`sipp does not listen on ${this.port}: ${this.#process.output}`);
  }

  #statistics(): readonly Readonly<Record<string, string>>[] {
    const [head = '', ...rows] = this.#file('statistics.csv').trim().split('\n');
    const names = head.split(';');
    return rows.map((row) => {
      const values = row.split(';');
      return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
    });
  }

  #file(name: string): string {
    const file = path.join(this.#directory, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }
}
