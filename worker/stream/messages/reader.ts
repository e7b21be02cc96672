/**
 * Messages from one app, read quickly: an app writes its media messages all alike but for the payload, so what stands
 * around the payload is remembered from one that was read in full, and compared with the next. Anything else is read
 * in full by `decode.ts`, whose answer is always the same. One per two-way stream; owned by its mode.
 */
import type { Dialect } from '../../../shared/domain/dialect.ts';
import { type AppMessage, decodeMessage, type GivenFormat } from './decode.ts';
import { costOfParts, partsOf } from './parts.ts';

const PAYLOAD = /"payload"\s*:\s*"/g;
/** Envelopes longer than this are not worth remembering. */
const MAX_ENVELOPE = 1_024;
/** Not one of them is the other, both are base64 of a length of their own. */
const PROBES = ['QUJD', 'REVGR0hJ'] as const;

interface Envelope {
  readonly before: string;
  readonly after: string;
  readonly format: GivenFormat | null;
}

export class MessageReader {
  readonly #streamSid: string;
  readonly #dialect: Dialect;
  readonly #charge: (bytes: number) => void;
  #envelope: Envelope | null = null;
  /** Reading an envelope in full a second time costs; an app that never writes two alike is not asked again. */
  #learnings = 16;

  /** `charge`: what a message costs beyond its coming in, as so many bytes more. */
  constructor(streamSid: string, dialect: Dialect, charge: (bytes: number) => void = () => {}) {
    this.#streamSid = streamSid;
    this.#dialect = dialect;
    this.#charge = charge;
  }

  /** What `decodeMessage` says of the text. Never throws. */
  read(text: string): AppMessage {
    return this.#readAlike(text) ?? this.#readInFull(text);
  }

  /** Null when it is not like the one remembered, or its payload needs a closer look. */
  #readAlike(text: string): AppMessage | null {
    const envelope = this.#envelope;
    if (envelope === null || !text.startsWith(envelope.before) || !text.endsWith(envelope.after)) return null;
    const length = text.length - envelope.before.length - envelope.after.length;
    if (length < 4 || length % 4 !== 0) return null;
    const encoded = text.slice(envelope.before.length, envelope.before.length + length);
    const payload = Buffer.from(encoded, 'base64');
    // Node skips whatever is not base64, a quote or a backslash too; a full set of quartets has skipped nothing.
    const padding = encoded.endsWith('==') ? 2 : encoded.endsWith('=') ? 1 : 0;
    if (payload.length !== (length / 4) * 3 - padding) return null;
    return { event: 'media', payload, format: envelope.format };
  }

  #readInFull(text: string): AppMessage {
    const parts = partsOf(text);
    this.#charge(costOfParts(parts));
    const message = decodeMessage(text, this.#streamSid, this.#dialect, parts);
    if (message.event === 'media' && this.#learnings > 0) this.#learn(text, message.format);
    return message;
  }

  #learn(text: string, format: GivenFormat | null): void {
    this.#learnings -= 1;
    const [found, another] = text.matchAll(PAYLOAD);
    if (found === undefined || another !== undefined) return;
    const from = found.index + found[0].length;
    const before = text.slice(0, from);
    const after = text.slice(text.indexOf('"', from));
    if (before.length + after.length > MAX_ENVELOPE) return;
    // Other payloads in the same place prove that it is the place of the payload, whatever the JSON around it is.
    if (PROBES.every((probe) => this.#isPayloadOf(before + probe + after, probe))) {
      this.#envelope = { before, after, format };
    }
  }

  #isPayloadOf(text: string, probe: string): boolean {
    const message = decodeMessage(text, this.#streamSid, this.#dialect);
    return message.event === 'media' && message.payload.toString('base64') === probe;
  }
}
