/** Inline documents are looked at before anything is written; /documents/validate only looks. With the real parser process. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createdCall } from '../../api/schemas/call.ts';
import { verdict } from '../../api/schemas/document.ts';
import { problemResource } from '../../api/schemas/problem.ts';
import type { Parsed, TwimlParser } from '../../shared/twiml/parser.ts';
import { twimlParser } from '../../shared/twiml/twiml-parser.ts';
import { openXmlChild, type XmlChild } from '../../shared/twiml/xml-child.ts';
import { type ApiFixture, type Requests, startApiFixture } from '../support/api-fixture.ts';
import { ManualClock } from '../support/clock.ts';

const say = '<Response><Say>Hello.</Say></Response>';
const numbers = { to: '+15550100', from: '+15550101' };

/** What must never be run, each with the code and the place the answer names. */
const hostile: Record<string, { readonly source: string; readonly says: RegExp; readonly code: string }> = {
  'an unclosed tag': { source: '<Response>\n<Say>Hi</Response>', says: /^line 2: /, code: '12100' },
  'no XML at all': { source: 'Hello', says: /./, code: '12100' },
  'another root': { source: '\n\n<Foo/>', says: /^Foo, line 3: the root element is Foo/, code: '12102' },
  'a document type': {
    source: `<!DOCTYPE Response>\n${say}`,
    says: /^line 1: <!DOCTYPE> is not allowed/,
    code: '12100',
  },
  'an entity that grows': {
    source: `<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>\n<Response><Say>&b;</Say></Response>`,
    says: /is not allowed/,
    code: '12100',
  },
  'an entity that reads a file': {
    source: `<?xml version="1.0"?>\n<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<Response><Say>&x;</Say></Response>`,
    says: /^line 2: /,
    code: '12100',
  },
  'an entity nobody defined': { source: '<Response><Say>&nope;</Say></Response>', says: /nope/, code: '12100' },
  'a NUL': { source: '<Response><Say>a\0b</Say></Response>', says: /NUL/, code: '12100' },
  'ten thousand levels': { source: '<a>'.repeat(10_000) + '</a>'.repeat(5), says: /./, code: '12100' },
  'two roots': { source: `${say}${say}`, says: /line 1: /, code: '12100' },
};

let fixture: ApiFixture;
let child: XmlChild;
let parser: TwimlParser;
let api: Requests;
before(async () => {
  fixture = await startApiFixture();
  child = openXmlChild();
  parser = twimlParser(child);
  api = fixture.another({ parser }).api;
  // The first document starts the process, which may take longer than the API waits on a busy machine.
  await parser.parse(say, { dialect: 'pivot', baseUrl: null });
});
after(async () => {
  await parser.close();
  await fixture.stop();
});
beforeEach(() => {
  fixture.queue.added.length = 0;
});

/** The mistakes a refused document is answered with. */
async function refusal(request: Promise<{ status: number; body: unknown }>) {
  const { status, body } = await request;
  const problem = problemResource.parse(body);
  assert.equal(status, 422, problem.detail);
  assert.equal(problem.code, 'twiml_invalid');
  for (const { path } of problem.errors) assert.equal(path, 'twiml');
  return problem.errors;
}

describe('an inline document with errors', () => {
  for (const [what, { source, says, code }] of Object.entries(hostile)) {
    it(`is refused with its place: ${what}`, async () => {
      const [error] = await refusal(api.post('/calls').send({ ...numbers, twiml: source }));
      assert.match(error?.message ?? '', says);
      assert.equal(error?.code, code);
      assert.deepEqual(fixture.queue.added, []);
    });
  }

  it('is refused for a live call too, which hears nothing of it', async () => {
    const call = await fixture.call('in-progress');
    await refusal(api.post(`/calls/${call.sid}`).send({ twiml: '<Respond/>' }));
    assert.deepEqual(await fixture.store.mailbox.readForCall(call.sid, call.epoch), []);
    await api.post(`/calls/${call.sid}`).send({ twiml: say }).expect(200);
  });

  it('matters less than that the call is not there', async () => {
    const ended = await fixture.call('completed');
    await api.post(`/calls/${ended.sid}`).send({ twiml: '<Respond/>' }).expect(410);
  });

  it('is refused for a number, which stays as it was', async () => {
    await api.put('/numbers/77').send({ twiml: say }).expect(201);
    await refusal(api.put('/numbers/77').send({ twiml: '<Respond/>' }));
    assert.equal((await api.get('/numbers/77').expect(200)).body.twiml, say);
  });
});

describe('an inline document with warnings', () => {
  it('has them told with the call that will run it, and again when it is asked for again', async () => {
    const twiml = '<Response><Dance/>\n<Say loop="x">Hi</Say></Response>';
    const created = () =>
      api
        .post('/calls')
        .set('Idempotency-Key', 'with-warnings')
        .send({ ...numbers, twiml })
        .expect(201);
    for (const { body } of [await created(), await created()]) {
      const { warnings = [] } = createdCall.parse(body);
      assert.deepEqual(
        warnings.map(({ severity, code, element, line }) => [severity, code, element, line]),
        [
          ['warning', 12_200, 'Dance', 1],
          ['warning', 13_510, 'Say', 2],
        ],
      );
      const { sid } = body;
      assert.ok(!('warnings' in (await api.get(`/calls/${sid}`).expect(200)).body));
    }
  });

  it('that has none says nothing of it', async () => {
    const { body } = await api
      .post('/calls')
      .send({ ...numbers, twiml: say })
      .expect(201);
    assert.ok(!('warnings' in body));
  });

  it('is taken: what cannot run is skipped, what is wrong has a default', async () => {
    for (const twiml of [
      '<Response><Dance/></Response>',
      '<Response><Say loop="x">Hi</Say></Response>',
      '<Response/>',
      '<Response><Connect><Stream url="nowhere"/></Connect></Response>',
    ]) {
      await api
        .post('/calls')
        .send({ ...numbers, twiml })
        .expect(201);
    }
    assert.equal(fixture.queue.added.length, 4);
  });
});

