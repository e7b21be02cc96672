/**
 * The addon built so that it watches over its own memory (AddressSanitizer and UndefinedBehaviorSanitizer, which come with
 * the compiler): whatever its tests and the fuzzing of frames do to it, it reads and writes only what is its own.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const SOURCES = 'worker/sockets/native/src';
const here = path.dirname(fileURLToPath(import.meta.url));
const ending = path.extname(fileURLToPath(import.meta.url));
const tests = [
  'fuzz/web-socket',
  'unit/sockets/web-socket',
  'unit/sockets/datagram',
  'unit/stream/connection',
  'unit/stream/security',
  'unit/rtp/session',
];
const libraries = ['libasan.so', 'libubsan.so'].map(libraryFile);
const headers = [process.env['npm_config_nodedir'], path.resolve(process.execPath, '../..')]
  .map((folder) => `${folder}/include/node`)
  .find((folder) => existsSync(`${folder}/node_api.h`));
const missing =
  process.platform !== 'linux' || headers === undefined || libraries.some((file) => !existsSync(file))
    ? "needs Linux, Node's headers beside it and a compiler with sanitizers"
    : false;

/** The compiler's own; its bare name when it has none. */
function libraryFile(name: string): string {
  return spawnSync('cc', [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout?.trim() ?? name;
}

describe('the addon under sanitizers', { skip: missing }, () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pivot-addon-'));
  const addon = path.join(folder, 'media_sockets.node');
  before(() => {
    const sources = readdirSync(SOURCES).filter((name) => name.endsWith('.c'));
    const flags = ['-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover', '-shared', '-fPIC'];
    const defines = [
      '-D_GNU_SOURCE',
      '-DNAPI_VERSION=8',
      '-DBUILDING_NODE_EXTENSION',
      '-DNODE_GYP_MODULE_NAME=media_sockets',
    ];
    const files = sources.map((name) => path.join(SOURCES, name));
    const built = spawnSync('cc', [...flags, ...defines, `-I${headers}`, ...files, '-o', addon], { encoding: 'utf8' });
    assert.equal(built.status, 0, built.stderr);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const test of tests)
    it(test, () => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [
          ...process.execArgv.filter((option) => !option.startsWith('--test')),
          path.join(here, `../${test}.test${ending}`),
        ],
        {
          encoding: 'utf8',
          timeout: 120_000,
          env: {
            ...process.env,
            NODE_TEST_CONTEXT: '',
            MEDIA_SOCKETS_ADDON: addon,
            LD_PRELOAD: libraries.join(' '),
            // Node keeps what it has until the end.
            ASAN_OPTIONS: 'detect_leaks=0',
          },
        },
      );
      const found = /ERROR: AddressSanitizer|runtime error:/.exec(stderr) ?? /ERROR: AddressSanitizer/.exec(stdout);
      assert.equal(found, null, `${stderr}`.slice(0, 3000));
      const failed = stdout.search(/^ *not ok/m);
      assert.equal(status, 0, stdout.slice(Math.max(failed, 0), Math.max(failed, 0) + 3000));
    });
});
