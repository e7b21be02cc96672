/**
 * Compiles the sources into `dist/` and copies what is read at run time beside them (Lua steps, pages); and the addon
 * of the media sockets, without which Node's own sockets do the same.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const dist = path.join(root, 'dist');
const assets = /\.(lua|html|css|mjs|svg|json|wav|mp3|xml|txt|hex|sdp|dat)$/;

const compiler = path.join(path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

rmSync(dist, { recursive: true, force: true });
const compiled = spawnSync(process.execPath, [compiler, '-p', root], {
  stdio: 'inherit',
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);
for (const room of ['api', 'worker', 'shared', 'test']) copyAssets(path.join(root, room));
buildAddon(path.join(root, 'worker/sockets/native'));

function copyAssets(folder) {
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    if (statSync(file).isDirectory()) copyAssets(file);
    else if (assets.test(name)) cpSync(file, path.join(dist, path.relative(root, file)));
  }
}

function buildAddon(folder) {
  if (process.platform !== 'linux') return;
  const built = path.join(folder, 'build/Release/media_sockets.node');
  if (existsSync(built) && statSync(built).mtimeMs > newest(folder)) return;
  // Beside Node itself, where most ways to install it put them; else node-gyp knows where to get them.
  const besideNode = path.resolve(process.execPath, '../..');
  const headers = existsSync(path.join(besideNode, 'include/node/node_api.h')) ? [`--nodedir=${besideNode}`] : [];
  const { status, stdout, stderr } = spawnSync(process.execPath, [nodeGyp() ?? '', 'rebuild', ...headers], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 180_000,
  });
  if (status === 0) return;
  rmSync(path.join(folder, 'build'), { recursive: true, force: true });
  console.error(`${stdout}${stderr}`.split('\n').slice(-20).join('\n'));
  console.error("The addon of the media sockets was not built: Node's own sockets are used, for fewer calls a core.");
}

/** Null where optional packages are not installed. */
function nodeGyp() {
  try {
    return createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  } catch {
    return null;
  }
}

/** Of the sources; what the build left there does not count. */
function newest(folder) {
  const sources = [
    path.join(folder, 'binding.gyp'),
    ...readdirSync(path.join(folder, 'src')).map((name) => path.join(folder, 'src', name)),
  ];
  return Math.max(...sources.map((file) => statSync(file).mtimeMs));
}
