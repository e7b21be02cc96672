/** Without a collector nothing of OpenTelemetry is loaded; with one, spans have the parents they are given. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { openTracer } from '../../../shared/tracing/open-tracer.ts';
import { TRACEPARENT } from '../../../shared/tracing/tracer.ts';
import { Collector } from '../../support/collector.ts';

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const opener = import.meta.resolve(`../../../shared/tracing/open-tracer.${extension}`);
const loader = extension === 'ts' ? ['--import', import.meta.resolve('tsx')] : [];

/** The modules of OpenTelemetry's SDK that a process has loaded once it has opened its tracer. */
function loadedWith(settings: object): readonly string[] {
  const script = `
    import Module from 'node:module';
    const { openTracer } = await import(${JSON.stringify(opener)});
    const tracer = await openTracer('test', ${JSON.stringify(settings)});
    const loaded = Object.keys(Module._cache).filter((file) => /@opentelemetry.(sdk-trace|exporter)/.test(file));
    console.log(JSON.stringify(loaded));
    process.exit(0);`;
  const { stdout } = spawnSync(process.execPath, [...loader, '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  return JSON.parse(stdout);
}

describe('a tracer', () => {
  it('is not there, and nothing of it is loaded, without a collector', () => {
    assert.deepEqual(loadedWith({}), []);
    assert.ok(loadedWith({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }).length > 10);
  });

  it('sends what is open at its end, with parents, attributes and failures', async (test) => {
    const collector = await Collector.start(test);
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.url;
    const tracer = await openTracer('test', { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
    assert.ok(tracer);
    const parent = tracer.start('parent', 'server', 'no trace context', { 'a.b': 1 });
    const child = tracer.start('child', 'client', parent.traceparent);
    assert.match(parent.traceparent, TRACEPARENT);
    child.end('it broke');
    child.end();
    parent.rename('renamed');
    parent.end();
    await tracer.close();
    const [first, second] = collector.spans;
    assert.deepEqual([first?.name, first?.failed, second?.name, second?.failed], ['child', true, 'renamed', false]);
    assert.deepEqual([first?.parentSpanId, second?.parentSpanId], [second?.spanId, '']);
    assert.deepEqual([second?.attributes, second?.service], [{ 'a.b': 1 }, 'pivot-streams-test']);
  });

  it('ends in good time when the collector is away', async () => {
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = 'http://127.0.0.1:1';
    process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '500';
    const tracer = await openTracer('test', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
    delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
    tracer?.start('lost', 'internal', null).end();
    const began = performance.now();
    await tracer?.close();
    assert.ok(performance.now() - began < 5000);
  });
});
