/**
 * Messages out of a byte stream (RFC 3261 §18.3): header up to the empty line, body by
 * Content-Length. Line ends between messages are keep-alives (RFC 5626 §3.5.1). Bounded: a peer that
 * sends more than `MAX_MESSAGE` without a message is broken.
 */
import { contentLength, judge, type ParseResult, parseHead, skipLineEnds } from '../message/parse.ts';

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
  #lineEnds = 0;
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
    this.#skipKeepAlive();
    const end = this.#rest.indexOf('\r\n\r\n', 0, 'latin1');
    if (end < 0) {
      if (this.#rest.length > MAX_HEAD) this.#break('header section is too long', null);
      return false;
    }
    this.#lineEnds = 0;
    const head = parseHead(this.#rest.toString('utf8', 0, end + 2));
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

  /** Line ends may come cut in any way; each four of them are one ping. */
  #skipKeepAlive(): void {
    const count = skipLineEnds(this.#rest);
    if (count === 0) return;
    this.#drop(count);
    this.#lineEnds += count;
    if (this.#lineEnds >= 4) {
      this.#lineEnds = 0;
      this.#user.onPing();
    }
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
