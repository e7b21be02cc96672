/**
 * From a document's source to a document: fetched or given, judged by its content type, parsed
 * (PROTOCOL §3.3, §7.2; AC-33, AC-68…AC-71). Everything is on the timeline; nothing here decides what a failure means.
 */
import type { CallRecord, DocumentSource } from '../../shared/domain/call.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import { redactUrl } from '../../shared/kernel/redact.ts';
import type { Document, Verb } from '../../shared/twiml/document.ts';
import type { Parsed, TwimlParser } from '../../shared/twiml/parser.ts';
import type { Problem } from '../../shared/twiml/problems.ts';
import type { Fetched, Fetcher, FetchFailed } from '../fetch/fetcher.ts';
import { decodeText } from './document-text.ts';

const MAX_BYTES = 65_536;
/** PROTOCOL §0 row 31. */
const TIMEOUT_MS = { pivot: 5000, twilio: 15_000 } as const;

/** Not well-formed. */
const UNREADABLE = 12_100;

export type Loaded =
  | { readonly kind: 'document'; readonly document: Document }
  | { readonly kind: 'failed'; readonly code: number; readonly detail: string; readonly url: string | null };

export interface DocumentsPorts {
  readonly call: CallRecord;
  readonly parser: TwimlParser;
  readonly fetcher: Fetcher;
  readonly allowInsecureWs: boolean;
  readonly entry: (entry: TimelineEntry) => void;
}

export class Documents {
  readonly #ports: DocumentsPorts;

  constructor(ports: DocumentsPorts) {
    this.#ports = ports;
  }

  /** Rejects only with the signal's reason. */
  async load(source: DocumentSource, fields: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Loaded> {
    if (source.kind === 'inline') return this.#judge(await this.#parse(source.twiml, null), null);
    const { call, fetcher, entry } = this.#ports;
    const answer = await fetcher.fetch({
      url: source.url,
      method: source.method,
      fields,
      timeoutMs: TIMEOUT_MS[call.dialect],
      maxBytes: MAX_BYTES,
      signal,
    });
    const request = { url: redactUrl(source.url), method: source.method, httpStatus: answer.httpStatus, ms: answer.ms };
    if (answer.kind === 'failed') {
      if (isAudio(answer)) return { kind: 'document', document: playing(source.url) };
      entry({ type: 'document.failed', ...request, code: answer.code, detail: answer.detail });
      return { kind: 'failed', code: answer.code, detail: answer.detail, url: source.url };
    }
    entry({ type: 'document.fetched', ...request, httpStatus: answer.httpStatus, bytes: answer.body.length });
    return await this.#read(answer, source.url);
  }

  /** By content type: PROTOCOL §3.3 (Pivot), §7.2 (Twilio). */
  async #read(answer: Fetched, url: string): Promise<Loaded> {
    const { dialect } = this.#ports.call;
    const { contentType } = answer;
    if (isAudio(answer)) return { kind: 'document', document: playing(answer.finalUrl) };
    const text = decodeText(answer.body);
    if (dialect === 'pivot') {
      if (text.trim() === '') return { kind: 'document', document: { verbs: [] } };
      if (contentType === 'application/json') return this.#refuse(12_300, 'callflows are not run', url);
      return this.#judge(await this.#parse(text, answer.finalUrl), url, contentType);
    }
    if (contentType !== null && twimlTypes.has(contentType)) {
      return this.#judge(await this.#parse(text, answer.finalUrl), url, contentType);
    }
    if (contentType === 'text/plain') return await this.#readPlain(text, answer.finalUrl);
    return this.#refuse(12_300, `the content type ${contentType ?? ''} is not a document's`.replace('  ', ' '), url);
  }

  /** TwiML if it is, else read aloud. */
  async #readPlain(text: string, baseUrl: string): Promise<Loaded> {
    const parsed = await this.#parse(text, baseUrl);
    if (parsed.kind === 'document') return this.#judge(parsed, baseUrl);
    return { kind: 'document', document: speaking(text.trim().slice(0, 4096)) };
  }

  #parse(text: string, baseUrl: string | null): Promise<Parsed> {
    const { call, parser, allowInsecureWs } = this.#ports;
    return parser.parse(text, { dialect: call.dialect, baseUrl, allowInsecureWs });
  }

  #judge(parsed: Parsed, url: string | null, contentType: string | null = null): Loaded {
    const problems = parsed.kind === 'document' ? parsed.warnings : unlikeXml(parsed, contentType);
    for (const problem of problems) this.#ports.entry(problemEntry(problem));
    if (parsed.kind === 'document') return { kind: 'document', document: parsed.document };
    const first = problems.find((problem) => problem.severity === 'error');
    return { kind: 'failed', code: first?.code ?? UNREADABLE, detail: first?.message ?? 'not a document', url };
  }

  #refuse(code: number, detail: string, url: string): Loaded {
    this.#ports.entry({ type: 'document.error', code, detail, line: null });
    return { kind: 'failed', code, detail, url };
  }
}

const twimlTypes: ReadonlySet<string> = new Set(['text/xml', 'application/xml', 'text/html']);

const isAudio = ({ contentType }: Fetched | FetchFailed): boolean => contentType?.startsWith('audio/') ?? false;

function problemEntry({ severity, code, message, line }: Problem): TimelineEntry {
  return { type: severity === 'error' ? 'document.error' : 'document.warning', code, detail: message, line };
}

/** What cannot be read and never said it was XML is more often an error page than a document with a mistake. */
function unlikeXml(refused: Extract<Parsed, { kind: 'refused' }>, contentType: string | null): readonly Problem[] {
  const { problems, unjudged } = refused;
  if (unjudged === true || contentType === null || /[/+]xml$/.test(contentType)) return problems;
  return problems.map((problem) =>
    problem.code === UNREADABLE
      ? { ...problem, message: `the answer is ${contentType} and not XML: ${problem.message}` }
      : problem,
  );
}

/** A document that was not written as one: sound that is played, words that are said, then the end. */
const playing = (url: string): Document =>
  single({ verb: 'Play', url, digits: null, loop: 1, terminators: '', line: 1 });

export const speaking = (text: string): Document =>
  single({ verb: 'Say', text, voice: null, language: null, loop: 1, terminators: '', line: 1 });

const single = (verb: Verb): Document => ({ verbs: [verb] });
