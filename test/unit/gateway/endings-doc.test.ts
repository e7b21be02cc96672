/** docs/endings.md lists every cause a call can end with, and none that does not exist. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as api from '../../../api/endings.ts';
import type { Ending } from '../../../shared/domain/ending.ts';
import { endingRules } from '../../../worker/call/ending.ts';
import * as gateway from '../../../worker/gateway/unclaimed-endings.ts';
import * as pool from '../../../worker/pool/endings.ts';

/** The folder with package.json above this file, compiled or not. */
function rootOf(folder: string): string {
  return existsSync(path.join(folder, 'package.json')) ? folder : rootOf(path.dirname(folder));
}

const document = readFileSync(
  path.join(rootOf(path.dirname(fileURLToPath(import.meta.url))), 'docs/endings.md'),
  'utf8',
);

/** Cause → status cell and blame cell of its row. */
const rows = new Map(
  [...document.matchAll(/^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|/gm)].map(([, cause = '', status = '', blame = '']) => [
    cause,
    { status, blame },
  ]),
);

const alone: readonly Ending[] = [
  api.endedInQueue('completed'),
  api.endedInQueue('canceled'),
  api.queueTimeout,
  api.notQueued,
  pool.queueTimeout,
  pool.abandoned,
  pool.platformError,
  gateway.callerCanceled,
  gateway.queueTimeout,
  gateway.notQueued,
];

describe('docs/endings.md', () => {
  for (const [cause, rule] of Object.entries(endingRules)) {
    it(`tells ${cause} as the table has it`, () => {
      const { answered, unanswered, blame } = rule;
      const status = answered === unanswered ? answered : `${answered} · ${unanswered}`;
      assert.deepEqual(rows.get(cause), { status, blame });
    });
  }

  it('tells the endings of calls that no session ends', () => {
    for (const { cause, status, blame } of alone) {
      const row = rows.get(cause);
      assert.ok(row, `${cause} is not told`);
      assert.ok(row.status.split(' · ').includes(status), `${cause} is ${status}`);
      assert.equal(row.blame, blame, cause);
    }
  });

  it('tells nothing else', () => {
    const known = new Set([...Object.keys(endingRules), ...alone.map(({ cause }) => cause)]);
    assert.deepEqual(
      [...rows.keys()].filter((cause) => !known.has(cause)),
      [],
    );
  });
});
