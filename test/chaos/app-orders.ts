/** What the run asks of the developer's side, and what that answers: see `app.ts`. Times are wall time. */

export type AppOrder =
  | { readonly kind: 'report' }
  /** Every WebSocket is cut, and for so long no new one is taken: the server was restarted. */
  | { readonly kind: 'cut'; readonly ms: number }
  /** Every request under way is cut, and for so long nobody listens: the server of documents and callbacks was restarted. */
  | { readonly kind: 'restart'; readonly ms: number }
  /** What the app says is held back for so long, then sent at once. */
  | { readonly kind: 'hold'; readonly ms: number }
  /** One media message with this word as its payload, on the sockets with this path. */
  | { readonly kind: 'poison'; readonly path: string; readonly word: string }
  /** From now on holes, silence and levels are counted anew. */
  | { readonly kind: 'listen' }
  /** Everything written down so far, for the next run. */
  | { readonly kind: 'forget' };

export type AppReply = { readonly kind: 'ready'; readonly port: number } | { readonly kind: 'done' } | AppReport;

export interface AppReport {
  readonly kind: 'seen';
  readonly callbacks: readonly CallbackSeen[];
  readonly sockets: readonly SocketSeen[];
  /** How often a document was asked for. */
  readonly documents: number;
}

/** A call progress callback. */
export interface CallbackSeen {
  readonly call: string;
  readonly sequence: string;
  readonly status: string;
  readonly at: number;
}

/** One WebSocket. The path names kind and call: `/ear/<kind>/<number>`. */
export interface SocketSeen {
  readonly path: string;
  /** Null for raw streams, which are not told it. */
  readonly stream: string | null;
  readonly reconnected: boolean;
  readonly openedAt: number;
  readonly media: number;
  readonly lastMediaAt: number | null;
  readonly closedAt: number | null;
  readonly closeCode: number | null;
  readonly stopReason: string | null;
  /** Steps of the time stamp that were not one frame, since `listen`; of messages that carry one. */
  readonly holes: number;
  /** Messages with audio since `listen`, and the longest run of samples that were all zero, milliseconds. */
  readonly heard: number;
  readonly zeroMs: number;
  /** Median of arrival less time stamp, of the last second: what moves is delay. */
  readonly lagMs: number | null;
  /** Median time from a mark's being sent to its being played, of the last second: what the caller waits for our words. */
  readonly markMs: number | null;
  /** Level of the quietest tenth and the quietest hundredth of the frames since `listen`, in dB of the median frame. */
  readonly quietTenthDb: number;
  readonly quietHundredthDb: number;
}
