/** The fields that several bodies share: addresses, URLs, digits, times, pages. */
import { z } from './zod.ts';

const E164 = /^\+[1-9]\d{1,14}$/;
const SIP_URI =
  /^sip:(?:[^\s@<>"\\\p{Cc}]{1,256}@)?(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?(?:;[^\s<>"?\p{Cc}]{1,256})?$/u;

/** E.164 or a sip: URI. */
export const address = z
  .string()
  .max(512)
  .refine((text) => E164.test(text) || SIP_URI.test(text), 'a number in E.164 (+15550100) or a sip: URI')
  .openapi({ examples: ['+15550100', 'sip:alice@example.com'] });

/** Absolute http or https URL. */
export const httpUrl = z
  .string()
  .max(2048)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'an absolute http or https URL')
  .openapi({ format: 'uri', example: 'https://app.example/voice' });

export const httpMethod = z.enum(['GET', 'POST']);
export const dialect = z.enum(['pivot', 'twilio']);
/** As streams are shown. */
export const track = z.enum(['inbound', 'outbound', 'both']);

/** As it may be asked for: TwiML's spelling is taken too. */
export const askedTrack = z
  .enum(['inbound', 'outbound', 'both', 'inbound_track', 'outbound_track', 'both_tracks'])
  .transform((name) => track.parse(name.replace(/_tracks?$/, '')));

/** The most a document may have, in bytes of UTF-8. */
export const TWIML_MAX_BYTES = 65_536;

export const twiml = z
  .string()
  .refine((text) => text.trim() !== '', 'a document, not nothing')
  .refine((text) => Buffer.byteLength(text) <= TWIML_MAX_BYTES, `at most ${TWIML_MAX_BYTES} bytes`)
  .openapi({ example: '<Response><Say>Hello.</Say></Response>' });

/** Digits to press; `w` waits half a second, `W` a second. */
export const digits = z
  .string()
  .regex(/^[0-9A-D*#wW]{1,128}$/, 'digits 0-9 A-D * # and the waits w W, at most 128')
  .openapi({ example: '1234#' });

/** Text for a SIP or HTTP header: printable, one line. */
export const headerText = z.string().regex(/^[^\p{Cc}]{0,512}$/u, 'one line without control characters, at most 512');

const LIMIT_DEFAULT = 50;

/** `?limit=1..200` */
export const limit = z
  .string()
  .regex(/^\d{1,3}$/, 'a number from 1 to 200')
  .transform(Number)
  .pipe(z.number().min(1).max(200))
  .optional()
  .transform((value) => value ?? LIMIT_DEFAULT)
  .openapi({ type: 'integer', minimum: 1, maximum: 200, default: LIMIT_DEFAULT });

/** `?cursor=`, as `nextCursor` gave it. */
export const cursor = z
  .string()
  .regex(/^[\x21-\x7e]{1,256}$/, 'a cursor as nextCursor gave it')
  .optional()
  .openapi({ description: 'nextCursor of the page before.' });

/** An ISO 8601 time with a zone. */
export const time = z.iso.datetime({ offset: true }).nullable();

/** One page of a list. */
export const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });
