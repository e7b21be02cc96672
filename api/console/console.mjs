/**
 * The console: the list of calls, and of the chosen one everything the API knows, as it happens. It asks nothing but the
 * public API, with the credentials the browser has. `list.mjs`, `detail.mjs` and `dialog.mjs` draw; here is when.
 */
import { get } from './api.mjs';
import { Detail } from './detail.mjs';
import { openDialog } from './dialog.mjs';
import { drawList } from './list.mjs';
import { drawSystem } from './system.mjs';

const EVERY_MS = 1500;

const detail = new Detail();
let chosen = location.hash.slice(1);

function choose(sid) {
  if (sid === chosen && detail.sid === sid) return;
  chosen = sid;
  history.replaceState(null, '', `#${sid}`);
  detail.show(sid);
  void look();
}

async function look() {
  if (document.hidden) return;
  const [calls, system] = await Promise.allSettled([get('/calls?limit=100'), get('/readyz')]);
  drawSystem(system.status === 'fulfilled' ? system.value : null);
  if (calls.status === 'fulfilled') drawList(calls.value.items, chosen, choose);
  await detail.refresh();
}

document.getElementById('new').addEventListener('click', () => openDialog(choose));
window.addEventListener('hashchange', () => choose(location.hash.slice(1)));
document.addEventListener('visibilitychange', look);
if (/^CA[0-9a-f]{32}$/.test(chosen)) detail.show(chosen);
await look();
setInterval(look, EVERY_MS);
