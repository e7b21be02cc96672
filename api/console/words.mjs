/** Times, durations and elements, as all parts of the console need them. */

/** An element with text, never markup: what calls bring along is not ours. */
export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** `0:07`, `12:34`, `1:02:03`. */
export function clockTime(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const tail = String(seconds % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}

/** Seconds of audio with one digit. */
export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** `just now`, `12 s ago`, `5 min ago`, or the time of day. */
export function ago(iso, nowMs) {
  const ms = nowMs - Date.parse(iso);
  if (ms < 3000) return 'just now';
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s ago`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ago`;
  return new Date(iso).toLocaleTimeString();
}

export const isLive = (call) => call.endedAt === null;

/** From the answer to the end, or until now. */
export function talkedMs(call, nowMs) {
  if (call.answeredAt === null) return null;
  return (call.endedAt === null ? nowMs : Date.parse(call.endedAt)) - Date.parse(call.answeredAt);
}
