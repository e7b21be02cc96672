/**
 * Messages out of a byte stream (RFC 3261 §18.3): header up to the empty line, body by
 * Content-Length. Line ends between messages are keep-alives (RFC 5626 §3.5.1). Bounded: a peer that
 * sends more than `MAX_MESSAGE` without a message is broken.
 */
import { contentLength, judge, type ParseResult, parseHead } from '../message/parse.ts';

const MAX_HEAD = 65_536;
const MAX_MESSAGE = 262_144;

export interface FramerUser {
  onMessage(result: ParseResult): void;
  /** Two line ends: to be answered with one. */
  onPing(): void;
  /** Framing is lost; the connection is of no more use. */
  onBroken(problem: string): void;
}

const EMPTY = Buffer.alloc(0);

export class StreamFramer {
  readonly #user: FramerUser;
  #rest: Buffer = EMPTY;
  #broken = false;
  /** How many bytes the message at hand needs before looking again makes sense. */
  #wanted = 0;

  constructor(user: FramerUser) {
    this.#user = user;
  }

  get buffered(): number {
    return this.#rest.length;
  }

  push(chunk: Buffer): void {
    if (this.#broken) return;
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (!this.#broken && this.#rest.length >= this.#wanted && this.#takeOne());
  }

  /** True when a message or a keep-alive was taken and there may be more. */
  #takeOne(): boolean {
    const start = this.#skipKeepAlive();
    const end = this.#rest.indexOf('\r\n\r\n', start, 'latin1');
    if (end < 0) {
      if (this.#rest.length - start > MAX_HEAD) this.#break('header section is too long', null);
      this.#drop(start);
      return false;
    }
    const head = parseHead(this.#rest.toString('utf8', start, end + 2));
    const length = contentLength(head.headers) ?? 0;
    if (length === 'bad' || length > MAX_MESSAGE) {
      const problem = 'Content-Length makes no sense';
      this.#break(problem, judge(head, '', problem));
      return false;
    }
    const bodyEnd = end + 4 + length;
    if (this.#rest.length < bodyEnd) {
      this.#wanted = bodyEnd;
      return false;
    }
    const body = this.#rest.toString('utf8', end + 4, bodyEnd);
    this.#drop(bodyEnd);
    this.#user.onMessage(judge(head, body, null));
    return this.#rest.length > 0;
  }

  #skipKeepAlive(): number {
    let at = 0;
    while (at < this.#rest.length && (this.#rest[at] === 13 || this.#rest[at] === 10)) at++;
    if (at >= 4 && this.#rest.toString('latin1', 0, 4) === '\r\n\r\n') this.#user.onPing();
    return at;
  }

  #drop(count: number): void {
    this.#rest = count >= this.#rest.length ? EMPTY : this.#rest.subarray(count);
    this.#wanted = 0;
  }

  #break(problem: string, result: ParseResult | null): void {
    this.#broken = true;
    this.#rest = EMPTY;
    if (result) this.#user.onMessage(result);
    this.#user.onBroken(problem);
  }
}
