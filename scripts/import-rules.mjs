/**
 * Imports point one way. Reads every source file, resolves its relative imports and compares them
 * with the table below; also checks that each native or protocol package has one importer.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** A file belongs to the longest room that is a prefix of it; the room lists what it may import. */
const rooms = {
  'shared/kernel': ['shared/kernel'],
  'shared/domain': ['shared/kernel', 'shared/domain'],
  'shared/net': ['shared/kernel', 'shared/domain', 'shared/net'],
  'shared/twiml': ['shared/kernel', 'shared/domain', 'shared/net', 'shared/twiml'],
  'shared/store': ['shared/kernel', 'shared/domain', 'shared/store'],
  'shared/metrics': ['shared/kernel', 'shared/metrics'],
  'shared/tracing': ['shared/tracing'],
  'shared/queue': ['shared/kernel', 'shared/domain', 'shared/store', 'shared/queue'],
  'shared/settings.ts': ['shared/kernel'],
  'shared/trunks.ts': ['shared/kernel', 'shared/domain'],
  'shared/launch': ['shared/kernel', 'shared/launch', 'shared/settings.ts'],
  api: ['shared', 'api'],
  'worker/media': ['shared/kernel', 'worker/media'],
  'worker/sockets': ['worker/sockets'],
  'worker/rtp': ['shared/kernel', 'shared/domain', 'worker/media', 'worker/rtp', 'worker/sockets'],
  'worker/stream': ['shared/kernel', 'shared/domain', 'shared/net', 'worker/media', 'worker/stream', 'worker/sockets'],
  'worker/leg': ['shared/kernel', 'shared/domain', 'worker/media', 'worker/rtp', 'worker/leg', 'worker/sockets'],
  'worker/speech': ['shared/kernel', 'worker/media', 'worker/speech'],
  'worker/fetch': ['shared/kernel', 'shared/domain', 'shared/net', 'worker/fetch'],
  'worker/callbacks': ['shared/kernel', 'shared/domain', 'shared/net', 'worker/fetch', 'worker/callbacks'],
  'worker/verbs': [
    'shared/kernel',
    'shared/domain',
    'shared/twiml',
    'worker/verbs',
    'worker/call',
    'worker/leg',
    'worker/stream',
    'worker/media',
    'worker/speech',
    'worker/fetch',
  ],
  'worker/call': [
    'shared/kernel',
    'shared/domain',
    'shared/twiml',
    'shared/net',
    'worker/call',
    'worker/verbs',
    'worker/leg',
    'worker/stream',
    'worker/media',
    'worker/speech',
    'worker/fetch',
  ],
  'worker/sip': ['shared/kernel', 'worker/sip'],
  'worker/gateway': ['shared', 'worker/sip', 'worker/gateway'],
  'worker/pool': [
    'shared',
    'worker/pool',
    'worker/call',
    'worker/callbacks',
    'worker/leg',
    'worker/fetch',
    'worker/stream',
    'worker/speech',
    'worker/media',
    'worker/rtp',
  ],
  'worker/metrics': [
    'shared',
    'worker/metrics',
    'worker/pool',
    'worker/leg',
    'worker/stream',
    'worker/media',
    'worker/rtp',
  ],
  'worker/tracing': ['shared', 'worker/tracing', 'worker/pool', 'worker/fetch', 'worker/stream'],
  'worker/doctor': ['shared', 'worker/sip', 'worker/doctor', 'worker/speech'],
  'worker/phones': [
    'shared/kernel',
    'shared/domain',
    'shared/launch',
    'shared/settings.ts',
    'worker/sip',
    'worker/rtp',
    'worker/media',
    'worker/leg',
    'worker/speech',
    'worker/phones',
  ],
  worker: ['shared', 'worker'],
  examples: ['shared', 'examples', 'worker/media', 'worker/phones', 'worker/speech'],
  bench: ['shared', 'worker', 'bench', 'test/support'],
  test: ['shared', 'api', 'worker', 'test', 'examples', 'bench'],
};

/** Package → the file, or the few, that may import it outside the tests. */
const importers = {
  libxmljs2: 'shared/twiml/parser-process.ts',
  ioredis: [
    'shared/store/redis.ts',
    'shared/store/redis-slot.ts',
    'shared/store/redis-nodes.ts',
    'shared/store/redis-probe.ts',
  ],
  bullmq: ['shared/queue/queue.ts', 'shared/queue/intake.ts', 'shared/queue/producers.ts'],
  ws: ['worker/stream/dial.ts', 'worker/stream/ws-socket.ts'],
  '@opentelemetry': 'shared/tracing/otel.ts',
};

const importPattern =
  /^\s*(?:import|export)\b[^'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|^\s*import\s+['"]([^'"]+)['"]/gm;

const problems = [];
for (const top of ['api', 'worker', 'shared', 'bench', 'test', 'examples']) visit(top);
for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? 'Imports point one way.' : `${problems.length} imports point the wrong way.`);
process.exit(problems.length === 0 ? 0 : 1);

function visit(place) {
  const full = path.join(root, place);
  if (statSync(full).isDirectory()) {
    for (const name of readdirSync(full)) visit(`${place}/${name}`);
  } else if (place.endsWith('.ts')) check(place);
}

function check(file) {
  const source = readFileSync(path.join(root, file), 'utf8');
  for (const match of source.matchAll(importPattern)) {
    const target = match[1] ?? match[2] ?? match[3];
    if (target.startsWith('.')) checkRoom(file, path.posix.normalize(`${path.posix.dirname(file)}/${target}`));
    else checkPackage(file, target);
  }
}

function checkRoom(file, target) {
  const room = roomOf(file);
  // A main file constructs everything of its process.
  if (/(^|\/)(main|thread)\.ts$/.test(file) && !target.startsWith('api/')) return;
  const allowed = rooms[room] ?? [];
  if (!allowed.some((place) => target === place || target.startsWith(`${place}/`))) {
    problems.push(`${file} imports ${target}: ${room} may import only ${allowed.join(', ')}`);
  }
}

function checkPackage(file, name) {
  // A package, or all packages of a scope.
  const owner = importers[name] ?? importers[name.split('/')[0]];
  if (
    !owner ||
    [owner].flat().includes(file) ||
    file.startsWith('test/') ||
    file.startsWith('examples/') ||
    file.startsWith('bench/')
  )
    return;
  problems.push(`${file} imports ${name}: only ${owner} may`);
}

function roomOf(file) {
  return Object.keys(rooms)
    .filter((room) => file === room || file.startsWith(`${room}/`))
    .sort((one, other) => other.length - one.length)[0];
}
