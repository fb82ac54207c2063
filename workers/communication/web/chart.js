// The price of the chosen symbol: a line through the trades that the tape shows, drawn whole each time; cheap, and right in every theme.
import { decimal, put } from './format.js';

export class Chart {
  #canvas = document.getElementById('chart');
  #note = document.getElementById('chart-note');
  #drawn = '';

  draw(trades) {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const style = getComputedStyle(document.documentElement);
    const key = `${trades.length} ${trades.at(-1)?.id} ${width} ${height} ${style.getPropertyValue('--buy')}`;
    if (key === this.#drawn) return;
    this.#drawn = key;
    const scale = devicePixelRatio || 1;
    this.#canvas.width = width * scale;
    this.#canvas.height = height * scale;
    const pen = this.#canvas.getContext('2d');
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    put(this.#note, trades.length ? `last ${trades.length} trades` : 'no trade yet');
    if (trades.length < 2) return;
    this.#plot(pen, trades, width, height, (name) => style.getPropertyValue(name).trim());
  }

  #plot(pen, trades, width, height, colour) {
    const prices = trades.map((trade) => Number(trade.price));
    const low = Math.min(...prices);
    const high = Math.max(...prices);
    const span = high - low || high * 1e-6 || 1;
    const right = width - 78;
    const x = (i) => 12 + (i / (prices.length - 1)) * (right - 12);
    const y = (price) => 12 + (1 - (price - low) / span) * (height - 30);
    pen.font = '11px system-ui, sans-serif';
    pen.lineWidth = 1;
    for (const part of [0, 0.5, 1]) {
      const level = low + span * part;
      pen.strokeStyle = colour('--line');
      pen.beginPath();
      pen.moveTo(12, Math.round(y(level)) + 0.5);
      pen.lineTo(right + 4, Math.round(y(level)) + 0.5);
      pen.stroke();
      pen.fillStyle = colour('--soft');
      pen.fillText(level.toFixed(Math.max(2, decimal(trades[0].price).split('.')[1]?.length ?? 2)), right + 10, y(level) + 4);
    }
    const rising = prices.at(-1) >= prices[0];
    const ink = colour(rising ? '--buy' : '--sell');
    pen.beginPath();
    prices.forEach((price, i) => (i ? pen.lineTo(x(i), y(price)) : pen.moveTo(x(i), y(price))));
    pen.strokeStyle = ink;
    pen.lineWidth = 1.8;
    pen.lineJoin = 'round';
    pen.stroke();
    pen.lineTo(x(prices.length - 1), height);
    pen.lineTo(x(0), height);
    pen.closePath();
    pen.fillStyle = colour(rising ? '--buy-bar' : '--sell-bar');
    pen.fill();
    pen.beginPath();
    pen.arc(x(prices.length - 1), y(prices.at(-1)), 3.5, 0, 7);
    pen.fillStyle = ink;
    pen.fill();
  }
}
