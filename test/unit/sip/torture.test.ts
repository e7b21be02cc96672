/** The messages of RFC 4475: what the parser says of each, and what a user agent answers to the good ones. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { parseDatagram } from '../../../worker/sip/message/parse.ts';
import { UserAgent } from '../../../worker/sip/user-agent.ts';
import { ManualClock } from '../../support/clock.ts';
import { FakeNetwork } from '../../support/sip-network.ts';

const file = readFileSync(new URL('../../vectors/sip/torture.txt', import.meta.url), 'utf8');

interface Vector {
  readonly name: string;
  readonly verdict: string;
  readonly answer: string;
  readonly bytes: Buffer;
}

function vectors(): Vector[] {
  const [, ...sections] = file.split(/^=== /m);
  return sections.map((section) => {
    const lineEnd = section.indexOf('\n');
    const [name = '', verdict = '', answer = ''] = section
      .slice(0, lineEnd)
      .split('|')
      .map((part) => part.trim());
    const text = section
      .slice(lineEnd + 1)
      .replaceAll('{LONG}', 'long'.repeat(60))
      .replaceAll('{NUL}', '\0')
      .replaceAll('\n', '\r\n');
    const length = Buffer.byteLength(text.slice(text.indexOf('\r\n\r\n') + 4));
    return { name, verdict, answer, bytes: Buffer.from(text.replace('{LENGTH}', String(length))) };
  });
}

function verdictOf(bytes: Buffer): string {
  const result = parseDatagram(bytes);
  return result.ok ? 'ok' : result.answer ? String(result.answer.code) : 'drop';
}

describe('RFC 4475', () => {
  const all = vectors();
  it('has its 49 messages here', () => assert.equal(all.length, 49));

  for (const { name, verdict, answer, bytes } of all) {
    it(`${name}: ${verdict}, answered ${answer}`, () => {
      assert.equal(verdictOf(bytes), verdict);
      const network = new FakeNetwork();
      const clock = new ManualClock();
      new UserAgent(
        network,
        'test',
        { onInvite: (invitation) => invitation.refuse(404, 'Not Found') },
        clock,
        silentLogger,
      );
      network.deliver(bytes);
      const final = network.responses.find((response) => response.status >= 200);
      assert.equal(final ? String(final.status) : '-', answer);
      clock.advance(64_000);
      assert.equal(clock.pending, 0);
    });
  }
});
