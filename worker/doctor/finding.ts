/** What a check found: how it is, what was seen, and what to do about it. */

export type Level = 'ok' | 'warning' | 'fault';

export interface Finding {
  /** What was looked at, in a word or two: `redis`, `trunk carrier`. */
  readonly check: string;
  readonly level: Level;
  readonly found: string;
  /** Null when there is nothing to do. */
  readonly remedy: string | null;
}

export const ok = (check: string, found: string): Finding => ({ check, level: 'ok', found, remedy: null });

export const warning = (check: string, found: string, remedy: string): Finding => ({
  check,
  level: 'warning',
  found,
  remedy,
});

export const fault = (check: string, found: string, remedy: string): Finding => ({
  check,
  level: 'fault',
  found,
  remedy,
});
