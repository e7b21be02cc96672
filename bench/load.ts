/**
 * The load of a benchmark: phones and app in one small native process (`load/main.c`), compiled here when it is not yet,
 * so that what is measured is the system and not its load.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../shared/kernel/clock.ts';
import type { Closers } from '../shared/kernel/closers.ts';
import { withDeadline } from '../shared/kernel/deadline.ts';

/** Round trips of numbered frames, phone to app and back, in milliseconds. */
export interface LoadReport {
  readonly calls: number;
  readonly sent: number;
  readonly lost: number;
  /** Came back after more than 60 ms. */
  readonly late: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What came back since the last window. */
export interface LoadWindow {
  readonly frames: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How often a core was taken away from this machine for more than 5 ms, and for how long: by its host, whatever ran here. */
export interface MachineStalls {
  /** Not without the right to real-time priority. */
  readonly watched: boolean;
  readonly count: number;
  /** Milliseconds, of all of them. */
  readonly total: number;
  readonly longest: number;
}

/** What is told of set-ups. Times are milliseconds of `process.hrtime`. */
export type SetUpEvent =
  /** A phone was called by this number, and answered. */
  | { readonly kind: 'answered'; readonly from: string; readonly invitedMs: number; readonly answeredMs: number }
  /** The first media message of the stream whose URL has this path. */
  | { readonly kind: 'heard'; readonly path: string; readonly atMs: number };

export interface LoadOptions {
  /** The app can be reached by `wss:` as well, with the certificate of `tlsAuthority`. */
  readonly tls?: boolean;
  /** Given, the phones are silent, and each set-up is told here. */
  readonly onSetUp?: (event: SetUpEvent) => void;
}

type Told =
  | { readonly kind: 'ready'; readonly app: number; readonly sip: number }
  | ({ readonly kind: 'report' } & LoadReport)
  | ({ readonly kind: 'window' } & LoadWindow)
  | ({ readonly kind: 'stalls' } & MachineStalls);

const ANSWER_WITHIN_MS = 10_000;
const root = fileURLToPath(new URL('../../', import.meta.url));
const certificates = path.join(root, 'test/vectors/tls');

/** Who signed the certificate of the app's `wss:` port: a PEM file. */
export const tlsAuthority = path.join(certificates, 'ca.pem');

export class Load {
  /** SIP port of the phones. */
  readonly sipPort: number;
  /** Port of the app's WebSocket server. */
  readonly appPort: number;
  /** The same behind TLS; 0 without. */
  readonly tlsPort: number;
  /** All its processes, apart from this one. */
  readonly pids: readonly number[];
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #told: (kind: Told['kind']) => Promise<Told>;

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    told: (kind: Told['kind']) => Promise<Told>,
    sipPort: number,
    appPort: number,
    front: TlsFront | null,
  ) {
    this.#process = child;
    this.#told = told;
    this.sipPort = sipPort;
    this.appPort = appPort;
    this.tlsPort = front?.port ?? 0;
    this.pids = [child.pid ?? 0, ...(front === null ? [] : [front.pid])];
  }

  static async start(closers: Closers, { tls = false, onSetUp }: LoadOptions = {}): Promise<Load> {
    const child = spawn(compiled(), [], { stdio: ['pipe', 'pipe', 'inherit'] });
    closers.push(() => ended(child));
    const told = linesOf(child.stdout, onSetUp ?? (() => {}));
    const ready = await told('ready');
    if (ready.kind !== 'ready') throw new Error('the load did not start');
    if (onSetUp) child.stdin.write('tell\n');
    const front = tls ? await startTlsFront(ready.app, closers) : null;
    return new Load(child, told, ready.sip, ready.app, front);
  }

  /** Frames sent from here on count. */
  measure(): void {
    this.#process.stdin.write('measure\n');
  }

  async window(): Promise<LoadWindow> {
    this.#process.stdin.write('window\n');
    return (await this.#told('window')) as LoadWindow & Told;
  }

  /** Of the machine, since `measure`. */
  async stalls(): Promise<MachineStalls> {
    this.#process.stdin.write('stalls\n');
    return (await this.#told('stalls')) as MachineStalls & Told;
  }

  /** The phones' packets are held back for so long, then sent at once. */
  hold(ms: number): void {
    this.#process.stdin.write(`hold ${ms}\n`);
  }

  /** What the app sends is held back for so long, then sent at once. */
  stall(ms: number): void {
    this.#process.stdin.write(`stall ${ms}\n`);
  }

  /** What the app does not read is the sender's to keep: sockets opened from here on have hardly any room for it. */
  narrow(): void {
    this.#process.stdin.write('narrow\n');
  }

  /** Whether the app reads what comes. */
  listen(listens: boolean): void {
    this.#process.stdin.write(listens ? 'hear\n' : 'deaf\n');
  }

  async report(): Promise<LoadReport> {
    this.#process.stdin.write('stop\n');
    return (await this.#told('report')) as LoadReport & Told;
  }
}

interface TlsFront {
  readonly pid: number;
  readonly port: number;
}

async function startTlsFront(appPort: number, closers: Closers): Promise<TlsFront> {
  const script = fileURLToPath(new URL('./tls-front.js', import.meta.url));
  const files = ['server.pem', 'server.key.pem'].map((name) => path.join(certificates, name));
  const child = spawn(process.execPath, [script, String(appPort), ...files], { stdio: ['pipe', 'pipe', 'inherit'] });
  closers.push(() => ended(child));
  const said = new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  const port = Number(await withDeadline(systemClock, ANSWER_WITHIN_MS, "the port of the load's TLS", said));
  return { pid: child.pid ?? 0, port };
}

/** Ends a process of the load by ending its input. */
async function ended(child: ChildProcessByStdio<Writable, Readable, null>): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stdin.end();
  await gone;
}

/** Waits for the next line of a kind; set-ups are told as they come. */
function linesOf(stdout: Readable, onSetUp: (event: SetUpEvent) => void): (kind: Told['kind']) => Promise<Told> {
  const waiting = new Map<string, (told: Told) => void>();
  createInterface({ input: stdout }).on('line', (line) => {
    const told = JSON.parse(line) as Told | SetUpEvent;
    if (told.kind === 'answered' || told.kind === 'heard') {
      onSetUp(told);
      return;
    }
    waiting.get(told.kind)?.(told);
    waiting.delete(told.kind);
  });
  return (kind) =>
    withDeadline(
      systemClock,
      ANSWER_WITHIN_MS,
      `the load's ${kind}`,
      new Promise((resolve) => waiting.set(kind, resolve)),
    );
}

/** The program, newer than its sources. @throws when there is no compiler. */
function compiled(): string {
  const sources = path.join(root, 'bench/load');
  const program = path.join(root, 'dist/bench/load/load');
  const files = readdirSync(sources).map((name) => path.join(sources, name));
  const newest = Math.max(...files.map((file) => statSync(file).mtimeMs));
  if (existsSync(program) && statSync(program).mtimeMs > newest) return program;
  mkdirSync(path.dirname(program), { recursive: true });
  const sourceFiles = files.filter((file) => file.endsWith('.c'));
  const { status, error } = spawnSync('cc', ['-O2', '-pthread', '-o', program, ...sourceFiles], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`the load of the benchmark needs a C compiler: ${error?.message ?? 'cc failed'}`);
  return program;
}
