/** Each trunk: its name leads somewhere, somebody answers there, and our credentials are taken. */
import type { Trunk } from '../../../shared/domain/trunk.ts';
import type { Clock } from '../../../shared/kernel/clock.ts';
import { ExpectedFailure } from '../../../shared/kernel/expected-failure.ts';
import { readTrunks } from '../../../shared/trunks.ts';
import { type Pinged, pingOptions } from '../../sip/options-ping.ts';
import type { Flow } from '../../sip/transaction/wire.ts';
import { hopOf, Resolver, systemNames } from '../../sip/transport/resolve.ts';
import { type Finding, fault, ok, warning } from '../finding.ts';

const WITHIN_MS = 3000;
/** Of a name with many addresses. */
const MOST_TARGETS = 4;

/** The trunks of the setting; empty with a finding when it cannot be read. */
export function trunksOf(setting: string | undefined): {
  readonly trunks: readonly Trunk[];
  readonly finding?: Finding;
} {
  if (setting === undefined) return { trunks: [] };
  try {
    return { trunks: readTrunks(setting) };
  } catch (error) {
    if (!(error instanceof ExpectedFailure)) throw error;
    const found = error.message.replace(/\s*\n\s*/g, ' ');
    return {
      trunks: [],
      finding: fault('trunks', found, 'TRUNKS takes JSON, or the path of a file with it; see README.'),
    };
  }
}

export async function checkTrunks(trunks: readonly Trunk[], clock: Clock): Promise<readonly Finding[]> {
  const resolver = new Resolver(systemNames, clock, Math.random);
  return (await Promise.all(trunks.map((trunk) => checkTrunk(trunk, resolver, clock)))).flat();
}

async function checkTrunk(trunk: Trunk, resolver: Resolver, clock: Clock): Promise<readonly Finding[]> {
  const { name, host, transport, username, password } = trunk;
  const check = `trunk ${name}`;
  const uri = `sip:${host}`;
  const hop = hopOf(uri, transport);
  const targets = hop === null ? [] : await resolver.resolve(hop);
  if (targets.length === 0) {
    return [
      fault(
        check,
        `${host} leads to no address (SRV _sip._${transport} and A were asked)`,
        'Correct the host in TRUNKS, or DNS.',
      ),
    ];
  }
  const credentials = username === null || password === null ? null : { username, password };
  return await Promise.all(
    targets.slice(0, MOST_TARGETS).map(async (target) => {
      const pinged = await pingOptions({ target, uri, credentials, clock, withinMs: WITHIN_MS });
      return judge(check, target, pinged);
    }),
  );
}

function judge(check: string, { transport, address, port }: Flow, pinged: Pinged): Finding {
  const place = `${address}:${port} over ${transport.toUpperCase()}`;
  if (pinged.kind === 'silent') {
    const remedy =
      'Wrong host, port or transport, a firewall, or the carrier does not know this address: ask it to allow it.';
    return fault(check, `${place} does not answer OPTIONS within ${WITHIN_MS / 1000} s`, remedy);
  }
  if (pinged.kind === 'unreachable') {
    return fault(check, `${place}: ${pinged.code}`, 'Nobody listens there: correct host, port or transport.');
  }
  const { code, reason, ms, digest } = pinged;
  const answer = `${place} answers ${code} ${reason} in ${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
  if (digest === 'no-credentials') {
    return fault(check, `${answer}: it wants credentials`, 'Set username and password of this trunk in TRUNKS.');
  }
  if (digest === 'refused') {
    return fault(
      check,
      `${answer}: it does not take the credentials`,
      'Correct username and password of this trunk in TRUNKS.',
    );
  }
  if (code >= 500)
    return warning(check, answer, 'It is there and in trouble; other trunks are tried after 500 and 503.');
  if (code === 403) return warning(check, answer, 'It may refuse calls too: ask the carrier to allow this address.');
  return ok(check, digest === 'accepted' ? `${answer}; credentials taken` : answer);
}
