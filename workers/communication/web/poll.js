// A panel that asks the server each second, and says how old its picture is when there is no answer.
import { duration } from './format.js';

const PERIOD_MS = 1000;
const OLD_MS = 2500;

export class Poll {
  #path;
  #panel;
  #note;
  #at = performance.now();

  constructor(path, name) {
    this.#path = path;
    this.#panel = document.getElementById(`${name}-panel`);
    this.#note = document.getElementById(`${name}-note`);
  }

  start() {
    const turn = async () => {
      try {
        const answer = await fetch(this.#path, { cache: 'no-store', signal: AbortSignal.timeout(2000) });
        this.#note.textContent = this.show(await answer.json(), answer.status);
        this.#at = performance.now();
      } catch { /* the age below says it */ }
      setTimeout(turn, PERIOD_MS);
    };
    turn();
    setInterval(() => this.#age(), 500);
  }

  #age() {
    const age = performance.now() - this.#at;
    this.#panel.classList.toggle('old', age > OLD_MS);
    if (age > OLD_MS) this.#note.textContent = `no answer for ${duration(age)}`;
  }

  /** Rows of this table: made once for each key, then only filled. */
  static rows(body, keys, columns) {
    while (body.childElementCount > keys.length) body.lastElementChild.remove();
    while (body.childElementCount < keys.length) {
      const row = document.createElement('tr');
      row.append(...Array.from({ length: columns }, () => document.createElement('td')));
      body.append(row);
    }
    return [...body.children].map((row) => row.children);
  }
}
