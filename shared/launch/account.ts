/** The account of an installation without one: drawn on the first start, kept in the data directory. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { newAccountSid } from '../kernel/ids.ts';

export interface Account {
  readonly ACCOUNT_SID: string;
  readonly AUTH_TOKEN: string;
}

/** The account from the environment, else from `<dataDir>/account.json`, else a new one, written there with mode 600. */
export function accountOf(dataDir: string, environment: NodeJS.ProcessEnv): Account {
  const { ACCOUNT_SID, AUTH_TOKEN } = environment;
  if (ACCOUNT_SID && AUTH_TOKEN) return { ACCOUNT_SID, AUTH_TOKEN };
  const file = path.join(dataDir, 'account.json');
  const kept = read(file);
  if (kept) return kept;
  const account: Account = { ACCOUNT_SID: newAccountSid(), AUTH_TOKEN: randomBytes(16).toString('hex') };
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(file, `${JSON.stringify(account, null, 2)}\n`, { mode: 0o600 });
  return account;
}

function read(file: string): Account | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  const kept: unknown = JSON.parse(text);
  if (isAccount(kept)) return kept;
  throw new Error(`${file} is not an account: remove it to have a new one drawn.`);
}

function isAccount(value: unknown): value is Account {
  return (
    typeof value === 'object' &&
    value !== null &&
    'ACCOUNT_SID' in value &&
    'AUTH_TOKEN' in value &&
    typeof value.ACCOUNT_SID === 'string' &&
    typeof value.AUTH_TOKEN === 'string'
  );
}
