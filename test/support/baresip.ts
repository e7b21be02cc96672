/**
 * Driver of baresip (Debian: baresip-core): a real phone without a sound card. It speaks a sine of
 * 440 Hz, records what it hears, and is told what to do over its control port (JSON in netstrings).
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause, withDeadline } from '../../shared/kernel/deadline.ts';
import { freePort } from './free-ports.ts';
import { PeerProcess, whyMissing } from './peer-process.ts';

/** What it says to the far end, unless told. */
export const BARESIP_HERTZ = 440;
/** As Debian packages it. */
const MODULES = '/usr/lib/baresip/modules';

export interface BaresipEvent {
  readonly type: string;
  readonly param: string;
}

/** The user part it answers to; calls to anybody else it refuses with 404. */
export const BARESIP_USER = '+15550108888';

export interface BaresipOptions {
  readonly codec: 'pcmu' | 'pcma' | 'g722';
  /** The sine it says. */
  readonly hertz?: number;
  /** Fixed when a trunk must know it beforehand. */
  readonly port?: number;
}

/** Why baresip cannot be used, or null. */
export const baresipMissing = (): string | null => whyMissing('baresip', 'baresip-core');

/** G.722 comes with the same package, without a sound card. */
export const hasG722 = (): boolean => existsSync(path.join(MODULES, 'g722.so'));

export class Baresip {
  readonly port: number;
  readonly events: BaresipEvent[] = [];
  readonly #process: PeerProcess;
  readonly #directory: string;
  readonly #control: Socket;
  #received = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  private constructor(process: PeerProcess, directory: string, port: number, control: Socket) {
    this.#process = process;
    this.#directory = directory;
    this.port = port;
    this.#control = control;
    control.on('error', () => {});
    control.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  static async start(test: Pick<TestContext, 'after'>, options: BaresipOptions): Promise<Baresip> {
    const directory = mkdtempSync(path.join(os.tmpdir(), 'baresip-'));
    test.after(() => rmSync(directory, { recursive: true, force: true }));
    const port = options.port ?? (await freePort());
    const controlPort = await freePort();
    mkdirSync(path.join(directory, 'heard'));
    writeFileSync(
      path.join(directory, 'config'),
      configOf(directory, port, controlPort, options.hertz ?? BARESIP_HERTZ),
    );
    writeFileSync(path.join(directory, 'accounts'), accountOf(port, options.codec));
    writeFileSync(path.join(directory, 'contacts'), '');
    const child = new PeerProcess(test, 'baresip', ['-4', '-f', directory], directory);
    const control = await reach(controlPort, child);
    test.after(() => {
      control.destroy();
    });
    return new Baresip(child, directory, port, control);
  }

  dial(address: string): void {
    this.#command('dial', address);
  }

  /** Presses one digit (RFC 4733) and lets go of it. */
  async press(digits: string): Promise<void> {
    for (const digit of digits) {
      this.#command('sndcode', digit);
      await pause(systemClock, 200);
      this.#command('sndcode', '\u0004');
      await pause(systemClock, 100);
    }
  }

  hangup(): void {
    this.#command('hangup', '');
  }

  /** Digits it has heard so far, in order. */
  get digits(): string {
    return this.events
      .filter(({ type }) => type === 'CALL_DTMF_START')
      .map(({ param }) => param)
      .join('');
  }

  until(what: string, ready: (phone: Baresip) => boolean, withinMs = 15_000): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!ready(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    };
    return withDeadline(systemClock, withinMs, what, wait()).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${JSON.stringify(this.events)}\n${this.#process.output.slice(-3000)}`);
    });
  }

  event(type: string, withinMs?: number): Promise<void> {
    return this.until(`baresip's ${type}`, (phone) => phone.events.some((event) => event.type === type), withinMs);
  }

  /** Ends the program, which completes its recording. */
  stop(): Promise<void> {
    return this.#process.stop();
  }

  /** The WAV file of what it has heard; complete once the call is closed. */
  get recording(): string {
    const folder = path.join(this.#directory, 'heard');
    const name = readdirSync(folder).find((file) => file.endsWith('-dec.wav'));
    if (name === undefined) throw new Error(`baresip recorded nothing: ${this.#process.output.slice(-2000)}`);
    return path.join(folder, name);
  }

  #command(command: string, params: string): void {
    const json = JSON.stringify({ command, params, token: 'test' });
    this.#control.write(`${Buffer.byteLength(json)}:${json},`);
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (let message = this.#next(); message !== null; message = this.#next()) {
      const { event, type, param } = JSON.parse(message);
      if (event === true) this.events.push({ type: String(type), param: String(param ?? '') });
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** One netstring, `<length>:<text>,`, when it is complete. */
  #next(): string | null {
    const colon = this.#received.indexOf(':');
    if (colon < 0) return null;
    const end = colon + 1 + Number(this.#received.toString('latin1', 0, colon));
    if (this.#received.length <= end) return null;
    const text = this.#received.toString('utf8', colon + 1, end);
    this.#received = this.#received.subarray(end + 1);
    return text;
  }
}

async function reach(port: number, child: PeerProcess): Promise<Socket> {
  for (let round = 0; round < 200; round++) {
    const socket = connect(port, '127.0.0.1');
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (connected) return socket;
    socket.destroy();
    await pause(systemClock, 25);
  }
  throw new Error(`baresip does not open its control port: ${child.output}`);
}

const accountOf = (port: number, codec: string): string =>
  `<sip:${BARESIP_USER}@127.0.0.1:${port}>;regint=0;answermode=auto;audio_codecs=${codec}/${codec === 'g722' ? 16_000 : 8000}/1;ptime=20\n`;

const configOf = (directory: string, port: number, controlPort: number, hertz: number): string => `
poll_method epoll
sip_listen 127.0.0.1:${port}
net_interface 127.0.0.1
call_local_timeout 60
call_max_calls 4
audio_source ausine,${hertz}
audio_player aubridge,sink
audio_alert aubridge,alert
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 2
auplay_channels 2
audio_level no
rtp_tos 184
jitter_buffer_delay 2-10
module_path ${MODULES}
module g711.so
module g722.so
module ausine.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
snd_path ${path.join(directory, 'heard')}
ctrl_tcp_listen 127.0.0.1:${controlPort}
`;
