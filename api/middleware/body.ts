/** Reads bodies, JSON, XML as text or forms: 415 for another type, 413 above the bound, 400 `bad_json` for what does not parse. */
import express, { type RequestHandler } from 'express';
import type { BodyType } from '../endpoint.ts';
import { ApiProblem } from '../problem.ts';

/** Room for a document of 64 kB in which every character is escaped. */
export const BODY_LIMIT_BYTES = 512 * 1024;

/** More fields than any form of ours has. */
const FORM_FIELDS = 1000;

interface Reader {
  readonly types: RegExp;
  readonly named: string;
  readonly read: RequestHandler;
}

const readers: Readonly<Record<BodyType, Reader>> = {
  json: {
    types: /^application\/(?:[\w.+-]+\+)?json *(?:;|$)/i,
    named: 'application/json',
    read: express.json({ limit: BODY_LIMIT_BYTES, strict: false, type: () => true }),
  },
  xml: {
    types: /^(?:text|application)\/xml *(?:;|$)/i,
    named: 'application/xml or text/xml',
    read: express.text({ limit: BODY_LIMIT_BYTES, type: () => true }),
  },
  form: {
    types: /^application\/x-www-form-urlencoded *(?:;|$)/i,
    named: 'application/x-www-form-urlencoded',
    read: readForm,
  },
};

const urlencoded = express.urlencoded({
  extended: false,
  limit: BODY_LIMIT_BYTES,
  parameterLimit: FORM_FIELDS,
  type: () => true,
});

/** Of a field that came several times the last counts; an empty one is as good as none. */
function readForm(...[request, response, next]: Parameters<RequestHandler>): void {
  urlencoded(request, response, (error?: unknown) => {
    if (error !== undefined) {
      next(error);
      return;
    }
    const fields = Object.entries<unknown>(request.body ?? {});
    request.body = Object.fromEntries(
      fields
        .map(([name, value]) => [name, Array.isArray(value) ? value.at(-1) : value])
        .filter(([, value]) => value !== ''),
    );
    next();
  });
}

export function bodyReader(type: BodyType): RequestHandler {
  const { types, named, read } = readers[type];
  return (request, response, next) => {
    const empty = request.headers['content-length'] === '0' || !hasBody(request.headers);
    if (empty) {
      next();
      return;
    }
    if (!types.test(request.get('content-type') ?? '')) {
      throw new ApiProblem('unsupported_media_type', `Send Content-Type: ${named}.`);
    }
    read(request, response, next);
  };
}

const hasBody = (headers: { 'content-length'?: string | undefined; 'transfer-encoding'?: string | undefined }) =>
  headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
