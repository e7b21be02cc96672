/** The table of errors: in the code and in docs/errors.md the same. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { asProblem } from '../../../api/middleware/errors.ts';
import { ApiProblem, problems } from '../../../api/problem.ts';
import { problemResource } from '../../../api/schemas/problem.ts';
import { RedisUnavailable } from '../../../shared/store/redis.ts';
import { BoxFull } from '../../../shared/store/store.ts';

describe('problems', () => {
  it('are documented one by one', () => {
    const rows = readFileSync('docs/errors.md', 'utf8').matchAll(/^\| `(\w+)` *\| (\d{3}) *\| ([^|]+)\|/gm);
    const documented = [...rows].map(([, code, status, title]) => [code, Number(status), title?.trim()]);
    assert.deepEqual(
      documented,
      Object.entries(problems).map(([code, { status, title }]) => [code, status, title]),
    );
  });

  it('have the documented shape', () => {
    const body = new ApiProblem('invalid', 'to: missing', { errors: [{ path: 'to', code: 'x', message: 'y' }] }).toBody(
      'r',
    );
    assert.deepEqual(problemResource.parse(body), {
      type: 'urn:pivot-streams:error:invalid',
      title: 'The request has errors',
      status: 422,
      code: 'invalid',
      detail: 'to: missing',
      errors: [{ path: 'to', code: 'x', message: 'y' }],
      requestId: 'r',
    });
  });

  it('stand for what others throw', () => {
    assert.equal(asProblem(new RedisUnavailable(null)).code, 'redis_unavailable');
    assert.equal(asProblem(new BoxFull()).code, 'at_capacity');
    assert.equal(asProblem(new Error('bug')).code, 'internal');
    assert.equal(asProblem('text').code, 'internal');
    assert.equal(asProblem(Object.assign(new Error(), { status: 400, type: 'entity.parse.failed' })).code, 'bad_json');
    assert.equal(asProblem(Object.assign(new Error(), { status: 500 })).code, 'internal');
  });
});
