/** The command line of `pivot-streams phone`, read once into a script. */
import { parseArgs } from 'node:util';
import { ExpectedFailure } from '../../shared/kernel/expected-failure.ts';
import type { AudioName } from '../leg/sdp.ts';

/** Expected failure: asked for wrongly; the message says how to ask. */
export class CliProblem extends ExpectedFailure {
  override readonly name = 'CliProblem';
}

export interface PhoneScript {
  readonly host: string;
  readonly port: number;
  readonly from: string;
  readonly transport: 'udp' | 'tcp';
  readonly credentials: { readonly username: string; readonly password: string } | null;
  readonly codecs: readonly AudioName[];
  readonly events: boolean;
  readonly play: string | null;
  readonly toneHertz: number | null;
  readonly say: string | null;
  readonly press: string | null;
  readonly pressAtMs: number;
  readonly echo: boolean;
  readonly record: string | null;
  readonly hangupAfterMs: number | null;
  readonly answerAfterMs: number;
  readonly reject: number | null;
}

export type PhoneRequest =
  | { readonly kind: 'help' }
  | { readonly kind: 'numbers' }
  | { readonly kind: 'call'; readonly uri: string; readonly script: PhoneScript }
  | { readonly kind: 'wait'; readonly script: PhoneScript };

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

const options = {
  help: { type: 'boolean', short: 'h' },
  play: text,
  tone: text,
  say: text,
  press: text,
  at: text,
  echo: flag,
  record: text,
  'hangup-after': text,
  from: text,
  host: text,
  port: text,
  tcp: flag,
  user: text,
  password: text,
  codec: text,
  'no-events': flag,
  'answer-after': text,
  reject: text,
} as const;

type Values = Partial<Record<keyof typeof options, string | boolean>>;

/** @throws CliProblem */
export function readArguments(words: readonly string[]): PhoneRequest {
  const { values, positionals } = parse(words);
  const [command, uri, ...more] = positionals;
  if (values.help === true || command === undefined || command === 'help') return { kind: 'help' };
  if (more.length > 0) throw new CliProblem(`not understood: ${more.join(' ')}`);
  switch (command) {
    case 'numbers':
      return { kind: 'numbers' };
    case 'call': {
      if (uri === undefined) throw new CliProblem('call whom? phone call sip:+15550200000@127.0.0.1:5060');
      return { kind: 'call', uri: sipUri(uri), script: scriptOf(values, 0) };
    }
    case 'wait': {
      if (uri !== undefined) throw new CliProblem(`not understood: ${uri}`);
      return { kind: 'wait', script: scriptOf(values, 5070) };
    }
    default:
      throw new CliProblem(`there is no "phone ${command}"; there are call, wait and numbers (--help says more)`);
  }
}

function parse(words: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new CliProblem(error instanceof Error ? error.message : String(error));
  }
}

function sipUri(uri: string): string {
  const full = /^sips?:/.test(uri) ? uri : `sip:${uri}`;
  if (!/^sip:[^\s@]+@[^\s@]+$/.test(full)) throw new CliProblem(`not a SIP address: ${uri} (sip:number@host:port)`);
  return full;
}

function scriptOf(values: Values, defaultPort: number): PhoneScript {
  const word = (name: keyof Values): string | null => {
    const value = values[name];
    return typeof value === 'string' ? value : null;
  };
  const time = (name: keyof Values, otherwise: number): number => {
    const given = word(name);
    return given === null ? otherwise : milliseconds(name, given);
  };
  const user = word('user');
  const press = word('press');
  if (press !== null && !/^[0-9*#A-Da-dwW]+$/.test(press)) throw new CliProblem('--press takes 0-9 * # A-D w W');
  return {
    host: word('host') ?? '127.0.0.1',
    port: whole('port', word('port'), 0, 65_535) ?? defaultPort,
    from: word('from') ?? 'phone',
    transport: values.tcp === true ? 'tcp' : 'udp',
    credentials: user === null ? null : { username: user, password: word('password') ?? '' },
    codecs: codecsOf(word('codec')),
    events: values['no-events'] !== true,
    play: word('play'),
    toneHertz: whole('tone', word('tone'), 50, 3900),
    say: word('say'),
    press,
    pressAtMs: time('at', 1000),
    echo: values.echo === true,
    record: word('record'),
    hangupAfterMs: word('hangup-after') === null ? null : time('hangup-after', 0),
    answerAfterMs: time('answer-after', 1000),
    reject: whole('reject', word('reject'), 400, 699),
  };
}

function codecsOf(given: string | null): readonly AudioName[] {
  if (given === null) return ['PCMU', 'PCMA'];
  switch (given.toUpperCase()) {
    case 'PCMU':
      return ['PCMU'];
    case 'PCMA':
      return ['PCMA'];
    default:
      throw new CliProblem('--codec is PCMU or PCMA');
  }
}

function milliseconds(name: string, given: string): number {
  const match = /^(\d{1,6}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(given);
  if (match === null) throw new CliProblem(`--${name} takes a time: 2s, 500ms, 1m`);
  const unit = match[2] === 'ms' ? 1 : match[2] === 'm' ? 60_000 : 1000;
  return Math.round(Number(match[1]) * unit);
}

function whole(name: string, given: string | null, low: number, high: number): number | null {
  if (given === null) return null;
  const number = Number(given);
  if (!Number.isInteger(number) || number < low || number > high) {
    throw new CliProblem(`--${name} takes a number from ${low} to ${high}`);
  }
  return number;
}
