/** Log lines: the same sentence each time with what differs in fields, and nothing personal below `trace`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const loader = extension === 'ts' ? ['--import', import.meta.resolve('tsx')] : [];

function sources(place: string): readonly string[] {
  if (!statSync(place).isDirectory()) return place.endsWith('.ts') ? [place] : [];
  return readdirSync(place).flatMap((name) => sources(`${place}/${name}`));
}

/** What stands between the parentheses of each call of a logger. */
function logCalls(source: string): readonly string[] {
  return [...source.matchAll(/\b(?:log|logger)\??\.(?:trace|debug|info|warn|error|fatal)\(/g)].map((match) => {
    const from = match.index + match[0].length;
    let depth = 1;
    let to = from;
    for (; depth > 0; to++) depth += source[to] === '(' ? 1 : source[to] === ')' ? -1 : 0;
    return source.slice(from, to - 1);
  });
}

describe('log lines', () => {
  it('are constant sentences with fields, everywhere', () => {
    let count = 0;
    for (const file of ['api', 'worker', 'shared'].flatMap(sources)) {
      for (const call of logCalls(readFileSync(file, 'utf8'))) {
        count += 1;
        assert.doesNotMatch(call, /`|['"] *\+|\+ *['"]/, `${file}: ${call}`);
        assert.match(call, /'[^']+',?\s*$|"[^"]+",?\s*$/, `${file}: ${call}`);
      }
    }
    assert.ok(count > 40, String(count));
  });

  it('have no personal fields unless the level is trace', () => {
    const logger = import.meta.resolve(`../../../shared/kernel/log.${extension}`);
    const linesAt = (level: string): string => {
      const script = `
        const { createLogger } = await import(${JSON.stringify(logger)});
        const log = createLogger('test', '${level}');
        log.error({ pii: { digits: '97#531' }, call: { pii: 'Jane', sid: 'CA1' } }, 'a sentence');`;
      return spawnSync(process.execPath, [...loader, '--input-type=module', '-e', script], { encoding: 'utf8' }).stdout;
    };
    assert.match(linesAt('debug'), /"call":\{"sid":"CA1"\}.*"msg":"a sentence"/);
    assert.doesNotMatch(linesAt('debug'), /97#531|Jane/);
    assert.match(linesAt('trace'), /97#531.*Jane/);
  });
});
