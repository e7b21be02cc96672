/** Bodies, queries and the resource of /calls. */
import { documentProblem } from './document.ts';
import {
  address,
  cursor,
  dialect,
  digits,
  headerText,
  httpMethod,
  httpUrl,
  limit,
  page,
  time,
  twiml,
} from './fields.ts';
import { exactlyOne } from './problem.ts';
import { always, z } from './zod.ts';

export const callStatus = z.enum([
  'queued',
  'ringing',
  'in-progress',
  'completed',
  'busy',
  'failed',
  'no-answer',
  'canceled',
]);

export const callResource = z
  .strictObject({
    sid: z.string(),
    accountSid: z.string(),
    parentCallSid: z.string().nullable(),
    direction: z.enum(['inbound', 'outbound-api', 'outbound-dial']),
    from: z.string(),
    to: z.string(),
    callerName: z.string().nullable(),
    status: callStatus,
    dialect,
    createdAt: z.iso.datetime(),
    ringingAt: time,
    answeredAt: time,
    endedAt: time,
    queueMs: z.number().nullable().openapi({ description: 'From creation until a worker took the call.' }),
    durationMs: z.number().nullable().openapi({ description: 'From the answer to the end.' }),
    ending: z
      .strictObject({
        cause: z.string(),
        blame: z.enum(['caller', 'callee', 'application', 'carrier', 'platform', 'api']),
        sipCode: z.number().int().nullable(),
        detail: z.string().nullable(),
      })
      .nullable(),
    owner: z.string().nullable().openapi({ description: 'The worker thread that has the call.' }),
  })
  .openapi('Call');

/** As POST /calls answers it. */
export const createdCall = z
  .strictObject({
    ...callResource.shape,
    warnings: z.array(documentProblem).optional().openapi({
      description: 'Of the inline document: what will be skipped or replaced. Absent when there are none.',
    }),
  })
  .openapi('CreatedCall');

export type CallResource = z.output<typeof callResource>;

export const callPage = page(callResource).openapi('CallPage');

const sipHeaders = z
  .record(z.string().regex(/^[Xx]-[A-Za-z0-9-]{1,62}$/, 'a header name that begins with X-'), headerText)
  .refine((headers) => Object.keys(headers).length <= 32, 'at most 32 headers');

const oneDocument = (body: { url?: string | undefined; twiml?: string | undefined }, context: z.RefinementCtx) => {
  if ((body.url === undefined) === (body.twiml === undefined)) {
    context.addIssue(exactlyOne([body.url === undefined ? 'url' : 'twiml'], 'url and twiml'));
  }
};

export const createCall = z
  .strictObject({
    to: address,
    from: address,
    url: httpUrl.optional(),
    twiml: twiml.optional(),
    method: httpMethod.optional().openapi({ description: 'Of url. GET in the pivot dialect, POST in the twilio one.' }),
    fallbackUrl: httpUrl.optional(),
    statusCallback: httpUrl.optional(),
    statusCallbackEvent: z
      .array(z.enum(['initiated', 'ringing', 'answered', 'completed']))
      .max(4)
      .optional()
      .openapi({ description: 'completed alone when absent.' }),
    statusCallbackMethod: httpMethod.optional(),
    timeout: z.number().int().min(1).max(600).optional().openapi({ description: 'Seconds of ringing; 60.' }),
    timeLimit: z
      .number()
      .int()
      .min(1)
      .max(86_400)
      .optional()
      .openapi({ description: 'Seconds from the answer; 14400.' }),
    sendDigits: digits.optional(),
    callerName: z
      .string()
      .regex(/^[^\p{Cc}"\\<>]{1,64}$/u, 'one line of at most 64 characters without quotes and brackets')
      .optional(),
    dialect: dialect.optional(),
    trunk: z
      .string()
      .regex(/^[\w.-]{1,64}$/, 'the name of a trunk')
      .optional(),
    headers: sipHeaders.optional(),
  })
  .superRefine((body, context) => {
    oneDocument(body, context);
    if (body.method !== undefined && body.url === undefined) {
      context.addIssue({ code: 'custom', path: ['method'], message: 'belongs to url' });
    }
  }, always)
  .openapi('CreateCall');

export type CreateCall = z.output<typeof createCall>;

export const changeCall = z
  .strictObject({
    status: z.enum(['completed', 'canceled']).optional(),
    url: httpUrl.optional(),
    method: httpMethod.optional(),
    twiml: twiml.optional(),
  })
  .superRefine((body, context) => {
    const given = [body.status, body.url, body.twiml].filter((value) => value !== undefined);
    if (given.length !== 1) {
      context.addIssue(exactlyOne([], 'status, url and twiml'));
    } else if (body.method !== undefined && body.url === undefined) {
      context.addIssue({ code: 'custom', path: ['method'], message: 'belongs to url' });
    }
  })
  .openapi('ChangeCall');

export const pressDigits = z.strictObject({ digits }).openapi('PressDigits');

export const listCalls = z.strictObject({
  limit,
  cursor,
  status: callStatus.optional(),
  to: z.string().max(512).optional(),
  from: z.string().max(512).optional(),
  since: z.iso.datetime({ offset: true }).optional().openapi({ description: 'createdAt, inclusive.' }),
  until: z.iso.datetime({ offset: true }).optional(),
});
