/** A stream's record as the resource of /calls/:sid/streams; its URL without credentials, its headers not at all. */
import type { StreamRecord } from '../../shared/domain/stream.ts';
import { redactUrl } from '../../shared/kernel/redact.ts';
import type { StreamResource } from '../schemas/stream.ts';

export function viewStream(stream: StreamRecord): StreamResource {
  const { spec } = stream;
  return {
    sid: stream.sid,
    callSid: stream.callSid,
    name: spec.name,
    mode: spec.mode,
    url: redactUrl(spec.url),
    track: spec.track,
    status: stream.status,
    mediaFormat: { ...spec.mediaFormat },
    customParameters: { ...spec.customParameters },
    dialect: spec.dialect,
    startedAt: stream.startedAt,
    stoppedAt: stream.stoppedAt,
    reason: stream.reason,
    error: stream.error && { ...stream.error },
    counters: { ...stream.counters },
  };
}
