/** The list of calls, newest first; one is chosen. */
import { ago, clockTime, element, talkedMs } from './words.mjs';

const list = document.getElementById('list');
const empty = document.getElementById('empty');

export function drawList(calls, chosen, onChoose) {
  const nowMs = Date.now();
  empty.hidden = calls.length > 0;
  const focused = document.activeElement?.dataset.sid;
  list.replaceChildren(...calls.map((call) => item(call, call.sid === chosen, nowMs, onChoose)));
  if (focused) list.querySelector(`[data-sid="${focused}"]`)?.focus();
}

function item(call, isChosen, nowMs, onChoose) {
  const inbound = call.direction === 'inbound';
  const button = element('button');
  button.type = 'button';
  button.dataset.sid = call.sid;
  button.setAttribute('aria-current', String(isChosen));
  const pill = element('span', 'pill', call.status);
  pill.dataset.status = call.status;
  const talked = talkedMs(call, nowMs);
  const way = element('span', 'way', inbound ? '↙' : '↗');
  way.title = inbound ? 'to us' : 'from us';
  button.append(
    way,
    element('span', 'party', inbound ? call.from : call.to),
    pill,
    element('span', 'when', ago(call.createdAt, nowMs)),
    element('span', 'time', talked === null ? '' : clockTime(talked)),
  );
  button.addEventListener('click', () => onChoose(call.sid));
  const entry = element('li');
  entry.append(button);
  return entry;
}
