/** Forms and resources of Twilio's routes for streams: PROTOCOL §5, and §6 "Errors". Fields nobody knows are ignored (20001). */
import { PARAMETER_LIMIT, PARAMETERS_MAX } from '../../shared/domain/stream-spec.ts';
import { httpMethod, httpUrl } from '../schemas/fields.ts';
import { streamName, streamUrl } from '../schemas/stream.ts';
import { z } from '../schemas/zod.ts';

const numbered = /^(Parameter([1-9]\d*))\.(Name|Value)$/;

interface Parameter {
  /** `Parameter7` */
  readonly field: string;
  readonly number: number;
  readonly name: string;
  readonly value: string;
}

/** The numbered parameters of a form in the order of their numbers; gaps are allowed (AC-56). */
function parametersIn(form: Readonly<Record<string, unknown>>): Parameter[] {
  const fields = new Set<string>();
  for (const key of Object.keys(form)) {
    const field = numbered.exec(key)?.[1];
    if (field !== undefined) fields.add(field);
  }
  const text = (key: string): string => String(form[key] ?? '');
  return [...fields]
    .map((field) => ({
      field,
      number: Number(field.slice('Parameter'.length)),
      name: text(`${field}.Name`),
      value: text(`${field}.Value`),
    }))
    .sort((one, other) => one.number - other.number);
}

/** What is wrong with a parameter; null when nothing is. */
function mistakeIn({ number, name, value }: Parameter): string | null {
  if (number > PARAMETERS_MAX) return `at most ${PARAMETERS_MAX} parameters`;
  if (name === '') return 'Name is missing';
  if (name.length + value.length >= PARAMETER_LIMIT) {
    return `Name and Value together must be shorter than ${PARAMETER_LIMIT} characters`;
  }
  return null;
}

/** What the application gets as `customParameters`. */
export const customParameters = (form: CreateStream): Record<string, string> =>
  Object.fromEntries(parametersIn(form).map(({ name, value }) => [name, value]));

export const createStream = z
  .object({
    Url: streamUrl,
    Name: streamName.optional(),
    Track: z.enum(['inbound_track', 'outbound_track', 'both_tracks']).optional().openapi({ default: 'inbound_track' }),
    StatusCallback: httpUrl.optional(),
    StatusCallbackMethod: httpMethod.optional().openapi({ default: 'POST' }),
  })
  .catchall(z.string())
  .superRefine((form, context) => {
    for (const parameter of parametersIn(form)) {
      const message = mistakeIn(parameter);
      if (message !== null) context.addIssue({ code: 'custom', path: [parameter.field], message });
    }
  })
  .openapi('TwilioCreateStream', {
    description: `Custom parameters are \`Parameter1.Name\` and \`Parameter1.Value\` to \`Parameter${PARAMETERS_MAX}\`; numbers may be left out.`,
  });

export type CreateStream = z.output<typeof createStream>;

export const updateStream = z.object({ Status: z.literal('stopped') }).openapi('TwilioUpdateStream');

export const twilioStream = z
  .strictObject({
    sid: z.string(),
    account_sid: z.string(),
    call_sid: z.string(),
    name: z.string().nullable(),
    status: z.enum(['in-progress', 'stopped']),
    date_updated: z.string().openapi({ description: 'RFC 2822.', example: 'Sun, 22 Nov 2026 06:20:00 +0000' }),
    uri: z.string(),
  })
  .openapi('TwilioStream');

export type TwilioStream = z.output<typeof twilioStream>;

export const twilioErrorResource = z
  .strictObject({
    code: z.number().int().openapi({ example: 20404 }),
    message: z.string(),
    more_info: z.string(),
    status: z.number().int(),
  })
  .openapi('TwilioError');
