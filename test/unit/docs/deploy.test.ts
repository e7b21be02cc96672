/**
 * The manifests of deploy/kubernetes, as far as a machine without a cluster can judge them: every document is read,
 * what refers to something finds it, and the settings are ones that the services take.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments, parseDocument } from 'yaml';
import { findOnPath } from '../../../shared/launch/redis.ts';
import { readSettings, settingsSchema } from '../../../shared/settings.ts';
import { readRedisAddress } from '../../../shared/store/redis-address.ts';
import { readTrunks } from '../../../shared/trunks.ts';

const folder = 'deploy/kubernetes';
/** A worker that has drained may need this to hand its calls over and close. */
const BEYOND_DRAIN_MS = 30_000;

// biome-ignore lint/suspicious/noExplicitAny: manifests are read freely.
type Manifest = any;

const files = readdirSync(folder).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
const all: readonly Manifest[] = files.flatMap((file) =>
  parseAllDocuments(readFileSync(path.join(folder, file), 'utf8')).map((document) => {
    assert.deepEqual(document.errors, [], file);
    assert.deepEqual(document.warnings, [], file);
    return document.toJS();
  }),
);
const kustomization: Manifest = parseDocument(readFileSync(path.join(folder, 'kustomization.yaml'), 'utf8')).toJS();

const versions: Readonly<Record<string, string>> = {
  Namespace: 'v1',
  ConfigMap: 'v1',
  Secret: 'v1',
  Service: 'v1',
  Deployment: 'apps/v1',
  DaemonSet: 'apps/v1',
  PodDisruptionBudget: 'policy/v1',
  ScaledObject: 'keda.sh/v1alpha1',
};
const of = (kind: string): readonly Manifest[] => all.filter((manifest) => manifest.kind === kind);
const named = (kind: string, name: string): Manifest => of(kind).find(({ metadata }) => metadata.name === name);
const workloads = [...of('Deployment'), ...of('DaemonSet')];
const labelsOf = (workload: Manifest): Record<string, string> => workload.spec.template.metadata.labels;
const selects = (selector: Record<string, string>, labels: Record<string, string>): boolean =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);

/** What a container of it finds in its environment; addresses of nodes are made up. */
function environmentOf(workload: Manifest): Record<string, string> {
  const [container] = workload.spec.template.spec.containers;
  const found: Record<string, string> = {};
  for (const { configMapRef, secretRef } of container.envFrom) {
    if (configMapRef) Object.assign(found, named('ConfigMap', configMapRef.name).data);
    if (secretRef) Object.assign(found, named('Secret', secretRef.name).stringData);
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (valueFrom) assert.equal(valueFrom.fieldRef.fieldPath, 'status.hostIP');
    found[name] = value ?? '192.0.2.1';
  }
  return found;
}

