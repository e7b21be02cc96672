/**
 * JSON both ways: PROTOCOL §2.6 (Pivot: files per mark), §4.3 (Twilio: bare µ-law at once) and §14.4 (bare samples in
 * a stated format, both dialects). A Pivot app that has once sent bare samples talks live: its marks are bookmarks in
 * what plays and its `clear` empties everything, as in the Twilio dialect; files keep the documented rule.
 */
import type { StreamSpec } from '../../../shared/domain/stream.ts';
import type { Clock } from '../../../shared/kernel/clock.ts';
import { throwLater } from '../../../shared/kernel/guard.ts';
import { BarePlayback } from '../bare-playback.ts';
import { type BareFormat, bareEncoding, isBareRate } from '../bare-samples.ts';
import { warnings } from '../failure.ts';
import { FilePlayback, type ReadAudioFile } from '../file-playback.ts';
import type { AppMessage, GivenFormat } from '../messages/decode.ts';
import { MessageReader } from '../messages/reader.ts';
import type { Playback } from '../playback.ts';
import type { Mode, ModeDelegate } from './mode.ts';

export interface BidirectionalOptions {
  readonly streamSid: string;
  readonly spec: StreamSpec;
  readonly clock: Clock;
  readonly playback: Playback;
  readonly readAudioFile: ReadAudioFile;
}

type Media = Extract<AppMessage, { event: 'media' }>;

const MULAW: BareFormat = { encoding: 'audio/x-mulaw', sampleRate: 8000, endianness: 'little' };

export class Bidirectional implements Mode {
  readonly wire = 'json';
  readonly tellsDigits = true;
  readonly playback: Playback;
  readonly #options: BidirectionalOptions;
  readonly #delegate: ModeDelegate;
  readonly #files: FilePlayback;
  readonly #messages: MessageReader;
  readonly #bare: BarePlayback;
  /** Of the bare samples that came last over this socket. */
  #format: BareFormat | null = null;
  /** Bare samples are this app's way: always in the Twilio dialect, in Pivot once it has sent some. */
  #live: boolean;

  constructor(options: BidirectionalOptions, delegate: ModeDelegate) {
    this.playback = options.playback;
    this.#options = options;
    this.#delegate = delegate;
    this.#messages = new MessageReader(options.streamSid, options.spec.dialect, (bytes) => delegate.charge(bytes));
    this.#live = options.spec.dialect === 'twilio';
    this.#bare = new BarePlayback(options.playback);
    this.#files = new FilePlayback(options.playback, this.#bare, options.readAudioFile, {
      problem: (detail) => this.#problem(detail),
      broken: (detail) => this.#delegate.broken(detail),
      bug: throwLater(options.clock),
    });
  }

  begin(): void {
    this.#files.begin();
    this.#format = null;
  }

  onText(text: string): void {
    const message = this.#messages.read(text);
    switch (message.event) {
      case 'media':
        this.#onMedia(message);
        break;
      case 'mark':
        if (!this.#live || this.#files.isOpen) this.#files.mark(message.name);
        else if (this.#files.isBusy) this.#files.followingMark(message.name);
        else this.playback.mark(message.name);
        break;
      case 'clear':
        this.#onClear();
        break;
      case 'dtmf':
        this.#delegate.press(message.digits);
        break;
      case 'hangup':
        this.#delegate.hangup();
        break;
      case 'status': {
        const { bufferedMs, playedMs, underruns, droppedMs } = this.playback;
        this.#delegate.send({ event: 'status', status: { bufferedMs, playedMs, underruns, droppedMs } });
        break;
      }
      case 'problem':
        this.#problem(message.detail);
        break;
    }
  }

  onBinary(): void {
    this.#delegate.warn(warnings.binary, 'binary message');
  }

  beat(): void {
    this.playback.beat();
  }

  end(): void {
    this.playback.end();
    this.#files.end();
    this.#bare.forget();
  }

  #onMedia({ payload, format }: Media): void {
    const encoding = format === null ? null : bareEncoding(format.encoding);
    if (format !== null && encoding !== null) this.#onBare(payload, this.#bareFormat(encoding, format));
    else if (format === null && this.#live && !this.#files.isOpen) this.#onBare(payload, this.#format ?? MULAW);
    else if (this.#options.spec.dialect === 'pivot') this.#files.append(payload, format?.encoding ?? null);
    else this.#problem('media.format.encoding is not one we play');
  }

  #onBare(payload: Buffer, format: BareFormat): void {
    if (!isBareRate(format.sampleRate)) {
      this.#problem('media.format.sampleRate is not one we play');
      return;
    }
    this.#live = true;
    this.#format = format;
    this.#delegate.charge(this.#bare.costOf(payload.length, format));
    const isLong = this.#bare.sliceOf(payload.length, format) < payload.length;
    if (isLong || this.#files.isBusy) this.#files.follow(payload, format);
    else this.#bare.play(payload, format);
  }

  /** What the app left out is as it was, or as in the stream's own format. */
  #bareFormat(encoding: BareFormat['encoding'], given: GivenFormat): BareFormat {
    const own = this.#options.spec.mediaFormat;
    const known = this.#format?.encoding === encoding ? this.#format : null;
    const fallback = own.encoding === encoding ? own.sampleRate : 8000;
    return {
      encoding,
      sampleRate: given.sampleRate ?? known?.sampleRate ?? fallback,
      endianness: given.endianness ?? known?.endianness ?? 'little',
    };
  }

  #onClear(): void {
    this.#files.clear();
    if (!this.#live) {
      this.#answerClear({ playedMs: this.playback.playedMs, droppedMs: 0, marks: [] });
      return;
    }
    this.#bare.forget();
    const cleared = this.#files.isSounding ? null : this.playback.clear();
    const { playedMs, droppedMs, marks } = this.#files.clearFollowing();
    this.#answerClear({
      playedMs,
      droppedMs: droppedMs + (cleared?.droppedMs ?? 0),
      marks: [...(cleared?.marks ?? []), ...marks],
    });
  }

  #answerClear(cleared: { playedMs: number; droppedMs: number; marks: readonly string[] }): void {
    this.#delegate.cleared(cleared.playedMs, cleared.droppedMs);
    if (this.#options.spec.playbackEvents) this.#delegate.send({ event: 'cleared', cleared });
  }

  #problem(detail: string): void {
    this.#delegate.warn(warnings.invalid, detail);
  }
}
