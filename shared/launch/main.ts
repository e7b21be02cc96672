/**
 * `npm start`: the whole system on this machine, with the phone bank as its telephone network and
 * the example apps as somewhere to call. Ctrl-C drains and leaves nothing behind; a second one
 * stops at once.
 */
import { systemClock } from '../kernel/clock.ts';
import { Closers } from '../kernel/closers.ts';
import { readSettings, SettingsError } from '../settings.ts';
import { accountOf } from './account.ts';
import { startExample } from './examples.ts';
import { type Stack, startStack } from './stack.ts';

const examples = ['listen', 'parrot', 'ivr'] as const;

/** The table itself belongs to the phones. */
const numbersHint = `
Other numbers are busy, refuse, hold, press keys …; what each does:

  npx pivot-streams phone numbers
`;

const closers = new Closers();
let stopping = false;

process.on('SIGINT', stop);
process.on('SIGTERM', stop);
await start().catch(async (error: unknown) => {
  if (stopping) return;
  console.error(error instanceof Error ? error.message : error);
  await closers.close();
  process.exit(1);
});

async function start(): Promise<void> {
  const { environment, dataDir, drainMs } = surroundings();
  const stack = await startStack({
    dataDir,
    environment,
    workers: workersOf(environment['WORKERS']),
    clock: systemClock,
    drainMs,
    onProgress: (line) => console.log(`• ${line}`),
    onLine: (service, line) => console.log(`[${service}] ${line}`),
  });
  closers.push(() => stack.stop());
  const urls = await Promise.all(examples.map((name) => startOne(name, dataDir)));
  greet(stack, urls);
}

async function startOne(name: string, dataDir: string): Promise<string> {
  const app = await startExample(name, dataDir, systemClock, (service, line) => console.log(`[${service}] ${line}`));
  closers.push(() => app.stop());
  return app.url;
}

function workersOf(setting: string | undefined): number {
  if (setting === undefined || setting === '') return 1;
  if (!/^[1-9]\d?$/.test(setting)) throw new SettingsError('WORKERS: a number of processes, 1 to 99');
  return Number(setting);
}

/** The settings a laptop wants; what the environment sets wins. */
function surroundings(): { environment: Record<string, string>; dataDir: string; drainMs: number } {
  const dataDir = process.env['DATA_DIR'] || '.data';
  const given = Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const environment = {
    ALLOW_PRIVATE_ADDRESSES: 'on',
    ALLOW_INSECURE_WS: 'on',
    LOG_LEVEL: 'warn',
    // Each process a free one; the API says where they are.
    PROBE_PORT: '0',
    ...given,
    ...accountOf(dataDir, process.env),
  };
  const settings = readSettings({ ...environment, DATA_DIR: dataDir });
  return { environment, dataDir, drainMs: settings.DRAIN_TIMEOUT + 5_000 };
}

function greet(stack: Stack, [listen, parrot, ivr]: readonly string[]): void {
  const { ACCOUNT_SID, AUTH_TOKEN } = stack.account;
  const call = (to: string, fields: object): string =>
    [
      `  curl -u ${ACCOUNT_SID}:${AUTH_TOKEN} ${stack.apiUrl}/calls -H 'Content-Type: application/json' \\`,
      `    -d '${JSON.stringify({ to, from: '+15550009999', ...fields })}'`,
    ].join('\n');
  console.log(`
Pivot Streams is running.

  console   ${stack.apiUrl}/console   (user: the account, password: the token)
  API       ${stack.apiUrl}   (docs: ${stack.apiUrl}/docs)
  account   ${ACCOUNT_SID}
  token     ${AUTH_TOKEN}
  SIP       ${stack.sipAddress} (UDP and TCP)
  phones    ${stack.phonesAddress ?? 'off'}
  metrics   ${stack.apiUrl}/metrics   (of the other processes: ${stack.apiUrl}/metrics/targets)

For another shell, so that the lines of the README work as they are:

  export API=${stack.apiUrl} ACCOUNT_SID=${ACCOUNT_SID} AUTH_TOKEN=${AUTH_TOKEN}

Make a first call; the listening app prints what it hears:

${call('+15550100001', { url: listen })}

Talk with the parrot, or with the small IVR:

${call('+15550100001', { url: parrot })}
${call('+15550100016', { url: ivr, dialect: 'twilio' })}

Each answer has the sid of the call. What happened to it, live, and how to end it:

  curl -N -u ${ACCOUNT_SID}:${AUTH_TOKEN} -H 'Accept: text/event-stream' ${stack.apiUrl}/calls/CA…/events
  curl -u ${ACCOUNT_SID}:${AUTH_TOKEN} -H 'Content-Type: application/json' ${stack.apiUrl}/calls/CA… -d '{"status":"completed"}'
${stack.phonesAddress === null ? '' : numbersHint}
Ctrl-C ends it.
`);
}

function stop(): void {
  if (stopping) process.exit(130);
  stopping = true;
  console.log('\nEnding: calls may finish; Ctrl-C again stops at once.');
  void closers.close().then((errors) => {
    for (const error of errors) console.error(error);
    process.exit(errors.length === 0 ? 0 : 1);
  });
}
