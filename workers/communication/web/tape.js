// The trade tape of the chosen symbol: newest on top, at most ROWS of them, drawn once a frame. Stored and live trades are told apart by
// nothing but their ids, so that a reconnect leaves neither a hole nor a double.
import { clock, decimal, places, put } from './format.js';

export const ROWS = 200;

export class Tape {
  #body = document.getElementById('tape');
  #note = document.getElementById('tape-note');
  #ratio = document.getElementById('ratio');
  #buy = document.getElementById('ratio-buy');
  #sell = document.getElementById('ratio-sell');
  #waiting = []; // not drawn yet, oldest first
  #trades = [];  // drawn, oldest first, marks too
  #ids = new Set();
  #digits = 2;
  #sizeDigits = 2;
  #whole = false;
  held = 0; // while frozen
  frozen = false;

  clear() {
    this.#waiting = [];
    this.#trades = [];
    this.#ids.clear();
    this.#digits = this.#sizeDigits = 2;
    this.held = 0;
    this.#whole = true;
  }

  add(trade) {
    if (this.#ids.has(trade.id)) return false;
    this.#ids.add(trade.id);
    if (this.#ids.size > 4 * ROWS) this.#ids = new Set([...this.#ids].slice(-2 * ROWS));
    const digits = places(trade.price);
    if (digits > this.#digits) {
      this.#digits = digits;
      this.#whole = true;
    }
    this.#sizeDigits = Math.max(this.#sizeDigits, places(trade.qty));
    this.#push(trade);
    return true;
  }
  mark(text) { this.#push({ mark: text }); }

  #push(entry) {
    this.#waiting.push(entry);
    if (this.frozen) this.held++;
    if (this.#waiting.length > ROWS) this.#waiting.shift();
  }

  get last() { return (this.#waiting.findLast((entry) => entry.price) ?? this.#trades.findLast((entry) => entry.price)) ?? null; }

  draw() {
    if (this.frozen) return;
    this.held = 0;
    if (!this.#waiting.length && !this.#whole) return;
    const fresh = this.#waiting;
    this.#trades = [...this.#trades, ...fresh].slice(-ROWS);
    this.#waiting = [];
    const redraw = this.#whole ? this.#trades : fresh;
    if (this.#whole) this.#body.replaceChildren();
    this.#whole = false;
    const largest = Math.max(1e-12, ...this.#trades.map((trade) => Number(trade.qty ?? 0)));
    for (const entry of redraw) this.#body.prepend(this.#row(entry, largest));
    this.#summary();
  }

  /** A row for this entry: the oldest one again once there are ROWS. */
  #row(entry, largest) {
    const old = this.#body.childElementCount >= ROWS ? this.#body.lastElementChild : null;
    const row = old ?? document.createElement('tr');
    if (entry.mark) {
      row.className = 'mark';
      row.removeAttribute('title');
      const cell = document.createElement('td');
      cell.colSpan = 4;
      cell.textContent = entry.mark;
      row.replaceChildren(cell);
      return row;
    }
    if (row.childElementCount !== 4) row.replaceChildren(...Array.from({ length: 4 }, () => document.createElement('td')));
    const side = entry.buyer_is_maker ? 'sell' : 'buy';
    row.className = side;
    row.dataset.id = entry.id;
    row.title = `trade ${entry.id}\ncorrelation ${entry.correlation}`;
    row.style.setProperty('--size', `${((Number(entry.qty) / largest) * 100).toFixed(1)}%`);
    const [time, price, quantity, glyph] = row.children;
    put(time, clock(entry.time_ns));
    put(price, decimal(entry.price, this.#digits));
    put(quantity, decimal(entry.qty, Math.min(this.#sizeDigits, 5)));
    put(glyph, side === 'buy' ? '▲ buy' : '▼ sell');
    return row;
  }

  #summary() {
    let buy = 0;
    let all = 0;
    for (const trade of this.#trades) {
      if (trade.mark) continue;
      all += Number(trade.qty);
      if (!trade.buyer_is_maker) buy += Number(trade.qty);
    }
    const share = all > 0 ? (buy / all) * 100 : 50;
    this.#ratio.style.setProperty('--share', `${share}%`);
    put(this.#buy, all > 0 ? `▲ ${share.toFixed(0)} %` : '');
    put(this.#sell, all > 0 ? `${(100 - share).toFixed(0)} % ▼` : '');
    put(this.#note, `last ${this.#trades.filter((trade) => !trade.mark).length}`);
  }

  /** Trades that are drawn, oldest first, for the chart. */
  get shown() { return this.#trades.filter((entry) => entry.price); }
}
