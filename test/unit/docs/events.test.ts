/** docs/api.md lists the events of the timeline, all there are and no other. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';

/** Types of events as the code spells them, in a list of our source files. */
function spelt(text: string): string[] {
  return [...text.matchAll(/'((?:call|sip|media|document|verb|stream|dtmf|callback)\.[a-z.]+)'/g)].map(
    ([, type]) => type ?? '',
  );
}

it('docs/api.md has every event, and no other', () => {
  const known = new Set(spelt(readFileSync('shared/domain/event.ts', 'utf8')));
  for (const folder of ['worker/gateway', 'worker/call', 'worker/leg'])
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
      if (name.endsWith('.ts'))
        for (const type of spelt(readFileSync(path.join(folder, name), 'utf8')))
          if (type.startsWith('sip.')) known.add(type);
  const section = /\n## Events\n([\s\S]*?)\n## /.exec(readFileSync('docs/api.md', 'utf8'))?.[1] ?? '';
  const listed = section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([a-z.]+)`/g)].map(([, type]) => type ?? ''));
  assert.deepEqual([...listed].sort(), [...known].sort());
});
