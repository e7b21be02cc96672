/**
 * `npx pivot-streams doctor`: looks at everything that has to be right before calls can be made on this machine, with
 * the settings the services would have, and names what is not. Ends with 0, with 1 when there is a fault, with 2 when
 * it was asked wrongly. Changes nothing; may be run beside a system at work.
 */
import { readFileSync } from 'node:fs';
import { parseArgs, parseEnv } from 'node:util';
import { systemClock as clock } from '../../shared/kernel/clock.ts';
import { checkAddresses } from './checks/addresses.ts';
import { checkMachine, checkTimers, thisMachine } from './checks/machine.ts';
import { checkParser } from './checks/parser.ts';
import { checkPorts } from './checks/ports.ts';
import { checkRedis } from './checks/redis.ts';
import { checkSpeech } from './checks/speech.ts';
import { checkTrunks, trunksOf } from './checks/trunks.ts';
import { type Finding, ok } from './finding.ts';
import { asJson, asText, isHealthy } from './report.ts';
import { judgeSettings } from './settings.ts';

const usage = `pivot-streams doctor [--json] [--env FILE]

Checks this machine and the settings of the environment, or those of FILE: Node, limits, ports, addresses,
Redis, trunks, the XML parser. Each fault is named with what to do. Ends with 1 when there is one.`;

interface Asked {
  readonly json: boolean;
  readonly environment: NodeJS.ProcessEnv;
}

/** Null when only the usage was wanted. @throws on words that are none of ours, and on a file that cannot be read. */
function readArguments(words: readonly string[]): Asked | null {
  const options = {
    json: { type: 'boolean' },
    env: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  const { values } = parseArgs({ args: [...words], options });
  if (values.help) return null;
  const file = values.env === undefined ? {} : parseEnv(readFileSync(values.env, 'utf8'));
  return { json: values.json ?? false, environment: { ...process.env, ...file } };
}

async function examine(environment: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const { settings, findings } = judgeSettings(environment);
  const { trunks, finding } = trunksOf(settings.TRUNKS);
  // First and alone: the other checks would be what it hears.
  const timers = await checkTimers(clock);
  const found = await Promise.all([
    checkPorts(settings, clock),
    checkAddresses(settings, trunks),
    checkRedis(settings.REDIS_URL, clock),
    settings.TRUNKS === undefined ? [ok('trunks', 'none set: every number rings in the phone bank')] : [],
    finding === undefined ? checkTrunks(trunks, clock) : [finding],
    [await checkParser(clock), await checkSpeech(clock)],
  ]);
  return [...checkMachine(thisMachine(), settings), timers, ...findings, ...found.flat()];
}

async function run(): Promise<number> {
  let asked: Asked | null;
  try {
    asked = readArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  if (asked === null) {
    console.log(usage);
    return 0;
  }
  const findings = await examine(asked.environment);
  console.log(asked.json ? asJson(findings) : asText(findings, process.stdout.isTTY === true));
  return isHealthy(findings) ? 0 : 1;
}

process.exitCode = await run();
