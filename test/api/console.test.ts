/** The console's files: behind the credentials, whole, and under a policy that lets nothing foreign in. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import supertest from 'supertest';
import { type ApiFixture, startApiFixture } from '../support/api-fixture.ts';

let fixture: ApiFixture;
before(async () => {
  fixture = await startApiFixture();
});
after(() => fixture.stop());

describe('/console', () => {
  it('needs the credentials, for each of its files', async () => {
    for (const path of ['/console', '/console/console.mjs', '/console/console.css'])
      await supertest(fixture.app)
        .get(path)
        .expect(401)
        .expect('WWW-Authenticate', /^Basic /);
  });

  it('loads only itself, nothing inline, nothing from elsewhere', async () => {
    const { text, headers } = await fixture.api
      .get('/console')
      .expect(200)
      .expect('Content-Type', /^text\/html/);
    assert.match(headers['content-security-policy'] ?? '', /default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.doesNotMatch(headers['content-security-policy'] ?? '', /unsafe|\*|https?:/);
    assert.doesNotMatch(text, /<script(?![^>]* src=)|<style| style=| on\w+=|https?:\/\//);
    assert.equal(headers['x-content-type-options'], 'nosniff');
  });

  it('gives out all that its files name', async () => {
    const types: Readonly<Record<string, RegExp>> = { mjs: /javascript/, css: /css/, svg: /svg/ };
    const { text } = await fixture.api.get('/console');
    const named = new Set([...text.matchAll(/"\/console\/([\w.]+)"/g)].map(([, name = '']) => name));
    for (const name of named) {
      const answer = await fixture.api.get(`/console/${name}`).buffer(true).expect(200);
      assert.match(answer.headers['content-type'] ?? '', types[name.split('.').at(-1) ?? ''] ?? /none/, name);
      for (const [, imported = ''] of (answer.text ?? '').matchAll(/from '\.\/([\w.]+)'/g)) named.add(imported);
    }
    assert.ok(named.size > 8, [...named].join(' '));
    await fixture.api.get('/console/pages.ts').expect(404);
    await fixture.api.get('/console/..%2fmain.ts').expect(404);
  });

  it('is where a visitor of / is sent', async () => {
    await fixture.api.get('/').expect(302).expect('Location', '/console');
  });
});
