/** /numbers: create, replace, show, list, forget; `*` and an encoded plus in the path. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { numberPage, numberResource } from '../../api/schemas/number.ts';
import { createDestinationGuard } from '../../shared/net/destination.ts';
import { type ApiFixture, startApiFixture } from '../support/api-fixture.ts';

const voiceUrl = 'https://app.example/voice';

let fixture: ApiFixture;
before(async () => {
  fixture = await startApiFixture();
});
after(() => fixture.stop());

describe('numbers', () => {
  it('are created, replaced, shown and forgotten', async () => {
    const created = await fixture.api.put('/numbers/%2B15550123').send({ voiceUrl }).expect(201);
    assert.deepEqual(numberResource.parse(created.body), {
      number: '+15550123',
      voiceUrl,
      voiceMethod: 'GET',
      voiceFallbackUrl: null,
      twiml: null,
      statusCallback: null,
      dialect: 'pivot',
    });
    assert.equal(created.get('location'), '/numbers/%2B15550123');
    const twiml = '<Response><Hangup/></Response>';
    const replaced = await fixture.api.put('/numbers/%2B15550123').send({ twiml, dialect: 'twilio' }).expect(200);
    assert.equal(replaced.body.voiceUrl, null);
    assert.equal(replaced.body.voiceMethod, 'POST');
    const shown = await fixture.api.get('/numbers/+15550123').expect(200);
    assert.deepEqual(shown.body, replaced.body);
    await fixture.api.put('/numbers/%2B15550123').send(shown.body).expect(200);
    await fixture.api.delete('/numbers/%2B15550123').expect(204);
    const gone = await fixture.api.get('/numbers/%2B15550123').expect(404);
    assert.equal(gone.body.code, 'number_not_found');
    await fixture.api.delete('/numbers/%2B15550123').expect(404);
  });

  it('has a default', async () => {
    await fixture.api.put('/numbers/*').send({ voiceUrl }).expect(201);
    assert.equal((await fixture.api.get('/numbers/*').expect(200)).body.number, '*');
    await fixture.api.delete('/numbers/*').expect(204);
  });

  it('are listed in pages, all of them once', async () => {
    for (const number of ['100', '101', '102', '103', '104']) {
      await fixture.api.put(`/numbers/${number}`).send({ voiceUrl }).expect(201);
    }
    const seen: string[] = [];
    let path = '/numbers?limit=2';
    for (let pages = 0; pages < 4 && path !== ''; pages += 1) {
      const page = numberPage.parse((await fixture.api.get(path).expect(200)).body);
      assert.ok(page.items.length <= 2);
      seen.push(...page.items.map((number) => number.number));
      path = page.nextCursor === null ? '' : `/numbers?limit=2&cursor=${encodeURIComponent(page.nextCursor)}`;
    }
    assert.deepEqual(seen.sort(), ['100', '101', '102', '103', '104']);
  });

  it('refuse what is wrong', async () => {
    for (const body of [
      {},
      { voiceUrl, twiml: '<Response/>' },
      { voiceUrl: 'x' },
      { voiceUrl, a: 1 },
      { voiceUrl: null },
    ]) {
      await fixture.api.put('/numbers/1').send(body).expect(422);
    }
    await fixture.api.put('/numbers/1').send({ voiceUrl, number: '2' }).expect(422);
    await fixture.api.put('/numbers/a%20b').send({ voiceUrl }).expect(422);
    await fixture.api.get('/numbers?limit=0').expect(422);
    const { api } = fixture.another({ guard: createDestinationGuard({ allowPrivate: false }) });
    await api.put('/numbers/1').send({ voiceUrl: 'http://192.168.1.1/' }).expect(403);
    await fixture.api.get('/numbers/1').expect(404);
  });
});
