/** Programs of the operating system: found on PATH, or installed where that is possible without asking. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { run } from './run.mjs';

export function onPath(name) {
  return (process.env.PATH ?? '').split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The command prefix that may install packages: nothing as root, `sudo -n` where it asks no password, null else. */
function privilege() {
  if (!onPath('apt-get')) return null;
  if (process.getuid?.() === 0) return [];
  return onPath('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : null;
}

let listsAreFresh = false;

/** Installs Debian packages; answers whether that worked. Never asks anything. */
export async function installPackages(why, packages) {
  const prefix = privilege();
  if (prefix === null) return false;
  const apt = (...args) => [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...args];
  const steps = [
    [`installing ${packages.join(', ')} (${why})`, apt('install', '-y', '--no-install-recommends', ...packages)],
  ];
  if (!listsAreFresh) steps.unshift(['reading the package lists', apt('update')]);
  for (const [title, [command, ...args]] of steps) {
    if ((await run(title, command, args, { stdio: ['ignore', 'ignore', 'inherit'] })) !== 0) return false;
  }
  listsAreFresh = true;
  return true;
}
