/** Placing a call by hand. */
import { post } from './api.mjs';

const dialog = document.getElementById('dialog');
const form = document.getElementById('form');
const problem = document.getElementById('form-problem');
const input = (name) => document.getElementById(`form-${name}`);

const FIRST_DOCUMENT = `<Response>
  <Say>Hello. This is Pivot Streams.</Say>
  <Pause length="10" />
  <Say>Goodbye.</Say>
</Response>`;

let onPlaced = () => {};

export function openDialog(placed) {
  onPlaced = placed;
  problem.textContent = '';
  if (input('document').value === '') input('document').value = FIRST_DOCUMENT;
  dialog.showModal();
}

form.addEventListener('submit', async (event) => {
  if (event.submitter?.value !== 'call') return;
  event.preventDefault();
  problem.textContent = '';
  const text = input('document').value.trim();
  const source = /^https?:/i.test(text) ? { url: text } : { twiml: text };
  try {
    const { sid } = await post('/calls', { to: input('to').value.trim(), from: input('from').value.trim(), ...source });
    dialog.close();
    onPlaced(sid);
  } catch (error) {
    problem.textContent = error.message;
  }
});
