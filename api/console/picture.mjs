/**
 * The call as a picture, from its timeline alone: ringing and talking, verbs and streams as bars, marks, keys and
 * problems as ticks. Drawn anew each time; a call that runs ends at now.
 */
const SVG = 'http://www.w3.org/2000/svg';
const LEFT = 120;
const RIGHT = 24;
const TOP = 12;
const ROW = 30;
const BAR = 20;
/** A label needs about so much for a letter. */
const LETTER = 7;
/** Between two lines of the grid, at least. */
const GRID = 80;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600];

export function drawPicture(svg, events, nowMs) {
  const first = events[0];
  if (first === undefined) return;
  const width = svg.clientWidth || 800;
  const beginMs = Date.parse(first.at);
  const endMs = Math.max(nowMs ?? 0, Date.parse(events.at(-1).at), beginMs + 1000);
  const rows = rowsOf(events, endMs);
  const height = TOP + rows.length * ROW + 26;
  const scale = (width - LEFT - RIGHT) / (endMs - beginMs);
  const x = (ms) => LEFT + (ms - beginMs) * scale;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('height', String(height));
  svg.replaceChildren(
    ...grid((endMs - beginMs) / 1000, scale * 1000, height),
    ...rows.flatMap((row, index) => drawRow(row, index, x, width)),
  );
}

/** Each with bars from … to, or ticks. */
function rowsOf(events, endMs) {
  const callRow = { name: 'call', bars: [], ticks: [] };
  const verbs = { name: 'verbs', bars: [], ticks: [] };
  const streams = new Map();
  const marks = { name: 'marks', bars: [], ticks: [] };
  const keys = { name: 'keys', bars: [], ticks: [] };
  const problems = { name: 'problems', bars: [], ticks: [] };
  const open = (row, kind, label, at) => row.bars.push({ kind, label, from: at, to: null });
  const close = (row, at) => {
    const bar = row.bars.at(-1);
    if (bar && bar.to === null) bar.to = at;
  };
  for (const event of events) {
    const at = Date.parse(event.at);
    switch (event.type) {
      case 'call.status':
        close(callRow, at);
        open(callRow, event.status === 'in-progress' ? 'talking' : 'ringing', event.status, at);
        break;
      case 'call.ended':
        for (const row of [callRow, verbs, ...streams.values()]) close(row, at);
        break;
      case 'verb.started':
        close(verbs, at);
        open(verbs, 'verb', event.verb, at);
        break;
      case 'verb.ended':
        close(verbs, at);
        break;
      case 'stream.connecting':
        streams.set(event.stream, { name: event.name, bars: [], ticks: [] });
        open(streams.get(event.stream), 'stream', event.mode, at);
        break;
      case 'stream.stopped':
      case 'stream.failed':
        if (streams.has(event.stream)) close(streams.get(event.stream), at);
        break;
      case 'stream.mark':
        marks.ticks.push({ kind: 'mark', label: event.mark, at });
        break;
      case 'dtmf.received':
      case 'dtmf.sent':
        keys.ticks.push({ kind: 'digit', label: '', at });
        break;
    }
    if (/\.(failed|error|warning|gap|timeout)$/.test(event.type)) {
      problems.ticks.push({ kind: 'problem', label: event.type, at });
    }
  }
  const rows = [callRow, verbs, ...streams.values(), marks, keys, problems];
  for (const { bars } of rows) for (const bar of bars) bar.to ??= endMs;
  return rows.filter(({ bars, ticks }) => bars.length + ticks.length > 0);
}

function drawRow({ name, bars, ticks }, index, x, width) {
  const y = TOP + index * ROW;
  const label = text(LEFT - 12, y + 14, short(name, LEFT - 20));
  label.setAttribute('text-anchor', 'end');
  return [label, ...bars.flatMap((bar) => drawBar(bar, y, x)), ...drawTicks(ticks, y, x, width)];
}

function drawBar({ kind, label, from, to }, y, x) {
  const width = Math.max(2, x(to) - x(from) - 1);
  const bar = shape('rect', { class: kind, x: x(from), y, width, height: BAR, rx: 4 });
  bar.append(titled(label));
  const room = short(label, width - 12);
  return room === '' ? [bar] : [bar, text(x(from) + 7, y + 14, room, 'bar')];
}

/** A tick is named where its name runs into no other tick and no other name. */
function drawTicks(ticks, y, x, width) {
  let taken = 0;
  return ticks.flatMap(({ kind, label, at }, index) => {
    const place = x(at);
    const tick = shape('path', { class: kind, d: `M${place.toFixed(1)} ${y + 1}v${BAR - 2}` });
    tick.append(titled(label));
    const next = ticks[index + 1];
    const needs = label.length * LETTER + 12;
    const room = (next === undefined ? width : x(next.at)) - place;
    const before = taken;
    taken = place;
    if (label === '') return [tick];
    if (room >= needs) {
      taken = place + needs;
      return [tick, text(place + 6, y + 14, label)];
    }
    if (next !== undefined || place - before < needs) return [tick];
    const named = text(place - 6, y + 14, label);
    named.setAttribute('text-anchor', 'end');
    return [tick, named];
  });
}

function grid(totalSeconds, perSecond, height) {
  const step = STEPS.find((each) => each * perSecond >= GRID) ?? 7200;
  const lines = [];
  for (let second = 0; second <= totalSeconds; second += step) {
    const x = LEFT + second * perSecond;
    lines.push(shape('path', { class: 'grid', d: `M${x.toFixed(1)} 4V${height - 22}` }));
    const label = text(x, height - 6, step < 1 ? `${second.toFixed(1)} s` : `${Math.round(second)} s`);
    label.setAttribute('text-anchor', 'middle');
    lines.push(label);
  }
  return lines;
}

/** As much of it as fits; nothing when that would be a letter or two. */
function short(label, width) {
  const letters = Math.floor(width / LETTER);
  if (label.length <= letters) return label;
  return letters < 4 ? '' : `${label.slice(0, letters - 1)}…`;
}

function text(x, y, content, className = '') {
  const made = shape('text', { x, y, ...(className ? { class: className } : {}) });
  made.textContent = content;
  return made;
}

function titled(label) {
  const made = document.createElementNS(SVG, 'title');
  made.textContent = label;
  return made;
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
