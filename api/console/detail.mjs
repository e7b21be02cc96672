/** The chosen call: its state and its streams asked for again and again, its timeline followed as server-sent events. */
import { address, get, post } from './api.mjs';
import { drawEvent } from './events.mjs';
import { drawPicture } from './picture.mjs';
import { drawStreams } from './streams.mjs';
import { clockTime, isLive, talkedMs } from './words.mjs';

const part = (id) => document.getElementById(id);
const FRAME_MS = 250;

export class Detail {
  sid = '';
  #call = null;
  #events = [];
  #source = null;
  #ticking = null;

  constructor() {
    part('hangup').addEventListener('click', () => this.#hangUp());
  }

  show(sid) {
    this.#source?.close();
    clearInterval(this.#ticking);
    this.sid = sid;
    this.#call = null;
    this.#events = [];
    part('events').replaceChildren();
    part('hint').hidden = true;
    part('detail').hidden = true;
    this.#follow(sid);
    this.#ticking = setInterval(() => this.#draw(), FRAME_MS);
  }

  async refresh() {
    const { sid } = this;
    if (sid === '' || (this.#call !== null && !isLive(this.#call) && !part('detail').hidden)) return;
    try {
      const [call, streams] = await Promise.all([get(`/calls/${sid}`), get(`/calls/${sid}/streams`)]);
      if (sid !== this.sid) return;
      this.#call = call;
      drawStreams(streams.items);
      part('detail').hidden = false;
      this.#draw();
      if (!isLive(call)) clearInterval(this.#ticking);
    } catch (error) {
      part('hint').textContent = error.message;
      part('hint').hidden = false;
    }
  }

  #follow(sid) {
    const source = new EventSource(address(`/calls/${sid}/events`));
    this.#source = source;
    part('live').hidden = false;
    source.addEventListener('message', ({ data }) => {
      const event = JSON.parse(data);
      this.#events.push(event);
      drawEvent(event, this.#events[0]);
      if (event.type === 'call.ended' || event.type === 'call.status') void this.refresh();
      this.#draw();
    });
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) part('live').hidden = true;
    });
  }

  #draw() {
    const call = this.#call;
    if (call === null) return;
    const live = isLive(call);
    part('from').textContent = call.from;
    part('to').textContent = call.to;
    part('sid').textContent = call.sid;
    part('state').textContent = call.status;
    part('state').dataset.status = call.status;
    const talked = talkedMs(call, Date.now());
    part('facts').textContent = [
      call.direction === 'inbound' ? 'to us' : 'from us',
      talked === null ? 'not answered' : clockTime(talked),
      `${call.dialect} dialect`,
    ].join(' · ');
    part('hangup').hidden = !live;
    if (!live) part('live').hidden = true;
    this.#drawEnding(call);
    drawPicture(part('picture'), this.#events, live ? Date.now() : null);
  }

  #drawEnding({ ending, status }) {
    part('ending').hidden = ending === null;
    if (ending === null) return;
    part('ending').dataset.status = status;
    const code =
      ending.sipCode === null || ending.detail?.startsWith(String(ending.sipCode)) ? '' : ` (${ending.sipCode})`;
    const why = ending.detail === null ? '' : `: ${ending.detail}`;
    part('ending').textContent = `Ended by the ${ending.blame}, ${ending.cause}${code}${why}`;
  }

  async #hangUp() {
    await post(`/calls/${this.sid}`, { status: 'completed' }).catch(() => {});
    await this.refresh();
  }
}