describe('a parser that cannot answer', () => {
  const silent: TwimlParser = { parse: () => new Promise<Parsed>(() => {}), close: async () => {} };

  it('refuses nothing: the worker will judge', async () => {
    const closed = openXmlChild();
    await closed.close();
    const broken: TwimlParser = { parse: () => Promise.reject(new Error('broken')), close: async () => {} };
    for (const away of [twimlParser(closed), broken]) {
      const other = fixture.another({ parser: away });
      await other.api
        .post('/calls')
        .send({ ...numbers, twiml: '<Respond/>' })
        .expect(201);
      const { body } = await other.api.post('/documents/validate').type('xml').send(say).expect(503);
      assert.equal(body.code, 'parser_unavailable');
    }
    assert.equal(fixture.queue.added.length, 2);
  });

  it('is waited for a bounded time', async () => {
    const clock = new ManualClock();
    const late = fixture.another({ clock, parser: silent });
    const asked = late.api.post('/documents/validate').type('xml').send(say);
    const answered = new Promise<number>((resolve) => asked.end((_error, answer) => resolve(answer.status)));
    while (clock.pending < 2) await new Promise(setImmediate);
    clock.advance(3000);
    assert.equal(await answered, 503);
  });

  it('is replaced: the next document is judged', async () => {
    const { pid } = child;
    assert.ok(pid !== null);
    process.kill(pid, 'SIGKILL');
    while (child.pid === pid) await new Promise(setImmediate);
    await parser.parse(say, { dialect: 'pivot', baseUrl: null });
    await refusal(api.post('/calls').send({ ...numbers, twiml: '<Respond/>' }));
  });
});

describe('POST /documents/validate', () => {
  const validate = async (source: string, query = '', type = 'application/xml') => {
    const answer = await api.post(`/documents/validate${query}`).set('Content-Type', type).send(source).expect(200);
    return verdict.parse(answer.body);
  };

  it('finds nothing in a good document, of either type', async () => {
    assert.deepEqual(await validate(say), { valid: true, problems: [] });
    assert.deepEqual(await validate(say, '', 'text/xml; charset=utf-8'), { valid: true, problems: [] });
  });

  it('names each problem with its place', async () => {
    const found = await validate('<Response>\n <Dance/>\n <Say loop="x">Hi</Say>\n</Response>');
    assert.equal(found.valid, true);
    assert.deepEqual(
      found.problems.map(({ severity, code, element, attribute, line }) => [severity, code, element, attribute, line]),
      [
        ['warning', 12_200, 'Dance', null, 2],
        ['warning', 13_510, 'Say', 'loop', 3],
      ],
    );
  });

  it('finds every hostile document invalid', async () => {
    for (const [what, { source, code }] of Object.entries(hostile)) {
      const found = await validate(source);
      assert.equal(found.valid, false, what);
      assert.equal(String(found.problems[0]?.code), code, what);
    }
    const large = await validate(`<Response><Say>${'a'.repeat(70_000)}</Say></Response>`);
    assert.equal(large.problems[0]?.code, 11_750);
  });

  it('reads by dialect and address', async () => {
    const source = '<Response><Redirect>/next</Redirect><Say terminators="1">Hi</Say></Response>';
    const elements = async (query: string) => (await validate(source, query)).problems.map(({ element }) => element);
    assert.deepEqual(await elements('?baseUrl=https://app.example/voice'), []);
    assert.deepEqual(await elements('?baseUrl=https://app.example/voice&dialect=twilio'), ['Say']);
    assert.deepEqual(await elements(''), ['Redirect']);
  });

  it('refuses what is no document at all', async () => {
    await api.post('/documents/validate').send({ twiml: say }).expect(415);
    await api.post('/documents/validate').type('xml').expect(422);
    await api.post('/documents/validate').type('xml').send('a'.repeat(600_000)).expect(413);
    await api.post('/documents/validate?dialect=german').type('xml').send(say).expect(422);
    await api.get('/documents/validate').expect(405);
  });
});

describe('a trunk', () => {
  it('must be one there is, where the names are known', async () => {
    const { api: strict } = fixture.another({ trunks: new Set(['carrier']) });
    const body = { ...numbers, url: 'https://app.example/voice' };
    const refused = await strict
      .post('/calls')
      .send({ ...body, trunk: 'carier' })
      .expect(422);
    assert.deepEqual(problemResource.parse(refused.body).errors, [
      { path: 'trunk', code: 'unknown_trunk', message: 'no trunk has this name' },
    ]);
    await strict
      .post('/calls')
      .send({ ...body, trunk: 'carrier' })
      .expect(201);
    await strict.post('/calls').send(body).expect(201);
  });
});
