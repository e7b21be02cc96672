/** Calls and streams as tests need them: complete records with a few fields of the test's own. */
import type { CallRecord } from '../../shared/domain/call.ts';
import { NO_COUNTERS, type StreamRecord, type StreamSpec } from '../../shared/domain/stream.ts';
import { type CallSid, newAccountSid, newCallSid, newStreamSid } from '../../shared/kernel/ids.ts';

export function aCall(own: Partial<CallRecord> = {}): CallRecord {
  return {
    sid: newCallSid(),
    accountSid: newAccountSid(),
    parentCallSid: null,
    direction: 'outbound-api',
    from: '+15550100001',
    to: '+15550100002',
    callerName: null,
    status: 'queued',
    dialect: 'pivot',
    createdAt: new Date().toISOString(),
    ringingAt: null,
    answeredAt: null,
    endedAt: null,
    queueMs: null,
    durationMs: null,
    ending: null,
    owner: null,
    gateway: null,
    offer: null,
    checkpoint: null,
    plan: {
      document: { kind: 'inline', twiml: '<Response/>' },
      fallbackUrl: null,
      statusCallback: null,
      statusCallbackMethod: 'POST',
      statusCallbackEvents: [],
      ringTimeoutMs: 60_000,
      timeLimitMs: 3_600_000,
      sendDigits: null,
      trunk: null,
      headers: {},
    },
    ...own,
  };
}

export function aStream(callSid: CallSid, spec: Partial<StreamSpec> = {}): StreamRecord {
  const sid = newStreamSid();
  return {
    sid,
    callSid,
    status: 'connecting',
    createdAt: new Date().toISOString(),
    startedAt: null,
    stoppedAt: null,
    reason: null,
    error: null,
    counters: NO_COUNTERS,
    origin: 'api',
    spec: {
      name: sid,
      url: 'wss://app.example/audio',
      mode: 'unidirectional',
      track: 'inbound',
      mediaFormat: { encoding: 'audio/L16', sampleRate: 8000, channels: 1 },
      dialect: 'pivot',
      customParameters: {},
      headers: {},
      statusCallback: null,
      statusCallbackMethod: 'POST',
      playbackEvents: false,
      reconnectMs: 0,
      ...spec,
    },
  };
}
