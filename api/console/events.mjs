/** One entry of the timeline as a line. Whoever has scrolled to the end stays there. */
import { element } from './words.mjs';

const list = document.getElementById('events');
const section = document.getElementById('call');

const SEEN_ELSEWHERE = new Set(['at', 'seq', 'type', 'stream']);
const isProblem = (type) => /\.(failed|error|warning|gap|timeout)$/.test(type);

export function drawEvent(event, first) {
  const atEnd = section.scrollTop > 0 && section.scrollTop + section.clientHeight > section.scrollHeight - 60;
  const line = element('li');
  line.dataset.room = isProblem(event.type) ? 'problem' : event.type.split('.')[0];
  const after = (Date.parse(event.at) - Date.parse(first.at)) / 1000;
  const what = element('span', 'what');
  for (const [name, value] of Object.entries(event)) {
    if (SEEN_ELSEWHERE.has(name) || value === null) continue;
    what.append(`${name} `, element('b', '', told(value)), '  ');
  }
  line.append(element('span', 'at', `${after.toFixed(3)} s`), element('span', 'type', event.type), what);
  list.append(line);
  if (atEnd) section.scrollTop = section.scrollHeight;
}

function told(value) {
  if (typeof value !== 'object') return String(value);
  return Object.entries(value)
    .filter(([, part]) => part !== null)
    .map(([name, part]) => `${name} ${part}`)
    .join(', ');
}
