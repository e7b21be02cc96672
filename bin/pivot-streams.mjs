#!/usr/bin/env node
/** `npx pivot-streams <command>`: start, demo, doctor, phone. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const commands = {
  start: {
    file: 'scripts/start.mjs',
    about: 'start the whole system on this machine',
    help: 'Takes its settings from the environment: .env.example lists them. Ctrl-C drains and ends it.',
  },
  demo: {
    file: 'scripts/demo.mjs',
    about: 'place one real call and show everything about it',
    help: 'Leaves sound, a picture and the timeline in demo-out/, or in OUT_DIR.',
  },
  doctor: { file: 'scripts/doctor.mjs', about: 'look at this machine and the settings, and name what is wrong' },
  phone: { file: 'scripts/phone.mjs', about: 'a SIP phone in the shell: call, wait, play, press, record' },
};

const [name, ...rest] = process.argv.slice(2);
const command = commands[name];
if (!command) {
  const lines = Object.entries(commands).map(([word, { about }]) => `  ${word.padEnd(8)} ${about}`);
  console.log(`pivot-streams <command>\n\n${lines.join('\n')}\n\n<command> --help says more.`);
  process.exit(name === undefined || name === '--help' ? 0 : 2);
}
if (command.help && rest.length > 0) {
  const asked = rest[0] === '--help' || rest[0] === '-h';
  console.log(asked ? `pivot-streams ${name}: ${command.about}\n\n${command.help}` : `${name} takes no arguments.`);
  process.exit(asked ? 0 : 2);
}
const child = spawn(process.execPath, [path.join(root, command.file), ...rest], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signal === 'SIGTERM' && child.kill(signal));
child.once('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 0)));
