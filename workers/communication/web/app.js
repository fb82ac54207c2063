// Joins the panels to the feed. State: the chosen symbol and whether the picture is frozen.
import { Chart } from './chart.js';
import { Feed } from './feed.js';
import { Help } from './help.js';
import { listen } from './keys.js';
import { Quotes } from './quotes.js';
import { Rings } from './rings.js';
import { ROWS, Tape } from './tape.js';
import { TopBar } from './topbar.js';
import { Workers } from './workers.js';

const KEPT = 'orderflow.symbol';
const feed = new Feed();
const tape = new Tape();
const chart = new Chart();
const quotes = new Quotes(choose);
const topbar = new TopBar(choose);
const workers = new Workers();
const rings = new Rings();
const help = new Help();
const dimmed = ['tape-panel', 'chart-panel', 'quotes-panel'].map((id) => document.getElementById(id));
let symbols = [];
let symbol = localStorage.getItem(KEPT) ?? '';
let backlog = ROWS;
let backlogSymbol = '';

function choose(name) {
  if (name === symbol) return;
  if (symbol) feed.send({ op: 'unsubscribe', streams: ['trades'], symbols: [symbol] });
  symbol = name;
  localStorage.setItem(KEPT, name);
  tape.clear();
  topbar.symbols(symbols, symbol);
  follow();
}

function follow() {
  if (!symbol) return;
  backlogSymbol = symbol;
  feed.send({ op: 'subscribe', streams: ['trades'], symbols: [symbol], backlog });
}

/** Symbols may be named by a feed long after this page came. */
function learn(names) {
  const before = symbols.length;
  symbols = [...new Set([...symbols, ...names])].sort();
  if (symbols.length === before && before !== 0) return;
  quotes.symbols(symbols);
  if (!symbols.includes(symbol)) symbol = '';
  const first = !symbol && symbols.length;
  if (first) symbol = symbols[0];
  topbar.symbols(symbols, symbol);
  return first;
}

feed.addEventListener('hello', ({ detail }) => {
  learn(detail.symbols);
  feed.send({ op: 'subscribe', streams: ['quotes'] });
  follow();
});
feed.addEventListener('quote', ({ detail }) => {
  if (!symbols.includes(detail.symbol) && learn([detail.symbol])) follow();
  quotes.add(detail);
});
feed.addEventListener('trade', ({ detail }) => detail.symbol === symbol && tape.add(detail));
feed.addEventListener('lost', ({ detail }) => tape.mark(`${detail.count} trades lost: this page was too slow`));
feed.addEventListener('gap', ({ detail }) => detail.symbol === symbol && tape.mark(`trades ${detail.first_id} to ${detail.last_id} are missing`));
feed.addEventListener('error', ({ detail }) => {
  // A server that keeps fewer stored trades than this page would show says so; live ones go on in any case.
  if (/"backlog" must be/.test(detail.error) && backlog !== 0 && backlogSymbol === symbol) {
    backlog = Number(/to (\d+)/.exec(detail.error)?.[1] ?? 0);
    follow();
    return;
  }
  tape.mark(detail.error);
});

listen({ ' ': () => { tape.frozen = !tape.frozen; }, s: () => topbar.focusPicker(), '?': () => help.toggle() }, () => help.open);

function draw() {
  const link = feed.link;
  tape.draw();
  if (!tape.frozen) {
    chart.draw(tape.shown);
    quotes.chosen = symbol;
    quotes.draw();
  }
  for (const panel of dimmed) panel.classList.toggle('old', link.state !== 'live');
  topbar.draw({
    link, symbol, trade: tape.frozen ? tape.shown.at(-1) : tape.last, spread: quotes.spread(symbol), p50: feed.latency, roundTrip: feed.roundTrip,
    frozen: tape.frozen, held: tape.held, instance: workers.instance,
  });
  requestAnimationFrame(draw);
}

feed.start();
workers.start();
rings.start();
requestAnimationFrame(draw);
