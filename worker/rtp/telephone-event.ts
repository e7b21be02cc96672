/**
 * Digits as RTP events (RFC 4733). Receiving: packets with one timestamp are one key press, however
 * many of them arrive and whichever are lost. Sending: a press is updated every 20 ms with its timestamp
 * held, the first packet carries the marker, the last is sent three times (§2.5.1.4).
 * Both are pure machines; the session gives them packets, beats and time.
 */
import { timestampDistance } from './serial.ts';

const keys = '0123456789*#ABCD';
/** An event not heard of for this long is over: all its end packets were lost. */
const LOST_END_MS = 150;
const LONGEST_UNITS = 0xffff;
/** Packets this much older than a press belong to one before it; older still, and the sender's clock began anew. */
const OLD_MS = 5000;

export const isDigit = (text: string): boolean => text.length === 1 && keys.includes(text.toUpperCase());

export type DigitHeard = (digit: string, durationMs: number) => void;

interface HeardEvent {
  readonly key: number;
  ssrc: number;
  timestamp: number;
  units: number;
  /** Units of earlier segments of a very long press (§2.5.1.3). */
  earlierUnits: number;
  lastMs: number;
}

/** Tells each digit once, when its key is released. */
export class DigitReceiver {
  readonly #heard: DigitHeard;
  readonly #perMs: number;
  #current: HeardEvent | null = null;
  #ssrc: number | null = null;
  #doneTimestamp = 0;

  /** `clockRate` of the telephone-event format in Hz. */
  constructor(heard: DigitHeard, clockRate = 8000) {
    this.#heard = heard;
    this.#perMs = clockRate / 1000;
  }

  /** Takes the payload of an event packet; anything that is not a digit is ignored. */
  put(ssrc: number, marker: boolean, timestamp: number, payload: Uint8Array, nowMs: number): void {
    const [key, flags, high, low] = payload;
    if (key === undefined || flags === undefined || high === undefined || low === undefined) return;
    if (key >= keys.length) return;
    if (ssrc !== this.#ssrc) this.#newSource(ssrc);
    const event = this.#eventOf(key, ssrc, marker, timestamp, nowMs);
    if (event === null) return;
    event.units = Math.max(event.units, high * 256 + low);
    event.lastMs = nowMs;
    if ((flags & 0x80) !== 0) this.#finish(event);
  }

  /** Once per beat: ends an event whose end packets were lost. */
  beat(nowMs: number): void {
    if (this.#current !== null && nowMs - this.#current.lastMs >= LOST_END_MS) this.#finish(this.#current);
  }

  #newSource(ssrc: number): void {
    if (this.#current !== null) this.#finish(this.#current);
    this.#ssrc = ssrc;
    this.#doneTimestamp = Number.NaN;
  }

  /** The press a packet belongs to; null when that one is over already. */
  #eventOf(key: number, ssrc: number, marker: boolean, timestamp: number, nowMs: number): HeardEvent | null {
    const current = this.#current;
    if (current !== null) {
      const distance = timestampDistance(current.timestamp, timestamp);
      if (distance === 0) return current;
      if (this.#isOld(distance)) return null;
      if (!marker && key === current.key && distance === LONGEST_UNITS) {
        current.earlierUnits += LONGEST_UNITS;
        current.units = 0;
        current.timestamp = timestamp;
        return current;
      }
      this.#finish(current);
    }
    const since = timestampDistance(this.#doneTimestamp, timestamp);
    if (!Number.isNaN(this.#doneTimestamp) && (since === 0 || this.#isOld(since))) return null;
    this.#current = { key, ssrc, timestamp, units: 0, earlierUnits: 0, lastMs: nowMs };
    return this.#current;
  }

  #isOld(distance: number): boolean {
    return distance < 0 && distance > -OLD_MS * this.#perMs;
  }

  #finish(event: HeardEvent): void {
    this.#current = null;
    this.#doneTimestamp = event.timestamp;
    this.#heard(keys.charAt(event.key), Math.round((event.earlierUnits + event.units) / this.#perMs));
  }
}

/** What to send in a beat instead of audio. Lent: valid until the next `beat`. */
export interface EventPacket {
  marker: boolean;
  timestamp: number;
  readonly payload: Uint8Array;
}

interface Press {
  readonly key: number;
  readonly beats: number;
  readonly done: () => void;
}

const END_PACKETS = 3;
const FRAME_UNITS = 160;

/** Presses keys one after the other, with a pause between them. */
export class DigitSender {
  readonly #gapBeats: number;
  readonly #waiting: Press[] = [];
  readonly #packet: EventPacket = { marker: false, timestamp: 0, payload: new Uint8Array(4) };
  #current: Press | null = null;
  #sent = 0;
  #gap = 0;

  /** `gapMs`: silence between two keys. */
  constructor(gapMs = 80) {
    this.#gapBeats = Math.ceil(gapMs / 20);
  }

  get busy(): boolean {
    return this.#current !== null || this.#waiting.length > 0 || this.#gap > 0;
  }

  /** Presses a key for `durationMs`; `done` is called when the key and the pause behind it are over. */
  press(digit: string, durationMs: number, done: () => void): void {
    const key = keys.indexOf(digit.toUpperCase());
    if (digit.length !== 1 || key < 0) throw new RangeError('not a digit');
    const beats = Math.min(Math.max(2, Math.ceil(durationMs / 20)), Math.floor(LONGEST_UNITS / FRAME_UNITS));
    this.#waiting.push({ key, beats, done });
  }

  /** Forgets what was not begun, and lets go of the key that is down. Nobody is told. */
  release(): void {
    this.#waiting.length = 0;
    const current = this.#current;
    if (current !== null)
      this.#current = { ...current, beats: Math.min(current.beats, this.#sent + 1), done: () => {} };
  }

  /** The packet of this beat, or null when audio may be sent. `timestamp` is that of the audio of this beat. */
  beat(timestamp: number): EventPacket | null {
    if (this.#gap > 0) {
      this.#gap -= 1;
      if (this.#gap === 0) this.#over();
      return null;
    }
    if (this.#current === null) {
      const next = this.#waiting.shift();
      if (next === undefined) return null;
      this.#current = next;
      this.#sent = 0;
      this.#packet.timestamp = timestamp;
    }
    return this.#fill(this.#current);
  }

  #fill(press: Press): EventPacket {
    this.#sent += 1;
    const units = Math.min(this.#sent, press.beats) * FRAME_UNITS;
    const ending = this.#sent >= press.beats;
    const { payload } = this.#packet;
    this.#packet.marker = this.#sent === 1;
    payload[0] = press.key;
    payload[1] = (ending ? 0x80 : 0) | 10;
    payload[2] = units >>> 8;
    payload[3] = units;
    if (this.#sent === press.beats + END_PACKETS - 1) this.#gap = Math.max(1, this.#gapBeats);
    return this.#packet;
  }

  #over(): void {
    const press = this.#current;
    this.#current = null;
    press?.done();
  }
}
