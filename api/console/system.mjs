/** The line at the top: how full the system is, or what is missing. */
import { element } from './words.mjs';

const line = document.getElementById('system');

export function drawSystem(ready) {
  if (ready === null) {
    line.replaceChildren(element('span', 'bad', 'The API does not answer.'));
    return;
  }
  const { workers, gateways, redis } = ready;
  const missing = [
    redis.ok ? null : 'Redis does not answer',
    redis.ok && !workers.ok ? 'no worker takes calls' : null,
    redis.ok && !gateways.ok ? 'no gateway is there' : null,
  ].filter((text) => text !== null);
  if (missing.length > 0) {
    line.replaceChildren(element('span', 'bad', `${missing.join(', ')}.`));
    return;
  }
  const calls = workers.calls === 1 ? ' call of ' : ' calls of ';
  line.replaceChildren(
    element('b', '', String(workers.calls)),
    calls,
    element('b', '', String(workers.capacity)),
    ' possible',
  );
}
