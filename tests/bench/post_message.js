// Node's postMessage between a thread and a worker thread, by the rules of the other transports: prints one JSON object
// {"messages_per_second": N, "p50": ns, "p99": ns, "p999": ns, "max": ns}.
'use strict';
const { Worker, isMainThread, parentPort } = require('worker_threads');
const [messages, trips, words] = process.argv.slice(2).map(Number);

if (!isMainThread) {
  let left = messages;
  parentPort.on('message', (message) => {
    if (left > 0 && --left > 0) return;
    parentPort.postMessage(message);
  });
} else {
  const worker = new Worker(__filename, { argv: process.argv.slice(2) });
  const payload = new BigUint64Array(words);
  const ticks = [];
  let start = 0n;
  let rate = 0;
  const quantile = (q) => Number(ticks[Math.min(ticks.length - 1, Math.floor(q * ticks.length))]);
  worker.on('message', () => {
    if (rate === 0) {
      rate = (messages * 1e9) / Number(process.hrtime.bigint() - start);
    } else {
      ticks.push(process.hrtime.bigint() - start);
    }
    if (ticks.length < trips) {
      start = process.hrtime.bigint();
      return worker.postMessage(payload);
    }
    ticks.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    console.log(JSON.stringify({ messages_per_second: rate, p50: quantile(0.5), p99: quantile(0.99), p999: quantile(0.999), max: quantile(1) }));
    worker.terminate();
  });
  worker.once('online', () => {
    start = process.hrtime.bigint();
    for (let i = 0; i < messages; ++i) worker.postMessage(payload);
  });
}
