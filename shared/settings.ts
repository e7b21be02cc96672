/**
 * Settings: environment variables, validated together at start (`.env.example` describes each).
 * `.env.example` lists all of them; the test of this file keeps the two equal.
 */
import { isIP } from 'node:net';
import os from 'node:os';
import { z } from 'zod';
import { ExpectedFailure } from './kernel/expected-failure.ts';
import { issueSentence } from './kernel/issue-sentence.ts';

const flag = (fallback: boolean) =>
  z
    .enum(['on', 'off', 'true', 'false', '1', '0', 'yes', 'no'])
    .transform((text) => text === 'on' || text === 'true' || text === '1' || text === 'yes')
    .default(fallback);

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `500ms`, `60s`, `5m`, `2h`, `7d` → milliseconds. */
const duration = (fallbackMs: number) =>
  z
    .string()
    .regex(/^\d{1,9}(ms|s|m|h|d)$/, 'a number and a unit: ms, s, m, h or d')
    .transform((text) => {
      const unit = text.replace(/^\d+/, '') as keyof typeof units;
      return Number.parseInt(text, 10) * units[unit];
    })
    .default(fallbackMs);

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);

const portRange = z
  .string()
  .regex(/^\d{1,5}-\d{1,5}$/, 'two ports: 20000-29999')
  .transform((text) => {
    const [low, high] = text.split('-').map(Number) as [number, number];
    return { low, high };
  })
  .refine(
    ({ low, high }) => low >= 1024 && high <= 65_535 && high - low >= 3,
    'a range of at least four ports between 1024 and 65535',
  )
  .default({ low: 20_000, high: 29_999 });

const list = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    );

const codecList = z
  .string()
  .default('PCMU,PCMA,G722')
  .transform((text) => text.split(',').map((item) => item.trim().toUpperCase()))
  .pipe(z.array(z.enum(['PCMU', 'PCMA', 'G722'], 'a list of PCMU, PCMA and G722')).nonempty())
  .refine((names) => new Set(names).size === names.length, 'each codec once');

/** CPUs by number, as Linux numbers them; `all`: those the process may use. */
export type CpuList = readonly number[] | 'all';

const CPU_LIST = /^\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*$/;

/** `0,2-4` → 0, 2, 3, 4; a range from high to low is none. */
export function cpusOf(text: string): readonly number[] {
  return text.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_none, index) => first + index);
  });
}

const cpuList = z
  .string()
  .refine((text) => text === 'all' || CPU_LIST.test(text), 'all, or CPUs as in 0-3 or 1,2,5')
  .transform((text): CpuList => (text === 'all' ? text : cpusOf(text)))
  .refine((cpus) => cpus.length > 0, 'ranges go up')
  .optional();

/** Proxies in front of the API whose `X-Forwarded-For` is believed: how many, or where they are. */
const proxies = z
  .string()
  .transform((text): number | readonly string[] =>
    /^\d$/.test(text) ? Number(text) : text.split(',').map((part) => part.trim()),
  )
  .refine(
    (value) => typeof value === 'number' || value.every(isNetwork),
    'how many proxies there are, or their addresses: 10.0.0.0/8,192.0.2.7',
  )
  .optional();

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const most = isIP(address) === 4 ? 32 : 128;
  return (
    isIP(address) !== 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
  );
}

export const settingsSchema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: port(3000),
  REDIS_URL: z.string().optional(),
  DATA_DIR: z.string().default('.data'),
  ACCOUNT_SID: z.string().regex(/^AC[0-9a-f]{32}$/, 'AC and 32 hex digits'),
  AUTH_TOKEN: z.string().min(16, 'at least 16 characters'),
  SIP_HOST: z.string().default('127.0.0.1'),
  SIP_PORT: port(5060),
  SIP_PUBLIC_ADDRESS: z.string().optional(),
  SIP_ALLOW: list('127.0.0.0/8'),
  RTP_HOST: z.string().default('127.0.0.1'),
  RTP_PUBLIC_ADDRESS: z.string().optional(),
  RTP_PORTS: portRange,
  /** How long the far end may be silent before its call ends; 0s = for ever. */
  MEDIA_TIMEOUT: duration(60 * units.s),
  /** A folder for the audio of every leg; absent = not written. */
  DUMP_AUDIO: z.string().optional(),
  /** In the order they are offered; an answer keeps the far end's order. */
  CODECS: codecList,
  WORKER_THREADS: z.coerce.number().int().min(1).max(256).default(os.availableParallelism()),
  /** One CPU for each worker thread, in turn; absent = the kernel puts them where it likes. */
  THREAD_CPUS: cpuList,
  CALLS_PER_THREAD: z.coerce.number().int().min(1).max(10_000).default(400),
  /** Percent of a thread's time from which on it takes no new calls; 0 = CALLS_PER_THREAD alone decides. */
  BUSY_LIMIT: z.coerce.number().int().min(0).max(100).default(65),
  /** How worker threads reach the network with audio: by the addon, or by Node; `auto`: by the addon where it was built. */
  MEDIA_SOCKETS: z.enum(['auto', 'native', 'node']).default('auto'),
  TRUNKS: z.string().optional(),
  /** 0 = no phone bank; `free` = any free port. */
  PHONES_PORT: z.union([z.literal('free'), z.coerce.number().int().min(0).max(65_535)]).default(5080),
  DIALECT: z.enum(['pivot', 'twilio']).default('pivot'),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  TRUST_PROXY: proxies,
  WEBHOOK_URL: z.url({ protocol: /^https?$/ }).optional(),
  WEBHOOK_METHOD: z.enum(['GET', 'POST']).default('POST'),
  ALLOW_PRIVATE_ADDRESSES: flag(false),
  ALLOW_INSECURE_WS: flag(true),
  STREAM_CA: z.string().optional(),
  STREAM_CERT: z.string().optional(),
  STREAM_KEY: z.string().optional(),
  CALL_RETENTION: duration(7 * units.d),
  QUEUE_TIMEOUT: duration(60 * units.s),
  DRAIN_TIMEOUT: duration(60 * units.s),
  QUEUE_LIMIT: z.coerce.number().int().min(1).max(10_000_000).default(10_000),
  RATE_LIMIT: z.coerce.number().int().min(0).max(1_000_000).default(6000),
  /** Where workers and gateways show /metrics and /healthz; absent = nowhere, 0 = a free port. */
  PROBE_HOST: z.string().default('127.0.0.1'),
  PROBE_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  /** A collector of traces (OTLP over HTTP); absent = no traces, and nothing of OpenTelemetry is loaded. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

export type Settings = z.output<typeof settingsSchema>;

/** All problems at once, one line each, ready to print. */
export class SettingsError extends ExpectedFailure {
  override readonly name = 'SettingsError';
}

/** @throws SettingsError naming every setting that is wrong. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const known = Object.fromEntries(
    Object.keys(settingsSchema.shape).map((name) => [name, environment[name] === '' ? undefined : environment[name]]),
  );
  const result = settingsSchema.safeParse(known);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issueSentence(issue)}`);
  throw new SettingsError(`These settings are not right:\n${lines.join('\n')}`);
}
