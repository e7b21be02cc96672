/** Compiles the sources into `dist/` and copies what is read at run time beside them (Lua steps, pages). */
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync, statSync } from 'node:fs';
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

function copyAssets(folder) {
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    if (statSync(file).isDirectory()) copyAssets(file);
    else if (assets.test(name)) cpSync(file, path.join(dist, path.relative(root, file)));
  }
}
