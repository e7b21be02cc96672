/** The streams of a call with their counters. */
import { element, seconds } from './words.mjs';

const body = document.querySelector('#streams tbody');
const table = document.getElementById('streams');
const none = document.getElementById('no-streams');
const FRAME_MS = 20;

export function drawStreams(streams) {
  table.hidden = streams.length === 0;
  none.hidden = streams.length > 0;
  body.replaceChildren(...streams.map(row));
}

function row({ name, mode, status, url, error, counters }) {
  const isTwoWay = mode === 'bidirectional' || mode === 'duplex';
  const made = element('tr');
  const first = element('td', '', name);
  first.title = url;
  const state = element('td');
  const pill = element('span', 'pill', status);
  pill.dataset.status = status;
  if (error !== null) pill.title = `${error.code} ${error.message}`;
  state.append(pill);
  made.append(
    first,
    element('td', '', mode),
    state,
    element('td', 'n', seconds(counters.framesSent * FRAME_MS)),
    element('td', 'n', isTwoWay ? String(counters.messagesReceived) : '–'),
    element('td', 'n', isTwoWay ? seconds(counters.playedMs) : '–'),
    element('td', 'n', isTwoWay ? seconds(counters.bufferedMs) : '–'),
    element('td', 'n', seconds(counters.framesDropped * FRAME_MS + counters.droppedMs)),
    element('td', 'n', isTwoWay ? String(counters.underruns) : '–'),
  );
  return made;
}
