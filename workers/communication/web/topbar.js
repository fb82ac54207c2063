// The bar on top: symbol, last price, spread, latency, and the pill that says whether all this is true now.
import { count, decimal, latency, put } from './format.js';

export class TopBar {
  #link = document.getElementById('link');
  #last = document.getElementById('last');
  #spread = document.getElementById('spread');
  #latency = document.getElementById('latency');
  #rtt = document.getElementById('rtt');
  #frozen = document.getElementById('frozen');
  #instance = document.getElementById('instance');
  #picker = document.getElementById('symbol');
  #price = null;
  #symbol = '';

  constructor(choose) {
    this.#picker.addEventListener('change', () => {
      choose(this.#picker.value);
      this.#picker.blur(); // so that the keys work again
    });
  }

  symbols(names, chosen) {
    const known = [...this.#picker.options].map((option) => option.value);
    for (const name of names.filter((other) => !known.includes(other))) this.#picker.add(new Option(name, name));
    this.#picker.value = chosen;
  }
  focusPicker() {
    this.#picker.focus();
    this.#picker.showPicker?.();
  }

  draw({ link, trade, spread, p50, roundTrip, frozen, held, instance, symbol }) {
    put(this.#link, link.text);
    this.#link.dataset.state = link.state;
    put(this.#spread, spread ?? '–');
    // Half a round trip is what the two clocks' difference is known to.
    put(this.#latency, p50 !== null && roundTrip !== null && p50 < roundTrip / 2 ? `< ${latency(roundTrip / 2)}` : latency(p50));
    put(this.#rtt, latency(roundTrip));
    put(this.#instance, instance);
    this.#frozen.hidden = !frozen;
    if (frozen) put(this.#frozen, `FROZEN · ${count(held)} held`);
    document.title = trade ? `${decimal(trade.price)} ${symbol} · OrderFlow` : 'OrderFlow';
    this.#drawLast(trade, symbol);
  }

  #drawLast(trade, symbol) {
    if (!trade || symbol !== this.#symbol) {
      this.#symbol = symbol;
      this.#price = null;
      this.#last.className = '';
    }
    put(this.#last, trade ? decimal(trade.price) : '–');
    if (!trade || trade.price === this.#price) return;
    if (this.#price !== null) this.#last.className = Number(trade.price) > Number(this.#price) ? 'up' : 'down';
    this.#price = trade.price;
  }
}
