/** The settings as the services would read them. What is wrong is named, and its default taken so that the rest can be looked at. */
import { newAccountSid } from '../../shared/kernel/ids.ts';
import { readSettings, type Settings, SettingsError, settingsSchema } from '../../shared/settings.ts';
import { type Finding, fault, ok, warning } from './finding.ts';

const CHECK = 'settings';
const names = Object.keys(settingsSchema.shape);

/** Spelling mistakes of up to this many letters are recognised. */
const TYPO = 2;

export interface Judged {
  readonly settings: Settings;
  readonly findings: readonly Finding[];
}

export function judgeSettings(environment: NodeJS.ProcessEnv): Judged {
  const findings: Finding[] = [];
  const { ACCOUNT_SID, AUTH_TOKEN } = environment;
  const environmentNow = { ...environment };
  if (!ACCOUNT_SID && !AUTH_TOKEN) {
    // Any will do here: nobody is asked for it.
    Object.assign(environmentNow, { ACCOUNT_SID: newAccountSid(), AUTH_TOKEN: 'x'.repeat(16) });
    const found = 'ACCOUNT_SID and AUTH_TOKEN are not set';
    findings.push(warning(CHECK, found, '`npm start` draws them; every service needs the same ones.'));
  }
  for (const [name, sentence] of problemsOf(environmentNow)) {
    delete environmentNow[name];
    findings.push(fault(CHECK, `${name}: ${sentence}`, `Correct ${name}; .env.example says what it takes.`));
  }
  const settings = readSettings({ ACCOUNT_SID: newAccountSid(), AUTH_TOKEN: 'x'.repeat(16), ...environmentNow });
  findings.push(...misspelt(environment), ...unwise(settings));
  if (findings.length === 0) findings.push(ok(CHECK, 'all are right'));
  return { settings, findings };
}

/** The lines of the error: `  NAME: sentence`. */
function problemsOf(environment: NodeJS.ProcessEnv): readonly (readonly [string, string])[] {
  try {
    readSettings(environment);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return [...error.message.matchAll(/^ {2}([A-Z_]+)[\w.]*: (.*)$/gm)].map(([, name = '', sentence = '']) => [
      name,
      sentence,
    ]);
  }
}

function misspelt(environment: NodeJS.ProcessEnv): readonly Finding[] {
  return Object.keys(environment).flatMap((given) => {
    if (names.includes(given) || !/^[A-Z][A-Z_]{4,}$/.test(given)) return [];
    const near = names
      .filter((name) => name.length > 4)
      .map((name) => ({ name, far: distance(name, given) }))
      .sort((one, other) => one.far - other.far)[0];
    const meant = near !== undefined && near.far <= TYPO ? near.name : undefined;
    return meant === undefined ? [] : [warning(CHECK, `${given} is no setting`, `Did you mean ${meant}?`)];
  });
}

/** Right as they stand, and yet hardly what is wanted. */
function unwise({ STREAM_CERT, STREAM_KEY }: Settings): readonly Finding[] {
  if ((STREAM_CERT === undefined) === (STREAM_KEY === undefined)) return [];
  return [fault(CHECK, 'of STREAM_CERT and STREAM_KEY only one is set', 'Set both, or none.')];
}

/** Letters to add, take away or change (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_none, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change);
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
