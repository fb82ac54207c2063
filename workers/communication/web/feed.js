// The link to the server: connects, subscribes, and connects again whatever happens. It says what state it is in by the age of the
// market data, so that a frozen picture is never called live.

const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 8000;
const STALE_MS = 1500;
const DOWN_MS = 10000;
const PING_MS = 1000;
const SILENT_MS = 5000; // no answer to pings: the link is dead, though the browser may not know it yet
const WINDOW_MS = 60000;

/** The pill: what to say of the link. Pure, so that a table can test it. */
export function describeLink({ open, attempts, brokenMs, dataAgeMs }) {
  if (!open && attempts === 0) return { state: 'connecting', text: 'CONNECTING' };
  if (!open && brokenMs >= DOWN_MS) return { state: 'down', text: 'DOWN' };
  if (!open) return { state: 'reconnecting', text: `RECONNECTING ${attempts}` };
  if (dataAgeMs <= STALE_MS) return { state: 'live', text: 'LIVE' };
  return { state: 'stale', text: Number.isFinite(dataAgeMs) ? `STALE ${Math.floor(dataAgeMs / 1000)} s` : 'NO DATA YET' };
}

export function retryDelay(attempt, chance = Math.random()) {
  const full = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** attempt);
  return full * (0.75 + chance * 0.5);
}

/** Samples of the last minute. */
class Recent {
  #samples = [];
  add(value, now) {
    this.#samples.push([now, value]);
    if (this.#samples.length > 4000) this.#samples.splice(0, 1000);
  }
  values(now) {
    const first = this.#samples.findIndex(([at]) => at > now - WINDOW_MS);
    this.#samples = first < 0 ? [] : this.#samples.slice(first);
    return this.#samples.map(([, value]) => value);
  }
}

/** Wall time in ms, finer than Date.now(). */
const wall = () => performance.timeOrigin + performance.now();

export class Feed extends EventTarget {
  #socket = null;
  #attempts = 0;
  #brokenAt = performance.now();
  #dataAt = -Infinity;
  #heardAt = 0;
  #retry = 0;
  #latencies = new Recent();
  #pings = new Recent(); // [round trip ms, server clock - own clock in ms]
  #sent = new Map();
  #pingId = 0;

  start() {
    this.#connect();
    setInterval(() => this.#beat(), PING_MS);
    const again = () => document.visibilityState === 'visible' && this.#now();
    addEventListener('online', again);
    document.addEventListener('visibilitychange', again);
  }

  get link() {
    const now = performance.now();
    const open = this.#socket?.readyState === WebSocket.OPEN;
    return describeLink({ open, attempts: this.#attempts, brokenMs: now - this.#brokenAt, dataAgeMs: now - this.#dataAt });
  }
  get dataAgeMs() { return performance.now() - this.#dataAt; }
  /** p50 of feed -> page, in ms; null before there is one. */
  get latency() {
    const values = this.#latencies.values(performance.now()).sort((a, b) => a - b);
    return values.length ? values[values.length >> 1] : null;
  }
  get roundTrip() { return this.#best()?.[0] ?? null; }

  send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #best() {
    const pings = this.#pings.values(performance.now());
    return pings.reduce((best, ping) => (best && best[0] <= ping[0] ? best : ping), null);
  }

  #connect() {
    clearTimeout(this.#retry);
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`);
    this.#socket = socket;
    socket.onopen = () => {
      this.#heardAt = performance.now();
      this.#sent.clear();
    };
    socket.onmessage = (event) => socket === this.#socket && this.#receive(JSON.parse(event.data));
    socket.onclose = () => socket === this.#socket && this.#lost();
  }

  #lost() {
    if (this.#attempts === 0) this.#brokenAt = performance.now();
    const delay = retryDelay(this.#attempts++);
    this.#retry = setTimeout(() => this.#connect(), delay);
    this.dispatchEvent(new CustomEvent('lost-link'));
  }

  /** At once, instead of at the end of the back-off. */
  #now() {
    if (this.#socket?.readyState === WebSocket.OPEN || this.#socket?.readyState === WebSocket.CONNECTING) return;
    this.#connect();
  }

  #beat() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (performance.now() - this.#heardAt > SILENT_MS) {
      const dead = this.#socket;
      this.#socket = null;
      dead.close();
      this.#lost();
      return;
    }
    const id = ++this.#pingId;
    this.#sent.set(id, performance.now());
    this.send({ op: 'ping', id });
  }

  #receive(message) {
    const now = performance.now();
    this.#heardAt = now;
    if (message.type === 'pong') return this.#pong(message, now);
    if (message.type === 'hello') {
      this.#attempts = 0;
      this.#beat();
    }
    if ((message.type === 'trade' && !message.backlog) || (message.type === 'quote' && message.correlation !== '-')) {
      this.#dataAt = now;
      const offset = this.#best()?.[1];
      if (offset !== undefined) this.#latencies.add(wall() + offset - message.receive_ns / 1e6, now);
    }
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }

  #pong(message, now) {
    const sent = this.#sent.get(message.id);
    this.#sent.delete(message.id);
    if (sent === undefined) return;
    const roundTrip = now - sent;
    this.#pings.add([roundTrip, message.server_ns / 1e6 + roundTrip / 2 - wall()], now);
  }
}
