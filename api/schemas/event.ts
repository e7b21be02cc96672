/** The timeline: docs/api.md. Fields beyond these depend on `type`. */
import { cursor, limit, page } from './fields.ts';
import { z } from './zod.ts';

export const eventResource = z
  .looseObject({
    at: z.iso.datetime(),
    seq: z.number().int().positive(),
    type: z.string().openapi({ example: 'stream.started' }),
  })
  .openapi('Event');

export const eventPage = page(eventResource).openapi('EventPage');

export const listEvents = z.strictObject({ limit, cursor });
