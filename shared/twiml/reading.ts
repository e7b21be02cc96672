/**
 * What the readers of verbs and nouns share: where they are, and one list for every problem found.
 * All problems are collected; a reader never throws for what a document says.
 */
import type { Dialect } from '../domain/dialect.ts';
import type { RawElement } from './element.ts';
import type { ParseContext } from './parser.ts';
import type { Problem } from './problems.ts';

export class Reading {
  readonly dialect: Dialect;
  readonly baseUrl: string | null;
  readonly allowInsecureWs: boolean;
  readonly #problems: Problem[] = [];

  constructor(context: ParseContext) {
    this.dialect = context.dialect;
    this.baseUrl = context.baseUrl;
    this.allowInsecureWs = context.allowInsecureWs ?? false;
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** The default or nothing is used and the document goes on. */
  warn(element: RawElement, code: number, message: string, attribute: string | null = null): void {
    this.#problems.push({ severity: 'warning', code, message, element: element.name, attribute, line: element.line });
  }

  /** Nothing of the document runs. */
  refuse(element: RawElement, code: number, message: string): void {
    this.#problems.push({
      severity: 'error',
      code,
      message,
      element: element.name,
      attribute: null,
      line: element.line,
    });
  }

  /** Absolute http or https, resolved against the document; null when that cannot be done. */
  httpUrl(text: string): string | null {
    try {
      const url = new URL(text, this.baseUrl ?? undefined);
      return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
    } catch {
      return null;
    }
  }
}

/** Warnings of PROTOCOL §8 that several readers give. */
export const codes = {
  schema: 12_200,
  badUrl: 11_100,
  invalidNoun: 14_300,
} as const;
