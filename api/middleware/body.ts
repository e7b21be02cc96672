/** Reads JSON bodies: 415 for anything else, 413 above the bound, 400 `bad_json` for what does not parse. */
import express, { type RequestHandler } from 'express';
import { ApiProblem } from '../problem.ts';

/** Room for a document of 64 kB in which every character is escaped. */
export const BODY_LIMIT_BYTES = 512 * 1024;

const parse = express.json({ limit: BODY_LIMIT_BYTES, strict: false, type: () => true });

export const jsonBody: RequestHandler = (request, response, next) => {
  const empty = request.headers['content-length'] === '0' || !hasBody(request.headers);
  if (empty) {
    next();
    return;
  }
  if (!/^application\/(?:[\w.+-]+\+)?json *(?:;|$)/i.test(request.get('content-type') ?? '')) {
    throw new ApiProblem('unsupported_media_type', 'Send Content-Type: application/json.');
  }
  parse(request, response, next);
};

const hasBody = (headers: { 'content-length'?: string | undefined; 'transfer-encoding'?: string | undefined }) =>
  headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