describe('the manifests for Kubernetes', () => {
  it('are known kinds of the right version, each name once and spelt as the DNS has it', () => {
    const seen = new Set<string>();
    for (const { apiVersion, kind, metadata } of all) {
      assert.equal(apiVersion, versions[kind], `${kind} ${metadata.name}`);
      assert.match(metadata.name, /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      assert.ok(!seen.has(`${kind} ${metadata.name}`));
      seen.add(`${kind} ${metadata.name}`);
    }
    assert.deepEqual([...kustomization.resources, 'autoscaling.yaml'].sort(), [...files].sort());
    assert.ok(named('Namespace', kustomization.namespace));
  });

  it('select what is there', () => {
    for (const workload of workloads) {
      assert.ok(selects(workload.spec.selector.matchLabels, labelsOf(workload)), workload.metadata.name);
      assert.ok(selects(workload.spec.selector.matchLabels, workload.metadata.labels));
    }
    const targets = [
      ...of('Service').map(({ spec }) => spec.selector),
      ...of('PodDisruptionBudget').map(({ spec }) => spec.selector.matchLabels),
    ];
    assert.ok(targets.length >= 3);
    for (const target of targets) {
      assert.equal(workloads.filter((workload) => selects(target, labelsOf(workload))).length, 1);
    }
    for (const { spec } of of('ScaledObject')) assert.ok(named('Deployment', spec.scaleTargetRef.name));
    const budgets = new Set(of('PodDisruptionBudget').map(({ metadata }) => metadata.name));
    for (const { metadata } of of('Deployment')) assert.ok(budgets.has(metadata.name), metadata.name);
  });

  for (const workload of workloads) {
    const { name } = workload.metadata;
    const pod = workload.spec.template.spec;
    const [container] = pod.containers;

    it(`${name} runs a program of ours with settings it takes`, () => {
      const [program = ''] = container.args;
      assert.ok(existsSync(program.replace(/^dist\//, '').replace(/js$/, 'ts')), program);
      const environment = environmentOf(workload);
      const unknown = Object.keys(environment).filter((setting) => !Object.hasOwn(settingsSchema.shape, setting));
      assert.deepEqual(unknown, []);
      const settings = readSettings(environment);
      assert.equal(readRedisAddress(settings.REDIS_URL ?? '').kind, 'sentinel');
      assert.equal(readTrunks(settings.TRUNKS ?? '').length, 1);
      const ports = new Set(container.ports.map(({ containerPort }: Manifest) => containerPort));
      for (const port of [settings.PROBE_PORT, name === 'pivot-api' ? settings.PORT : undefined]) {
        if (port !== undefined) assert.ok(ports.has(port), `${port}`);
      }
      if (name === 'pivot-worker') assert.equal(settings.WORKER_THREADS, Number(container.resources.requests.cpu));
    });

    it(`${name} has time to drain, is looked after, and asks for what it needs`, () => {
      const { DRAIN_TIMEOUT } = readSettings(environmentOf(workload));
      if (name !== 'pivot-api') {
        assert.ok(pod.terminationGracePeriodSeconds * 1000 >= DRAIN_TIMEOUT + BEYOND_DRAIN_MS);
        assert.deepEqual([pod.hostNetwork, pod.dnsPolicy], [true, 'ClusterFirstWithHostNet']);
      }
      for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) proveProbe(container, container[probe]);
      assert.ok(container.resources.requests.cpu && container.resources.requests.memory);
      assert.ok(container.resources.limits.memory && !container.resources.limits.cpu, 'throttling would stop sound');
      assert.equal(container.securityContext.runAsNonRoot, true);
      assert.equal(container.image, kustomization.images[0].name);
      const volumes = new Set(pod.volumes.map((volume: Manifest) => volume.name));
      for (const mount of container.volumeMounts) assert.ok(volumes.has(mount.name));
    });
  }

  function proveProbe(container: Manifest, probe: Manifest): void {
    const names = container.ports.map((port: Manifest) => port.name);
    if (probe.httpGet) {
      assert.ok(names.includes(probe.httpGet.port));
      assert.equal(probe.httpGet.path, '/healthz');
      return;
    }
    const [node, program] = probe.exec.command;
    assert.equal(node, 'node');
    assert.ok(existsSync(program.replace(/^dist\//, '').replace(/js$/, 'ts')), program);
    assert.ok(probe.timeoutSeconds >= 4, 'a probe of ours takes up to three seconds');
  }

  it('scale by figures that exist', () => {
    const known = readFileSync('docs/monitoring.md', 'utf8');
    for (const { spec } of of('ScaledObject')) {
      for (const { metadata } of spec.triggers) {
        const figures: readonly string[] = metadata.query.match(/pivot_\w+/g) ?? [];
        assert.ok(figures.includes('pivot_system_capacity_free'));
        for (const figure of figures) assert.ok(known.includes(`| \`${figure}\` |`), figure);
      }
    }
  });

  it('are put together by kubectl', (test) => {
    if (findOnPath('kubectl') === null) {
      test.skip('kubectl is not here');
      return;
    }
    const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const applied = parseAllDocuments(stdout).map((document): Manifest => document.toJS());
    assert.equal(applied.length, all.length - of('ScaledObject').length);
    for (const { kind, metadata } of applied)
      if (kind !== 'Namespace') assert.equal(metadata.namespace, 'pivot-streams');
  });
});
