/** Body and resource of /numbers. */
import { cursor, dialect, httpMethod, httpUrl, limit, page, twiml } from './fields.ts';
import { exactlyOne } from './problem.ts';
import { always, z } from './zod.ts';

export const numberResource = z
  .strictObject({
    number: z.string().openapi({ description: '`*` is the default.' }),
    voiceUrl: z.string().nullable(),
    voiceMethod: httpMethod,
    voiceFallbackUrl: z.string().nullable(),
    twiml: z.string().nullable(),
    statusCallback: z.string().nullable(),
    dialect,
  })
  .openapi('Number');

export type NumberResource = z.output<typeof numberResource>;

export const numberPage = page(numberResource).openapi('NumberPage');

export const putNumber = z
  .strictObject({
    number: z.string().optional().openapi({ description: 'As in the path, when given.' }),
    voiceUrl: httpUrl.nullish(),
    voiceMethod: httpMethod.optional().openapi({ description: 'GET in the pivot dialect, POST in the twilio one.' }),
    voiceFallbackUrl: httpUrl.nullish(),
    twiml: twiml.nullish(),
    statusCallback: httpUrl.nullish(),
    dialect: dialect.optional(),
  })
  .superRefine((body, context) => {
    if ((body.voiceUrl ?? null) === null ? (body.twiml ?? null) === null : (body.twiml ?? null) !== null) {
      context.addIssue(exactlyOne(['voiceUrl'], 'voiceUrl and twiml'));
    }
  }, always)
  .openapi('PutNumber');

export const listNumbers = z.strictObject({ limit, cursor });

/** E.164, bare digits, a sip user or URI, or `*`. */
export const numberKey = z
  .string()
  .regex(/^(?:\*|\+?[0-9]{1,32}|sips?:[^\s<>"\p{Cc}]{1,256}|[A-Za-z0-9._-]{1,64})$/u, 'a number, a sip user or *');
