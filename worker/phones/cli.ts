/**
 * `pivot-streams phone call|wait`: a SIP phone in the shell. Prints what happens, one line each; exits
 * 0 when the call was answered and ended, 1 when it came to nothing, 2 when it was asked for wrongly.
 */
import { writeFile } from 'node:fs/promises';
import { systemClock } from '../../shared/kernel/clock.ts';
import { ExpectedFailure } from '../../shared/kernel/expected-failure.ts';
import { initMedia } from '../media/init.ts';
import { behaviourLines } from './behaviours.ts';
import { CliProblem, type PhoneScript, readArguments } from './cli-arguments.ts';
import { eventLine } from './cli-lines.ts';
import { openPhone, type Phone, type PhoneOptions } from './phone.ts';
import type { PhoneCall } from './phone-call.ts';
import { CallFailed } from './phone-event.ts';
import { checkFiles, runScript } from './script.ts';

const HELP = `pivot-streams phone call <uri> [options]     call somebody
pivot-streams phone wait [options]           wait for one call and answer it
pivot-streams phone numbers                  what the numbers of the phone bank do

  <uri>                sip:+15550200000@127.0.0.1:5060 (or without sip:)

What it does once the call is up:
  --play <file>        plays a WAV or MP3 file
  --tone <hertz>       plays a tone until the end
  --say <text>         speaks (built-in English voice)
  --press <digits>     presses 0-9 * # A-D; w waits half a second, W a second
  --at <time>          when to press, from the answer on: 2s, 500ms (default 1s)
  --echo               plays back what it hears
  --record <file>      writes what it hears to a WAV file
  --hangup-after <t>   hangs up then; without it: after what it plays or says, or when the other side does

The phone itself:
  --from <number>      our number (default: phone)
  --host <address>     our address (default 127.0.0.1)
  --port <port>        our SIP port (default: a free one; wait: 5070)
  --tcp                SIP over TCP
  --user <name> --password <word>   credentials the other side may ask for
  --codec <PCMU|PCMA>  offers only this one
  --no-events          without telephone-event: keys are tones
  --answer-after <t>   wait only: rings this long first (default 1s)
  --reject <code>      wait only: refuses, e.g. with 486
`;

async function main(): Promise<number> {
  const request = readArguments(process.argv.slice(2));
  if (request.kind === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  if (request.kind === 'numbers') {
    process.stdout.write(`${behaviourLines().join('\n')}\n`);
    return 0;
  }
  const { script } = request;
  await checkFiles(script);
  await initMedia();
  const began = systemClock.monotonic();
  const print = (line: string): void => {
    const seconds = ((systemClock.monotonic() - began) / 1000).toFixed(2).padStart(7);
    process.stdout.write(`${seconds}  ${line}\n`);
  };
  const phone = await open({
    host: script.host,
    port: script.port,
    number: script.from,
    codecs: script.codecs,
    telephoneEvent: script.events,
    onEvent: (event) => print(eventLine(event)),
  });
  try {
    if (request.kind === 'call') print(`calling ${request.uri}`);
    const call = request.kind === 'call' ? await dial(phone, request.uri, script) : await take(phone, script, print);
    return await through(call, script, print);
  } finally {
    await phone.close();
  }
}

/** @throws ExpectedFailure when the port is taken or the address is not ours. */
async function open(options: PhoneOptions): Promise<Phone> {
  try {
    return await openPhone(options);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const place = `${options.host}:${options.port}`;
    if (error.code === 'EADDRINUSE') throw new ExpectedFailure(`${place} is taken: choose another --port`);
    throw new ExpectedFailure(`no phone can be at ${place}: ${error.message}`);
  }
}

function dial(phone: Phone, uri: string, script: PhoneScript): Promise<PhoneCall> {
  return phone.call(uri, {
    transport: script.transport,
    ...(script.credentials ? { credentials: script.credentials } : {}),
  });
}

async function take(phone: Phone, script: PhoneScript, print: (line: string) => void): Promise<PhoneCall> {
  print(`waiting at ${phone.uri}`);
  const call = await phone.waitForCall(2_147_483_647);
  print(`call from ${call.invitation?.from.uri.user ?? 'unknown'}`);
  if (script.reject !== null) call.reject(script.reject, 'Refused');
  else {
    call.ring();
    systemClock.after(script.answerAfterMs, () => void call.answer().catch(() => call.hangup()));
  }
  return call;
}

/** Runs the script and waits for the end; Ctrl-C hangs up. */
async function through(call: PhoneCall, script: PhoneScript, print: (line: string) => void): Promise<number> {
  const hangup = (): void => call.hangup();
  process.once('SIGINT', hangup);
  process.once('SIGTERM', hangup);
  const recording = script.record === null ? null : call.record();
  // A phone keeps the process alive by its sockets; the clock's timers do not.
  try {
    await call.answered;
  } catch (error) {
    if (error instanceof CallFailed) return script.reject === null ? 1 : 0;
    throw error;
  }
  await runScript(call, script);
  await call.ended;
  if (recording !== null && script.record !== null) {
    await writeFile(script.record, recording.wav());
    print(`${(recording.durationMs / 1000).toFixed(1)} s written to ${script.record}`);
  }
  return 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const expected = error instanceof ExpectedFailure;
    console.error(expected ? error.message : error);
    process.exitCode = error instanceof CliProblem ? 2 : 1;
  },
);
