/**
 * As much of PromQL as dashboards and alert rules of ours use, read strictly: a query that does not parse throws with
 * the place. Answers with the metrics it names, as they would stand in an exposition.
 */
const AGGREGATIONS = new Set(['sum', 'min', 'max', 'avg', 'count', 'topk']);
const FUNCTIONS = new Map([
  ['rate', 1],
  ['increase', 1],
  ['histogram_quantile', 2],
  ['clamp_min', 2],
]);
const TOKEN =
  /\s*(?:(\d+(?:\.\d+)?)|([a-zA-Z_:][\w:]*)|("(?:[^"\\]|\\.)*")|(\[(?:\$__rate_interval|\$__interval|\d+[smhd])\])|(==|!=|>=|<=|=~|!~|[-+*/<>(){},=]))/y;

type Kind = 'number' | 'name' | 'text' | 'range' | 'sign' | 'end';

interface Token {
  readonly kind: Kind;
  readonly text: string;
  readonly at: number;
}

function tokens(query: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < query.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(query);
    if (match === null) throw new SyntaxError(`not understood at ${at}: ${query.slice(at, at + 20)}`);
    const kinds: readonly Kind[] = ['number', 'name', 'text', 'range', 'sign'];
    const index = match.slice(1).findIndex((part) => part !== undefined);
    found.push({ kind: kinds[index] ?? 'sign', text: match[index + 1] ?? '', at });
  }
  return [...found, { kind: 'end', text: '', at: query.length }];
}

/** @throws SyntaxError */
export function metricsOfQuery(query: string): ReadonlySet<string> {
  return new Reader(tokens(query)).whole();
}

class Reader {
  readonly #tokens: readonly Token[];
  readonly #metrics = new Set<string>();
  #next = 0;

  constructor(all: readonly Token[]) {
    this.#tokens = all;
  }

  whole(): ReadonlySet<string> {
    this.#expression();
    if (this.#peek.kind !== 'end') this.#fail('the end');
    return this.#metrics;
  }

  get #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #take(): Token {
    return this.#tokens[this.#next++] as Token;
  }

  #fail(wanted: string): never {
    throw new SyntaxError(`${wanted} is missing at ${this.#peek.at}, before ${this.#peek.text || 'the end'}`);
  }

  #is(text: string): boolean {
    return this.#peek.text === text && this.#peek.kind !== 'text';
  }

  #expect(text: string): void {
    if (!this.#is(text)) this.#fail(text);
    this.#take();
  }

  #expression(): void {
    this.#operand();
    while (/^([-+*/<>]|==|!=|>=|<=)$/.test(this.#peek.text)) {
      this.#take();
      this.#operand();
    }
  }

  #operand(): void {
    const { kind, text } = this.#peek;
    if (kind === 'number') this.#take();
    else if (this.#is('(')) this.#list(1);
    else if (kind !== 'name') this.#fail('a value');
    else if (AGGREGATIONS.has(text)) this.#aggregation();
    else if (FUNCTIONS.has(text)) {
      this.#take();
      this.#list(FUNCTIONS.get(text) ?? 1);
    } else this.#selector();
  }

  #aggregation(): void {
    this.#take();
    if (this.#is('by') || this.#is('without')) {
      this.#take();
      this.#names();
    }
    this.#list(1);
  }

  /** So many expressions in parentheses. */
  #list(count: number): void {
    this.#expect('(');
    for (let index = 0; index < count; index++) {
      if (index > 0) this.#expect(',');
      this.#expression();
    }
    this.#expect(')');
  }

  #names(): void {
    this.#expect('(');
    for (;;) {
      if (this.#take().kind !== 'name') this.#fail('a label');
      if (!this.#is(',')) break;
      this.#take();
    }
    this.#expect(')');
  }

  #selector(): void {
    this.#metrics.add(this.#take().text);
    if (this.#is('{')) this.#matchers();
    if (this.#peek.kind === 'range') this.#take();
  }

  #matchers(): void {
    this.#expect('{');
    while (!this.#is('}')) {
      if (this.#take().kind !== 'name') this.#fail('a label');
      if (!/^(=|!=|=~|!~)$/.test(this.#take().text)) this.#fail('a comparison');
      if (this.#take().kind !== 'text') this.#fail('a text');
      if (this.#is(',')) this.#take();
    }
    this.#expect('}');
  }
}
