// The rings: how many messages went through each, how fast, and how far its readers are behind.
import { count, put } from './format.js';
import { Poll } from './poll.js';

/** A narrow column breaks a name at its dots. */
function putName(cell, name) {
  if (cell.textContent === name) return;
  cell.replaceChildren(...name.split('.').flatMap((part, i) => (i ? ['.', document.createElement('wbr'), part] : [part])));
}

export class Rings extends Poll {
  #body = document.getElementById('rings');
  #before = new Map(); // name -> [published, at]

  constructor() { super('/api/rings', 'rings'); }

  #rate(ring, now) {
    const before = this.#before.get(ring.name);
    this.#before.set(ring.name, [ring.published, now]);
    if (!before || ring.published < before[0]) return null;
    return ((ring.published - before[0]) * 1000) / (now - before[1]);
  }

  show({ rings }) {
    const now = performance.now();
    const rows = Poll.rows(this.#body, rings, 4);
    let lost = 0;
    rings.forEach((ring, i) => {
      const [name, published, rate, behind] = rows[i];
      const perSecond = this.#rate(ring, now);
      putName(name, ring.name);
      put(published, count(ring.published));
      put(rate, perSecond === null ? '–' : count(perSecond));
      put(behind, Object.entries(ring.lag).map(([reader, messages]) => `${reader} ${count(messages)}`).join('\n') || '–');
      behind.className = Object.values(ring.lag).some((messages) => messages > ring.slots / 2) ? 'warn' : 'soft';
      lost += Object.values(ring.lost).reduce((sum, n) => sum + n, 0);
    });
    return lost ? `${count(lost)} messages lost by readers` : 'nothing lost';
  }
}
