// Best bid and ask of every symbol, one row each, with the age of what is shown.
import { decimal, difference, duration, places, put } from './format.js';

export class Quotes {
  #body = document.getElementById('quotes');
  #note = document.getElementById('quotes-note');
  #rows = new Map(); // symbol -> {row, quote, at, changed, digits}
  #choose;
  chosen = '';

  constructor(choose) { this.#choose = choose; }

  symbols(names) {
    for (const name of names) this.#entry(name);
  }
  add(quote) {
    const entry = this.#entry(quote.symbol);
    entry.quote = quote;
    entry.changed = true;
    entry.at = quote.correlation === '-' ? entry.at : performance.now(); // the page's own copy says nothing of its age
    entry.digits = Math.max(entry.digits, places(quote.bid_price), places(quote.ask_price));
  }
  get(symbol) { return this.#rows.get(symbol)?.quote ?? null; }
  spread(symbol) {
    const entry = this.#rows.get(symbol);
    return entry?.quote ? decimal(difference(entry.quote.ask_price, entry.quote.bid_price), entry.digits) : null;
  }

  #entry(symbol) {
    const known = this.#rows.get(symbol);
    if (known) return known;
    const row = document.createElement('tr');
    row.dataset.symbol = symbol;
    const classes = ['', 'wide soft', 'bid', 'ask', 'wide soft', 'soft', 'soft'];
    row.append(...classes.map((name) => Object.assign(document.createElement('td'), { className: name })));
    row.children[0].textContent = symbol;
    row.addEventListener('click', () => this.#choose(symbol));
    const after = [...this.#body.children].find((other) => other.dataset.symbol > symbol);
    this.#body.insertBefore(row, after ?? null);
    const entry = { row, quote: null, at: -Infinity, changed: false, digits: 2 };
    this.#rows.set(symbol, entry);
    return entry;
  }

  draw() {
    const now = performance.now();
    for (const [symbol, entry] of this.#rows) {
      const cells = entry.row.children;
      if (entry.changed) {
        entry.changed = false;
        const { quote, digits } = entry;
        put(cells[1], decimal(quote.bid_qty, 3));
        put(cells[2], decimal(quote.bid_price, digits));
        put(cells[3], decimal(quote.ask_price, digits));
        put(cells[4], decimal(quote.ask_qty, 3));
        put(cells[5], this.spread(symbol));
      }
      const age = now - entry.at;
      put(cells[6], !entry.quote ? 'no quote' : !Number.isFinite(age) ? 'unknown' : age < 1000 ? '< 1 s' : duration(age));
      entry.row.classList.toggle('dim', age > 5000);
      entry.row.classList.toggle('chosen', symbol === this.chosen);
    }
    put(this.#note, `${this.#rows.size} symbols`);
  }
}
