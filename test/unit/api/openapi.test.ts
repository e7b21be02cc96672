/** The OpenAPI document: complete, closed in itself, and of one mind with the endpoints. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openApiDocument } from '../../../api/openapi/document.ts';
import { problems } from '../../../api/problem.ts';
import { endpoints } from '../../../api/routes/all.ts';
import { twilioErrors } from '../../../api/twilio/errors.ts';

const document = openApiDocument();

/** All routes there are. */
const contract = [
  'POST /calls',
  'GET /calls',
  'GET /calls/{sid}',
  'POST /calls/{sid}',
  'GET /calls/{sid}/events',
  'PUT /calls/{sid}/streams/{name}',
  'POST /calls/{sid}/streams/{name}',
  'GET /calls/{sid}/streams',
  'GET /calls/{sid}/streams/{name}',
  'PATCH /calls/{sid}/streams/{name}',
  'DELETE /calls/{sid}/streams/{name}',
  'POST /calls/{sid}/digits',
  'GET /numbers',
  'PUT /numbers/{number}',
  'GET /numbers/{number}',
  'DELETE /numbers/{number}',
  'POST /documents/validate',
  'POST /2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Streams.json',
  'POST /2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Streams/{Sid}.json',
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
  'GET /metrics/targets',
  'GET /openapi.json',
];

const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, path, operation })),
);

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 and plain JSON', () => {
    assert.equal(document.openapi, '3.1.0');
    assert.ok(document.info.title);
    assert.deepEqual(JSON.parse(JSON.stringify(document)), document);
  });

  it('has every route of the contract and every one that is mounted', () => {
    assert.deepEqual(operations.map(({ name }) => name).sort(), [...contract].sort());
    assert.equal(operations.length, endpoints.length);
  });

  it('names each operation once and declares the parameters of its path', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    assert.equal(new Set(ids).size, ids.length, ids.join(' '));
    for (const { name, path, operation } of operations) {
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
      const declared = (operation.parameters ?? []).filter((parameter: { in: string }) => parameter.in === 'path');
      assert.deepEqual(declared.map((parameter: { name: string }) => parameter.name).sort(), wanted, name);
      assert.ok(Object.keys(operation.responses).length > 0, name);
    }
  });

  it('points only to what is in it', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    const schemas = Object.keys(document.components?.schemas ?? {});
    assert.ok(references.length > 0);
    for (const [, name] of references) assert.ok(schemas.includes(name ?? ''), name);
  });

  it('refuses unknown fields where the server does', () => {
    for (const name of ['CreateCall', 'ChangeCall', 'StartStream', 'ChangeStream', 'PutNumber', 'PressDigits']) {
      const schema: unknown = document.components?.schemas?.[name];
      assert.ok(schema !== null && typeof schema === 'object' && 'additionalProperties' in schema, name);
      assert.equal(schema.additionalProperties, false, name);
    }
  });

  it('tells each problem an endpoint may answer', () => {
    for (const endpoint of endpoints) {
      const path = endpoint.path.replace(/:(\w+)/g, '{$1}');
      const found = operations.find(({ name }) => name === `${endpoint.method.toUpperCase()} ${path}`);
      for (const code of endpoint.problems) {
        const isTwilios = path.startsWith('/2010-04-01/');
        const { status } = (isTwilios ? twilioErrors : problems)[code];
        const told = found?.operation.responses[String(status)];
        assert.ok(told.description.includes(isTwilios ? twilioErrors[code].code : code), `${path} ${code}`);
      }
    }
  });
});
