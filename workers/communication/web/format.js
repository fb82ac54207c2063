// Numbers and times as people read them. Prices and quantities stay the server's exact text; only zeros at the end go.

/** "61602.01000000" with `digits` places, never fewer than its own. */
export function decimal(text, digits = 2) {
  const point = text.indexOf('.');
  if (point < 0) return text;
  let end = text.length;
  while (end > point + 1 + digits && text[end - 1] === '0') end--;
  return text.slice(0, end);
}

/** Places that this text needs. */
export function places(text) {
  const fraction = (text.split('.')[1] ?? '').replace(/0+$/, '');
  return fraction.length;
}

/** a - b of two decimal texts, exactly. */
export function difference(a, b) {
  const units = (text) => BigInt(text.replace('.', ''));
  const value = units(a) - units(b);
  const digits = (value < 0n ? -value : value).toString().padStart(9, '0');
  return `${value < 0n ? '−' : ''}${digits.slice(0, -8)}.${digits.slice(-8)}`;
}

const two = (n) => String(n).padStart(2, '0');

export function clock(ns) {
  const at = new Date(ns / 1e6);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** 999 ms, 59 s, and from there on as ofctl has it: 59m05s, 23h04m, 9d03h. */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86400)}d${two(Math.floor((s % 86400) / 3600))}h`;
}

/** 0.42 ms, 3.1 ms, 120 ms. */
export function latency(ms) {
  if (ms === null) return '–';
  return `${ms < 10 ? ms.toFixed(ms < 1 ? 2 : 1) : Math.round(ms)} ms`;
}

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
export const count = (n) => grouped.format(n).replaceAll(',', '\u202f');

/** Sets a text only where it differs, so that the browser has nothing to lay out again. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
