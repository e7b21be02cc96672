/** What every route has in common: credentials, bodies, unknown routes, rate, Redis away, health. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Express } from 'express';
import supertest from 'supertest';
import { endpoints } from '../../api/routes/all.ts';
import { readiness } from '../../api/routes/health.ts';
import { problemResource } from '../../api/schemas/problem.ts';
import { isTwilioPath } from '../../api/twilio/errors.ts';
import { twilioErrorResource } from '../../api/twilio/schemas.ts';
import type { GatewayId } from '../../shared/kernel/ids.ts';
import {
  ACCOUNT_SID,
  type ApiFixture,
  AUTH_TOKEN,
  OWNER,
  requests,
  settings,
  startApiFixture,
} from '../support/api-fixture.ts';

let fixture: ApiFixture;
before(async () => {
  fixture = await startApiFixture();
});
after(() => fixture.stop());

const filled = (path: string): string =>
  path
    .replace(':sid', `CA${'0'.repeat(32)}`)
    .replace(':name', 'x')
    .replace(':number', '1');

describe('credentials', () => {
  for (const { method, path, isPublic } of endpoints) {
    it(`${isPublic ? 'are not needed' : 'are needed'} for ${method.toUpperCase()} ${path}`, async () => {
      const answer = await supertest(fixture.app)[method](filled(path));
      if (isPublic) {
        assert.notEqual(answer.status, 401);
        return;
      }
      assert.equal(answer.status, 401);
      assert.match(answer.get('www-authenticate') ?? '', /^Basic realm=/);
      if (isTwilioPath(path)) {
        assert.equal(twilioErrorResource.parse(answer.body).code, 20003);
        return;
      }
      const problem = problemResource.parse(answer.body);
      assert.equal(problem.code, 'unauthorized');
      assert.match(problem.detail, /ACCOUNT_SID:AUTH_TOKEN/);
    });
  }

  it('are needed for the pages and for routes that do not exist', async () => {
    await supertest(fixture.app).get('/docs/').expect(401);
    await supertest(fixture.app).get('/nowhere').expect(401);
  });

  const wrong: [string, string][] = [
    [ACCOUNT_SID, 'another token'],
    [`AC${'0'.repeat(32)}`, AUTH_TOKEN],
    ['', ''],
    [ACCOUNT_SID, `${AUTH_TOKEN}x`],
  ];
  for (const [user, password] of wrong) {
    it(`AC-63: are not ${user.slice(0, 4)}:${password.length} characters`, async () => {
      await supertest(fixture.app).get('/calls').auth(user, password).expect(401);
    });
  }

  it('are not a bearer token, nor half of a pair', async () => {
    await supertest(fixture.app).get('/calls').set('Authorization', 'Bearer x').expect(401);
    await supertest(fixture.app).get('/calls').set('Authorization', 'Basic %%%').expect(401);
  });
});

describe('bodies', () => {
  const json = 'application/json';
  it('that do not parse are bad_json', async () => {
    for (const text of ['{"to":', '{to:1}', '\u0000']) {
      const answer = await fixture.api.post('/calls').set('Content-Type', json).send(text).expect(400);
      assert.equal(problemResource.parse(answer.body).code, 'bad_json');
    }
  });

  it('that are no object are invalid', async () => {
    for (const text of ['1', 'null', '"x"', '[]']) {
      const answer = await fixture.api.post('/calls').set('Content-Type', json).send(text).expect(422);
      assert.equal(problemResource.parse(answer.body).code, 'invalid');
    }
  });

  it('that are missing are invalid', async () => {
    await fixture.api.post('/calls').expect(422);
  });

  it('of another type are refused', async () => {
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/xml', 'text/json']) {
      const answer = await fixture.api.post('/calls').set('Content-Type', type).send('to=1').expect(415);
      assert.equal(problemResource.parse(answer.body).code, 'unsupported_media_type');
    }
    const coded = fixture.api.post('/calls').set('Content-Type', json).set('Content-Encoding', 'rot13').send('{}');
    await coded.expect(415);
  });

  it('that are too large are refused', async () => {
    const answer = await fixture.api
      .post('/calls')
      .send({ to: 'x'.repeat(600_000) })
      .expect(413);
    assert.equal(problemResource.parse(answer.body).code, 'too_large');
  });
});

describe('routes', () => {
  it('that do not exist are route_not_found', async () => {
    for (const path of ['/call', '/calls/x/y']) {
      const answer = await fixture.api.get(path).expect(404);
      assert.equal(problemResource.parse(answer.body).code, 'route_not_found');
    }
  });

  it("of Twilio's API say where calls are made", async () => {
    const answer = await fixture.api.post(`/2010-04-01/Accounts/${ACCOUNT_SID}/Calls.json`).expect(404);
    assert.equal(twilioErrorResource.parse(answer.body).code, 20404);
    assert.match(answer.body.message, /only POST of a call's Streams is there; POST \/calls places a call/);
  });

  it('begin at the documentation', async () => {
    const answer = await fixture.api.get('/').expect(302);
    assert.equal(answer.get('location'), '/console');
  });

  it('answer JSON that ends with its line', async () => {
    for (const path of ['/calls', '/nowhere', '/healthz']) {
      const answer = await fixture.api.get(path);
      assert.match(answer.text, /\}\n$/);
      assert.match(answer.get('content-type') ?? '', /^application\/(problem\+)?json; charset=utf-8$/);
    }
  });

  it('that cannot be decoded are bad_request', async () => {
    const answer = await fixture.api.get('/calls/%E0%A4%A').expect(400);
    assert.equal(problemResource.parse(answer.body).code, 'bad_request');
  });

  it('say which methods they take', async () => {
    const answer = await fixture.api.delete('/calls').expect(405);
    assert.equal(problemResource.parse(answer.body).code, 'method_not_allowed');
    assert.equal(answer.get('allow'), 'POST, GET, HEAD, OPTIONS');
    await fixture.api.post('/healthz').expect(405);
    const options = await fixture.api.options('/numbers/1').expect(204);
    assert.equal(options.get('allow'), 'PUT, GET, DELETE, HEAD, OPTIONS');
  });

  it('answer with the id of the request', async () => {
    const own = await fixture.api.get('/nowhere').set('X-Request-Id', 'mine-1');
    assert.equal(own.get('x-request-id'), 'mine-1');
    assert.equal(own.body.requestId, 'mine-1');
    const drawn = await fixture.api.get('/nowhere').set('X-Request-Id', 'not sane!');
    assert.match(drawn.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
  });

  it('are problem+json when they fail and carry security headers', async () => {
    const answer = await fixture.api.get('/nowhere');
    assert.match(answer.get('content-type') ?? '', /^application\/problem\+json/);
    assert.equal(answer.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.get('x-powered-by'), undefined);
  });

  it('tell nothing of a bug but that it is ours', async () => {
    const { api } = fixture.another({
      store: {
        ...fixture.store,
        numbers: { ...fixture.store.numbers, get: () => Promise.reject(new Error('secret')) },
      },
    });
    const answer = await api.get('/numbers/1').expect(500);
    assert.equal(problemResource.parse(answer.body).code, 'internal');
    assert.ok(!answer.text.includes('secret'));
  });
});

describe('the address outside', () => {
  it('is where Location and the description lead', async () => {
    const PUBLIC_URL = 'https://voice.example/api/';
    const api = requests(fixture.another({ settings: { ...settings, PUBLIC_URL } }).app);
    const created = await api.put('/numbers/77').send({ twiml: '<Response/>' }).expect(201);
    assert.equal(created.get('location'), 'https://voice.example/api/numbers/77');
    assert.deepEqual((await api.get('/openapi.json').expect(200)).body.servers, [{ url: PUBLIC_URL }]);
  });
});

describe('rate', () => {
  it('is bounded, and says when to come again', async () => {
    const { app } = fixture.another({ settings: { ...settings, RATE_LIMIT: 3 } });
    const api = requests(app);
    for (let at = 0; at < 3; at += 1) await api.get('/numbers').expect(200);
    const answer = await api.get('/numbers').expect(429);
    assert.equal(problemResource.parse(answer.body).code, 'rate_limited');
    assert.ok(Number(answer.get('retry-after')) > 0);
    await supertest(app).get('/healthz').expect(200);
  });

  it('counts the clients behind a proxy that is trusted one by one, and nobody by what he says of himself', async () => {
    const RATE_LIMIT = 1;
    const from = (app: Express, address: string) => requests(app).get('/numbers').set('X-Forwarded-For', address);
    const { app } = fixture.another({ settings: { ...settings, RATE_LIMIT, TRUST_PROXY: ['127.0.0.1', '::1'] } });
    await from(app, '192.0.2.1').expect(200);
    await from(app, '192.0.2.2').expect(200);
    await from(app, '192.0.2.1').expect(429);
    await from(app, '198.51.100.9, 192.0.2.2').expect(429);
    const open = fixture.another({ settings: { ...settings, RATE_LIMIT } }).app;
    await from(open, '192.0.2.1').expect(200);
    await from(open, '192.0.2.2').expect(429);
  });

  it('also counts those who guess', async () => {
    const { app } = fixture.another({ settings: { ...settings, RATE_LIMIT: 2 } });
    for (let at = 0; at < 2; at += 1) await supertest(app).get('/calls').auth('AC', 'x').expect(401);
    await supertest(app).get('/calls').auth('AC', 'x').expect(429);
  });
});

describe('health', () => {
  it('is ready only with a worker that takes calls and a gateway', async () => {
    const { presence } = fixture.store;
    const gateway = 'test' as GatewayId;
    const look = async (status: number) =>
      readiness.parse((await supertest(fixture.app).get('/readyz').expect(status)).body);
    assert.equal((await look(503)).redis.ok, true);
    await presence.announceOwner(OWNER, { calls: 2, capacity: 10, draining: false });
    assert.equal((await look(503)).gateways.ok, false);
    await presence.announceGateway(gateway, { address: '127.0.0.1:5060' });
    assert.deepEqual((await look(200)).workers, { ok: true, threads: 1, calls: 2, capacity: 10 });
    await presence.announceOwner(OWNER, { calls: 2, capacity: 10, draining: true });
    assert.equal((await look(503)).workers.ok, false);
    await presence.withdrawOwner(OWNER);
    await presence.withdrawGateway(gateway);
  });
});

/** Asks again until it is so; the connection comes back by itself, within its pause of two seconds. */
async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 15_000;
  while (!(await isSo())) {
    assert.ok(Date.now() < until, 'not so within 15 s');
    await wait(20);
  }
}

describe('Redis away', () => {
  it('is said at once, and everything goes on when it is back', async () => {
    await fixture.redis.down();
    try {
      for (const path of ['/calls', '/numbers', `/calls/CA${'0'.repeat(32)}`]) {
        const answer = await fixture.api.get(path).expect(503);
        assert.equal(problemResource.parse(answer.body).code, 'redis_unavailable');
        assert.ok(Number(answer.get('retry-after')) > 0);
      }
      const body = { to: '+15550100', from: '+15550101', twiml: '<Response/>' };
      await fixture.api.post('/calls').send(body).expect(503);
      await supertest(fixture.app).get('/healthz').expect(200);
      assert.equal((await supertest(fixture.app).get('/readyz').expect(503)).body.redis.ok, false);
    } finally {
      await fixture.redis.up();
    }
    await eventually(async () => (await fixture.api.get('/numbers')).status === 200);
  });
});
