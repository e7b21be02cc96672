/**
 * The attributes of one element, read by name. Each read says what is allowed and what holds
 * otherwise; `done` warns about every attribute nobody asked for (12200). Names are case-sensitive.
 */
import type { HttpMethod } from '../domain/call.ts';
import type { RawElement } from './element.ts';
import { codes, type Reading } from './reading.ts';

export class Attributes {
  readonly #element: RawElement;
  readonly #reading: Reading;
  readonly #asked = new Set<string>();

  constructor(element: RawElement, reading: Reading) {
    this.#element = element;
    this.#reading = reading;
  }

  /** As written; null when absent. */
  text(name: string): string | null {
    this.#asked.add(name);
    return this.#element.attributes.find(([other]) => other === name)?.[1] ?? null;
  }

  /** As `text`; absent when empty or only white space. */
  word(name: string): string | null {
    const text = this.text(name)?.trim();
    return text === undefined || text === '' ? null : text;
  }

  /** A whole number in range, else the default with a warning; more than `max` is `max`, with a warning. */
  integer(
    name: string,
    rule: { readonly min: number; readonly max: number; readonly otherwise: number; readonly code?: number },
  ): number {
    const text = this.text(name);
    if (text === null) return rule.otherwise;
    const value = /^\s*\d{1,9}\s*$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
    if (value > rule.max) return this.#bad(name, rule.code, `is larger than ${rule.max}`, rule.max);
    return value >= rule.min
      ? value
      : this.#bad(name, rule.code, `must be a whole number from ${rule.min} to ${rule.max}`, rule.otherwise);
  }

  flag(name: string, otherwise: boolean): boolean {
    return this.oneOf(name, ['true', 'false'], otherwise ? 'true' : 'false') === 'true';
  }

  /** One of the words as spelt, else the default with a warning. */
  oneOf<const Word extends string, const Otherwise>(
    name: string,
    words: readonly Word[],
    otherwise: Otherwise,
    code?: number,
  ): Word | Otherwise {
    const text = this.text(name);
    if (text === null) return otherwise;
    const word = words.find((candidate) => candidate === text.trim());
    return word ?? this.#bad(name, code, `must be one of ${words.join(', ')}`, otherwise);
  }

  /** GET or POST, any case. */
  method(name: string, otherwise: HttpMethod, code?: number): HttpMethod {
    const text = this.text(name)?.trim().toUpperCase();
    if (text === undefined) return otherwise;
    return text === 'GET' || text === 'POST' ? text : this.#bad(name, code, 'must be GET or POST', otherwise);
  }

  /** An http or https URL resolved against the document; null with a warning when it is none. */
  httpUrl(name: string): string | null {
    const text = this.word(name);
    if (text === null) return null;
    return this.#reading.httpUrl(text) ?? this.#bad(name, codes.badUrl, 'is not an http or https URL', null);
  }

  /** Takes attributes that are allowed and have no effect. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#asked.add(name);
  }

  /** Warns about what is left over. Called once, last. */
  done(): void {
    for (const [name] of this.#element.attributes) {
      if (!this.#asked.has(name)) this.#reading.warn(this.#element, codes.schema, `unknown attribute ${name}`, name);
    }
  }

  /** A warning about one attribute; `why` goes on after its name. */
  warn(name: string, code: number, why: string): void {
    this.#reading.warn(this.#element, code, `${name} ${why}`, name);
  }

  #bad<Value>(name: string, code: number | undefined, why: string, otherwise: Value): Value {
    this.warn(name, code ?? codes.schema, why);
    return otherwise;
  }
}
