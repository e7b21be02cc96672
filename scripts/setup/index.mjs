/**
 * Makes a fresh clone ready: Node's version, node modules, Redis, the build. Each step looks first
 * and does only what is missing, so a second run takes a moment. Plain JavaScript without packages,
 * because it runs before there are any.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';
import { installPackages, onPath } from './system-packages.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** What the interop tests need beside us. Missing ones are named loudly and their tests skipped. */
const interopPrograms = { sipp: 'sip-tester', baresip: 'baresip-core', 'espeak-ng': 'espeak-ng' };

/** @param {{ interop?: boolean, redis?: boolean }} wants */
export async function setUp({ interop = false, redis: needsRedis = true } = {}) {
  checkNode();
  await nodeModules();
  if (needsRedis) await redis();
  if (interop) await interopPeers();
  await build();
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node ${process.versions.node} is too old: 20.19 or newer is needed.`);
  }
}

async function nodeModules() {
  const stamp = path.join(root, 'node_modules/.installed-for');
  const wanted = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .update(process.versions.modules)
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  if (!existsSync(path.join(root, 'node_modules')) && resolvable('libxmljs2')) return;
  if (!(onPath('g++') && onPath('make') && onPath('python3'))) {
    const installed = await installPackages('libxmljs2 is compiled', ['g++', 'make', 'python3']);
    if (!installed)
      console.log('  No C++ toolchain found: fine if a prebuilt libxmljs2 fits, else install g++, make and python3.');
  }
  // Not `npm ci`: it refuses a lock file without the optional packages of platforms it was not written on.
  const code = await run(
    'installing node modules (libxmljs2 may compile: about two minutes)',
    'npm',
    ['install', '--no-save', '--no-fund', '--no-audit', '--loglevel=error'],
    { cwd: root },
  );
  if (code !== 0 || !resolvable('libxmljs2')) fail('npm install did not finish; its last lines above say why.');
  writeFileSync(stamp, wanted);
}

/** A folder further up may hold the modules. */
function resolvable(name) {
  try {
    createRequire(path.join(root, 'package.json')).resolve(name);
    return true;
  } catch {
    return false;
  }
}

async function redis() {
  if (process.env.REDIS_URL || onPath('redis-server') || onPath('valkey-server')) return;
  if (await installPackages('the embedded Redis', ['redis-server'])) return;
  fail(
    'No redis-server or valkey-server on PATH: install one (Debian, Ubuntu: apt-get install redis-server) or set REDIS_URL.',
  );
}

async function interopPeers() {
  const missing = Object.keys(interopPrograms).filter((program) => !onPath(program));
  if (missing.length === 0) return;
  if (
    await installPackages(
      'peers of the interop tests',
      missing.map((program) => interopPrograms[program]),
    )
  )
    return;
  console.log(`\n!!! ${missing.join(', ')} cannot be installed here: the tests against them are SKIPPED.\n`);
}

async function build() {
  const stamp = path.join(root, 'dist/.built');
  if (existsSync(stamp) && statSync(stamp).mtimeMs > newestSource()) return;
  if ((await run('building', process.execPath, [path.join(root, 'scripts/build.mjs')], { cwd: root })) !== 0)
    fail('The build failed.');
  writeFileSync(stamp, '');
}

function newestSource() {
  let newest = 0;
  const visit = (place) => {
    const status = statSync(place);
    newest = Math.max(newest, status.mtimeMs);
    if (status.isDirectory()) for (const name of readdirSync(place)) visit(path.join(place, name));
  };
  for (const name of ['api', 'worker', 'shared', 'bench', 'test', 'scripts', 'examples', 'tsconfig.json'])
    visit(path.join(root, name));
  return newest;
}

function fail(reason) {
  console.error(`\n✗ ${reason}`);
  process.exit(1);
}
