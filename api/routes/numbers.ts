/** /numbers: the addresses we answer, each with its document; `*` answers what no other does. */

import type { ApiDeps } from '../deps.ts';
import { type Answer, type Asked, decode, type Endpoint, endpoint, invalid } from '../endpoint.ts';
import { ApiProblem } from '../problem.ts';
import { listNumbers, numberKey, numberPage, numberResource, putNumber } from '../schemas/number.ts';
import { z } from '../schemas/zod.ts';
import { viewNumber } from '../views/number.ts';
import { checkDestinations } from './destinations.ts';
import { checkDocument } from './judge.ts';
import { documentMethod } from './new-call.ts';

const keyOf = (params: Readonly<Record<string, string>>): string =>
  decode(z.object({ number: numberKey }), params).number;

const noNumber = (): ApiProblem => new ApiProblem('number_not_found', 'This number is not set up.');

const getNumbers = endpoint({
  method: 'get',
  path: '/numbers',
  tag: 'Numbers',
  summary: 'Lists numbers.',
  query: listNumbers,
  answers: { 200: { description: 'A page of numbers.', schema: numberPage } },
  problems: ['invalid'],
  handle: async ({ query }, deps) => {
    const page = await deps.store.numbers.list(query.limit, query.cursor ?? null);
    return { status: 200, body: { items: page.items.map(viewNumber), nextCursor: page.nextCursor } };
  },
});

const putOne = endpoint({
  method: 'put',
  path: '/numbers/:number',
  tag: 'Numbers',
  summary: 'Sets what a number does when it is called.',
  body: putNumber,
  answers: {
    200: { description: 'The number, replaced.', schema: numberResource },
    201: { description: 'The number, new.', schema: numberResource },
  },
  problems: ['invalid', 'twiml_invalid', 'destination_forbidden'],
  handle: put,
});

async function put({ params, body }: Asked<z.output<typeof putNumber>, unknown>, deps: ApiDeps): Promise<Answer> {
  const number = keyOf(params);
  if (body.number !== undefined && body.number !== number) {
    throw invalid([{ path: 'number', code: 'custom', message: 'not the number of the path' }]);
  }
  const { voiceUrl, voiceFallbackUrl, statusCallback } = body;
  await checkDestinations(deps, { voiceUrl, voiceFallbackUrl, statusCallback });
  const dialect = body.dialect ?? deps.settings.DIALECT;
  await checkDocument(deps, body.twiml, dialect);
  const record = {
    number,
    voiceUrl: voiceUrl ?? null,
    voiceMethod: body.voiceMethod ?? documentMethod(dialect),
    voiceFallbackUrl: voiceFallbackUrl ?? null,
    twiml: body.twiml ?? null,
    statusCallback: statusCallback ?? null,
    dialect,
  };
  const done = await deps.store.numbers.put(record);
  if (done === 'replaced') return { status: 200, body: viewNumber(record) };
  return { status: 201, body: viewNumber(record), headers: { Location: `/numbers/${encodeURIComponent(number)}` } };
}

const getOne = endpoint({
  method: 'get',
  path: '/numbers/:number',
  tag: 'Numbers',
  summary: 'Shows a number.',
  answers: { 200: { description: 'The number.', schema: numberResource } },
  problems: ['invalid', 'number_not_found'],
  handle: async ({ params }, deps) => {
    const number = await deps.store.numbers.get(keyOf(params));
    if (number === null) throw noNumber();
    return { status: 200, body: viewNumber(number) };
  },
});

const deleteOne = endpoint({
  method: 'delete',
  path: '/numbers/:number',
  tag: 'Numbers',
  summary: 'Forgets a number.',
  answers: { 204: { description: 'It is gone.' } },
  problems: ['invalid', 'number_not_found'],
  handle: async ({ params }, deps) => {
    if (!(await deps.store.numbers.remove(keyOf(params)))) throw noNumber();
    return { status: 204 };
  },
});

export const numberEndpoints: readonly Endpoint[] = [getNumbers, putOne, getOne, deleteOne];
