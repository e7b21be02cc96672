/** The receiver completes the top Via of a request with where it came from (RFC 3261 §18.2.1, RFC 3581 §4). */
import type { IncomingRequest } from '../message/message.ts';
import { stampVia } from '../message/via.ts';
import type { Flow } from '../transaction/wire.ts';

export function stamp(request: IncomingRequest, source: Flow): void {
  const field = request.headers.get('via') ?? '';
  const complete = stampVia(field, request.via, source.address, source.port);
  if (complete !== field) request.headers.set('via', complete);
}
