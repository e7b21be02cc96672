/**
 * The states of a stream: PROTOCOL §2.3, §2.7, §14.1, §14.6. A pure machine; the session carries out the effects.
 *
 *                    ┌────────── pause/resume ─────────┐
 *   connecting ─opened─▶ in-progress ◀────────────▶ paused
 *       │                    │  ▲                    │  ▲
 *       │                  gone opened             gone opened
 *       │                    ▼  │                    ▼  │
 *       │                 reconnecting (remembers whether paused)
 *       ▼                    ▼
 *   stopped (asked, or the app closed)   failed (an error)
 */
import type { StreamError } from '../../shared/domain/stream.ts';
import { closeError, type Loss } from './failure.ts';
import type { StopReason } from './stream.ts';

export type StreamState =
  | { readonly kind: 'connecting' | 'reconnecting'; readonly paused: boolean }
  | { readonly kind: 'in-progress' | 'paused' }
  | StreamOver;

/** Final. */
export interface StreamOver {
  readonly kind: 'stopped' | 'failed';
  readonly reason: StopReason;
  readonly error: StreamError | null;
}

export type StreamEvent =
  | { readonly event: 'opened' | 'pause' | 'resume' }
  /** The socket is gone. `patient`: the stream was asked to reconnect and may still try. */
  | { readonly event: 'gone'; readonly loss: Loss; readonly patient: boolean }
  | { readonly event: 'gave-up'; readonly error: StreamError }
  | { readonly event: 'stop'; readonly reason: StopReason };

/** `greet`: connected and start. `farewell`: pending marks, stop, close 1000. `end`: tell everybody, once. */
export type Effect =
  | 'greet'
  | 'started'
  | 'paused'
  | 'resumed'
  | 'reconnecting'
  | 'retry'
  | 'reconnected'
  | 'farewell'
  | 'end';

export interface Step {
  readonly state: StreamState;
  readonly effects: readonly Effect[];
}

/** What happens; an event that means nothing in a state changes nothing. */
export function next(state: StreamState, event: StreamEvent): Step {
  switch (state.kind) {
    case 'connecting':
    case 'reconnecting':
      return nextUnconnected(state, event);
    case 'in-progress':
    case 'paused':
      return nextConnected(state, event);
    case 'stopped':
    case 'failed':
      return { state, effects: [] };
  }
}

function nextUnconnected(state: Extract<StreamState, { paused: boolean }>, event: StreamEvent): Step {
  const again = state.kind === 'reconnecting';
  switch (event.event) {
    case 'opened':
      return {
        state: { kind: state.paused ? 'paused' : 'in-progress' },
        effects: ['greet', again ? 'reconnected' : 'started'],
      };
    case 'pause':
      return { state: { ...state, paused: true }, effects: state.paused ? [] : ['paused'] };
    case 'resume':
      return { state: { ...state, paused: false }, effects: state.paused ? ['resumed'] : [] };
    case 'gone':
      return again && event.patient ? { state, effects: ['retry'] } : failed(event.loss.error);
    case 'gave-up':
      return failed(event.error);
    case 'stop':
      return { state: { kind: 'stopped', reason: event.reason, error: null }, effects: ['end'] };
  }
}

function nextConnected(state: Extract<StreamState, { kind: 'in-progress' | 'paused' }>, event: StreamEvent): Step {
  const paused = state.kind === 'paused';
  switch (event.event) {
    case 'pause':
      return paused ? { state, effects: [] } : { state: { kind: 'paused' }, effects: ['paused'] };
    case 'resume':
      return paused ? { state: { kind: 'in-progress' }, effects: ['resumed'] } : { state, effects: [] };
    case 'gone':
      return event.patient && !isDeliberate(event.loss)
        ? { state: { kind: 'reconnecting', paused }, effects: ['reconnecting'] }
        : gone(event.loss);
    case 'gave-up':
      return failed(event.error);
    case 'stop':
      return { state: { kind: 'stopped', reason: event.reason, error: null }, effects: ['farewell', 'end'] };
    case 'opened':
      return { state, effects: [] };
  }
}

/** Closed with 1000 or without a code: the app has finished. Anything else may be a server that restarts. */
function isDeliberate(loss: Loss): boolean {
  return loss.closeCode === 1000 || loss.closeCode === 1005;
}

function gone(loss: Loss): Step {
  if (loss.closeCode === null) return failed(loss.error);
  return {
    state: { kind: 'stopped', reason: 'connection closed', error: closeError(loss.closeCode) },
    effects: ['end'],
  };
}

function failed(error: StreamError): Step {
  return { state: { kind: 'failed', reason: 'error', error }, effects: ['end'] };
}
