/**
 * The world in which flite runs: its command line, and one file it may write, both in memory. It is
 * the WASI preview 1 interface as far as flite uses it; there is no disk, network, clock or input.
 */

const OK = 0;
const EBADF = 8;
const EINVAL = 28;
const ENOSPC = 51;

const ROOT = 3;
const FILE = 4;
/** Ten minutes at 16 kHz and more than the longest text takes. */
const MAX_FILE = 32 * 1024 * 1024;

class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** The one file; grows as it is written. */
class MemoryFile {
  #bytes = new Uint8Array(256 * 1024);
  #length = 0;
  #at = 0;

  write(bytes: Uint8Array): boolean {
    const end = this.#at + bytes.length;
    if (end > MAX_FILE) return false;
    if (end > this.#bytes.length) {
      const longer = new Uint8Array(Math.min(MAX_FILE, 2 * end));
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    this.#bytes.set(bytes, this.#at);
    this.#at = end;
    this.#length = Math.max(this.#length, end);
    return true;
  }

  /** `whence`: 0 from the start, 1 from here, 2 from the end. Null when it would be outside. */
  seek(offset: number, whence: number): number | null {
    const at = offset + ([0, this.#at, this.#length][whence] ?? 0);
    if (at < 0 || at > this.#length) return null;
    this.#at = at;
    return at;
  }

  contents(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

/**
 * Runs the program once with these arguments; answers with what it wrote.
 * @throws Error when it ends with a code other than 0 or traps.
 */
export function runFlite(program: WebAssembly.Module, args: readonly string[]): Uint8Array {
  const file = new MemoryFile();
  let memory: WebAssembly.Memory | null = null;
  const view = (): DataView => new DataView((memory as WebAssembly.Memory).buffer);
  const instance = new WebAssembly.Instance(program, {
    wasi_snapshot_preview1: { ...argumentCalls(args, view), ...fileCalls(file, view) },
  });
  const { memory: exported, _start: start } = instance.exports;
  if (!(exported instanceof WebAssembly.Memory) || typeof start !== 'function') throw new Error('Not a WASI program.');
  memory = exported;
  try {
    start();
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    if (error.code !== 0) throw new Error(`flite ended with code ${error.code}.`);
  }
  return file.contents();
}

type View = () => DataView;

function argumentCalls(args: readonly string[], view: View): WebAssembly.ModuleImports {
  const strings = args.map((arg) => Buffer.from(`${arg.replaceAll('\0', ' ')}\0`));
  return {
    args_sizes_get(countAt: number, bytesAt: number) {
      view().setUint32(countAt, strings.length, true);
      view().setUint32(
        bytesAt,
        strings.reduce((sum, bytes) => sum + bytes.length, 0),
        true,
      );
      return OK;
    },
    args_get(pointersAt: number, bytesAt: number) {
      let at = bytesAt;
      for (const [index, bytes] of strings.entries()) {
        view().setUint32(pointersAt + 4 * index, at, true);
        new Uint8Array(view().buffer).set(bytes, at);
        at += bytes.length;
      }
      return OK;
    },
    clock_time_get(_clock: number, _precision: bigint, at: number) {
      view().setBigUint64(at, 0n, true);
      return OK;
    },
    proc_exit(code: number) {
      throw new Exit(code);
    },
  };
}

function fileCalls(file: MemoryFile, view: View): WebAssembly.ModuleImports {
  return {
    fd_close: () => OK,
    fd_fdstat_set_flags: () => OK,
    fd_fdstat_get(fd: number, at: number) {
      if (fd > FILE) return EBADF;
      new Uint8Array(view().buffer, at, 24).fill(0);
      view().setUint8(at, fd === FILE ? 4 : fd === ROOT ? 3 : 2);
      view().setBigUint64(at + 8, 0xffff_ffffn, true);
      view().setBigUint64(at + 16, 0xffff_ffffn, true);
      return OK;
    },
    fd_prestat_get(fd: number, at: number) {
      if (fd !== ROOT) return EBADF;
      view().setUint32(at, 0, true);
      view().setUint32(at + 4, 1, true);
      return OK;
    },
    fd_prestat_dir_name(fd: number, at: number) {
      if (fd !== ROOT) return EBADF;
      view().setUint8(at, 0x2f);
      return OK;
    },
    fd_read(_fd: number, _vectors: number, _count: number, readAt: number) {
      view().setUint32(readAt, 0, true);
      return OK;
    },
    fd_seek(fd: number, offset: bigint, whence: number, at: number) {
      const place = fd === FILE ? file.seek(Number(offset), whence) : null;
      if (place === null) return EINVAL;
      view().setBigUint64(at, BigInt(place), true);
      return OK;
    },
    fd_write(fd: number, vectors: number, count: number, writtenAt: number) {
      let written = 0;
      for (let i = 0; i < count; i++) {
        const at = view().getUint32(vectors + 8 * i, true);
        const length = view().getUint32(vectors + 8 * i + 4, true);
        if (fd === FILE && !file.write(new Uint8Array(view().buffer, at, length))) return ENOSPC;
        written += length;
      }
      view().setUint32(writtenAt, written, true);
      return OK;
    },
    path_open(...call: unknown[]) {
      const fdAt = call.at(-1);
      if (typeof fdAt !== 'number') return EINVAL;
      view().setUint32(fdAt, FILE, true);
      return OK;
    },
  };
}
