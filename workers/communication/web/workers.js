// The workers as the control page has them: nothing here is a literal, a stopped worker shows the age of its heartbeat.
import { duration, put } from './format.js';
import { Poll } from './poll.js';

const HEARTBEAT_LATE_MS = 1000;

export class Workers extends Poll {
  #body = document.getElementById('workers');
  instance = '';

  constructor() { super('/api/workers', 'workers'); }

  show(health) {
    this.instance = health.instance;
    const rows = Poll.rows(this.#body, health.workers, 6);
    health.workers.forEach((worker, i) => {
      const [name, state, pid, up, heartbeat, restarts] = rows[i];
      put(name, worker.name);
      const runs = worker.uptime_ms > 0 || worker.state === 'running';
      const late = runs && worker.heartbeat_age_ms > HEARTBEAT_LATE_MS;
      const text = worker.state === 'running' && !worker.healthy ? 'silent' : worker.state;
      if (!state.firstElementChild) state.append(document.createElement('span'));
      put(state.firstElementChild, text);
      state.firstElementChild.className = `state ${worker.healthy ? 'good' : ['failed', 'parked', 'absent', 'stopped'].includes(worker.state) || text === 'silent' ? 'bad' : ''}`;
      put(pid, worker.pid ? String(worker.pid) : '–');
      put(up, runs ? duration(worker.uptime_ms) : '–');
      put(heartbeat, runs ? duration(worker.heartbeat_age_ms) : '–');
      heartbeat.className = late ? 'warn' : '';
      put(restarts, String(worker.restarts));
    });
    const healthy = health.workers.filter((worker) => worker.healthy).length;
    return `${healthy} of ${health.workers.length} healthy`;
  }
}
