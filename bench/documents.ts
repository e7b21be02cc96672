/** What a call of the benchmark does: one document for each kind of stream. The load sends back what is two-way. */

const documents = {
  'two-way': (url: string) => `<Connect><Stream url="${url}" dialect="twilio"/></Connect>`,
  /** The same over TLS. */
  wss: (url: string) => `<Connect><Stream url="${url}" dialect="twilio"/></Connect>`,
  duplex: (url: string) => `<Connect><Stream url="${url}" audioCodec="pcmu" rawAudio="duplex"/></Connect>`,
  'one-way': (url: string) => `<Start><Stream url="${url}" dialect="twilio"/></Start><Pause length="3600"/>`,
  'one-way-l16': (url: string) => `<Start><Stream url="${url}" audioCodec="pcm"/></Start><Pause length="3600"/>`,
  'one-way-l16-16k': (url: string) => `<Start><Stream url="${url}" sampleRate="16000"/></Start><Pause length="3600"/>`,
  raw: (url: string) => `<Start><Stream url="${url}" rawAudio="true"/></Start><Pause length="3600"/>`,
  'four-one-way': (url: string) =>
    `${`<Start><Stream url="${url}" dialect="twilio"/></Start>`.repeat(4)}<Pause length="3600"/>`,
  none: () => '<Pause length="3600"/>',
} as const;

/** Where the app of a load is. */
export interface AppPorts {
  readonly appPort: number;
  /** The same behind TLS; 0 without. */
  readonly tlsPort: number;
}

export type Mode = keyof typeof documents;

export const modes = Object.keys(documents) as readonly Mode[];

export const isMode = (name: string): name is Mode => name in documents;

/** Whether the app's audio is played to the phone, so that a round trip can be measured. */
export const comesBack = (mode: Mode): boolean => mode === 'two-way' || mode === 'wss' || mode === 'duplex';

/** The document of a mode, given the load's two ports. */
export function twimlOf(mode: Mode): (app: AppPorts) => string {
  return ({ appPort, tlsPort }) => {
    // The app behind the TLS is the same one.
    const url = mode === 'wss' ? `wss://127.0.0.1:${tlsPort}/two-way` : `ws://127.0.0.1:${appPort}/${mode}`;
    return `<Response>${documents[mode](url)}</Response>`;
  };
}
