/** What the calls of the chaos run do: one document for each kind, for the call of one number. */

/** Each has sound all the time, so that silence at the phone is a fault. */
const bodies = {
  'one-way': (ear) => `<Start><Stream name="ear" url="${ear}"/></Start><Pause length="3600"/>`,
  raw: (ear) => `<Start><Stream name="raw" rawAudio="true" url="${ear}"/></Start><Pause length="3600"/>`,
  'two-way': (ear) => `<Connect><Stream name="voice" dialect="twilio" url="${ear}"/></Connect><Pause length="3600"/>`,
  say: () => '<Say loop="0">One moment please. Somebody will be with you shortly.</Say>',
  play: (_ear, app) => `<Play loop="0">${app}/sound.wav</Play>`,
  redirect: (_ear, app, number) => `<Pause length="2"/><Redirect>${app}/document/redirect/${number}</Redirect>`,
  'listened-say': (ear) =>
    `<Start><Stream name="ear" url="${ear}"/></Start><Pause length="1"/><Say loop="0">This call is being heard.</Say>`,
  /** Not answered before the first verb is over: the twilio dialect waits, then answers. */
  unanswered: (ear) => `<Pause length="4"/><Start><Stream name="ear" url="${ear}"/></Start><Pause length="3600"/>`,
  /** The application takes three seconds over it. */
  slow: (ear) => `<Start><Stream name="ear" url="${ear}"/></Start><Pause length="3600"/>`,
} as const satisfies Record<string, (ear: string, app: string, number: string) => string>;

export type Kind = keyof typeof bodies;

/** Whether a call of this kind has a stream. */
export const hasStream = (kind: Kind): boolean => kind !== 'say' && kind !== 'play' && kind !== 'redirect';

/** Where the stream of a call goes: its path tells the call. */
export const earPath = (kind: Kind, number: string): string => `/ear/${kind}/${number.replace('+', '')}`;

export function documentOf(kind: string, number: string, appPort: number): string {
  const body = kind in bodies ? bodies[kind as Kind] : bodies['one-way'];
  const ear = `ws://127.0.0.1:${appPort}${earPath(kind as Kind, number)}`;
  return `<Response>${body(ear, `http://127.0.0.1:${appPort}`, number.replace('+', ''))}</Response>`;
}
