/** The dashboard and the alert rules: every query parses. That every metric is there is test/system/seen. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { metricsOfQuery } from '../../support/promql.ts';
import { alertQueries, dashboardQueries } from '../../support/queries.ts';

describe('the reader of queries', () => {
  it('names the metrics and takes no nonsense', () => {
    const query = 'histogram_quantile(0.9, sum by (le) (rate(a_bucket{b="c"}[5m]))) > 1.5 * max(d)';
    assert.deepEqual([...metricsOfQuery(query)], ['a_bucket', 'd']);
    for (const wrong of ['sum(a', 'sum by le (a)', 'rate(a[5x])', 'a{b=c}', 'a b', 'histogram_quantile(a)', '']) {
      assert.throws(() => metricsOfQuery(wrong), SyntaxError, wrong);
    }
  });
});

describe('docs/grafana/pivot-streams.json', () => {
  const queries = dashboardQueries();
  it('has panels, and each query parses', () => {
    assert.ok(queries.length > 60, String(queries.length));
    for (const { place, expr } of queries) {
      assert.doesNotThrow(() => metricsOfQuery(expr), `${place}: ${expr}`);
    }
  });

  it('gives every panel an id and a place of its own', () => {
    const { panels } = JSON.parse(readFileSync('docs/grafana/pivot-streams.json', 'utf8'));
    const ids = panels.map(({ id }: { id: number }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const places = panels.map(({ gridPos: { x, y } }: { gridPos: { x: number; y: number } }) => `${x} ${y}`);
    assert.equal(new Set(places).size, places.length);
  });
});

describe('docs/prometheus/alerts.yml', () => {
  const queries = alertQueries();
  it('has rules, and each one parses and compares', () => {
    const count = readFileSync('docs/prometheus/alerts.yml', 'utf8').match(/- alert:/g)?.length;
    assert.equal(queries.length, count);
    for (const { place, expr } of queries) {
      assert.doesNotThrow(() => metricsOfQuery(expr), `${place}: ${expr}`);
      assert.match(expr, / (<|>|==) /, place);
    }
  });
});
