/** Findings as people read them, and as programs do. */
import type { Finding, Level } from './finding.ts';

const marks = { ok: '✓', warning: '!', fault: '✗' } as const satisfies Record<Level, string>;
const colours = { ok: 32, warning: 33, fault: 31 } as const satisfies Record<Level, number>;

export function asText(findings: readonly Finding[], inColour: boolean): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, level, found, remedy }) => {
    const mark = inColour ? `\x1b[${colours[level]}m${marks[level]}\x1b[0m` : marks[level];
    const line = `${mark} ${check.padEnd(width)}  ${found}`;
    return remedy === null ? [line] : [line, `  ${' '.repeat(width)}  → ${remedy}`];
  });
  return `${lines.join('\n')}\n\n${summary(findings)}`;
}

export const asJson = (findings: readonly Finding[]): string =>
  JSON.stringify({ healthy: isHealthy(findings), findings }, null, 2);

export const isHealthy = (findings: readonly Finding[]): boolean => findings.every(({ level }) => level !== 'fault');

function summary(findings: readonly Finding[]): string {
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  const [faults, warnings] = [count('fault'), count('warning')];
  if (faults + warnings === 0) return 'All is well.';
  const warned = warnings === 1 ? '1 warning' : `${warnings} warnings`;
  if (faults === 0) return `It will run; ${warned}.`;
  const faulty = faults === 1 ? '1 fault' : `${faults} faults`;
  return warnings === 0 ? `${faulty} to mend.` : `${faulty} to mend, ${warned}.`;
}
