"""The supervisor under attack: killed, frozen, flooded with commands; workers that crash, hang and fork. CHAOS.md has the table. Prints TAP.

usage: supervisor_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import concurrent.futures
import os
import pathlib
import signal
import sys
import time

from chaos_support import WORKERS, after, chance, count, cpu_ms, processes_of, say, send
from system_support import SUPERVISOR, Instance, alive, programs_with, synthetic, toml_of, wait_for
import tap

HANG_LIMIT_MS = 3000


def test_kills_of_the_supervisor_leave_no_orphan_and_nothing_to_clean_up():
    dice = chance()
    longest = 0
    with synthetic() as exchange, Instance(exchange) as instance:
        for number in range(count(50)):
            instance.start()
            if number % 2 == 0:
                instance.wait_healthy()
            time.sleep(dice.uniform(0, 0.08))  # anywhere in a start, or in the life after it
            instance.process.kill()
            instance.process.wait()
            killed = time.monotonic()
            wait_for(lambda: not processes_of(instance), "no worker is left of supervisor %d" % number)
            longest = max(longest, time.monotonic() - killed)
        say("workers ended at most %d ms after their supervisor" % (longest * 1000))
        instance.start_and_wait()
        assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
        assert instance.stop() == 0, instance.output()


def test_a_stopped_worker_is_taken_for_hung_and_one_that_goes_on_in_time_is_not():
    dice = chance()
    with synthetic() as exchange, Instance(exchange, supervisor={"heartbeat_timeout_ms": HANG_LIMIT_MS}) as instance:
        instance.start_and_wait()
        for _ in range(count(10)):
            victim, control = dice.sample(WORKERS, 2)
            before = instance.pids()
            for name in (victim, control):
                os.kill(before[name], signal.SIGSTOP)
            wait_for(after(dice.uniform(0.1, 0.8 * HANG_LIMIT_MS / 1000)), "the control has been stopped for a while")
            os.kill(before[control], signal.SIGCONT)
            wait_for(lambda: instance.pids().get(victim, before[victim]) != before[victim], victim + " was replaced")
            instance.wait_healthy()
            now = instance.pids()
            assert {**now, victim: 0} == {**before, victim: 0}, (victim, control, before, now)
        assert instance.stop() == 0, instance.output()
        log = "".join(path.read_text() for path in (instance.folder / "log").iterdir())
        assert log.count("gave no heartbeat") == count(10), log.count("gave no heartbeat")


def crash_loop(script, **supervisor):
    """Starts of a worker that never comes to run, as ns of the wall clock, until it has been probed twice."""
    restart = {"first_delay_ms": 0, "delay_min_ms": 50, "delay_max_ms": 400, "healthy_after_ms": 60000, "failures_max": 6, "probe_ms": 1000}
    with synthetic() as exchange, Instance(exchange, supervisor=supervisor, **{"supervisor.restart": restart}) as instance:
        note = instance.folder / "starts"
        text = "#!/bin/sh\n[ \"$1\" = --check-config ] && exit 0\ndate +%%s%%N >>%s\n%s\n" % (note, script)
        instance.sections["instance"]["bin_dir"] = programs_with(instance, "storage", text)
        instance.config.write_text(toml_of(instance.sections))
        instance.start()
        wait_for(lambda: note.exists() and len(note.read_text().split()) >= restart["failures_max"] + 2, "it was probed twice")
        others = {name: row for name, row in instance.workers().items() if name != "storage"}
        assert all(row["alive"] and row["restarts"] == 0 for row in others.values()), others
        assert "is parked" in instance.ofctl("logs", "--worker", "supervisor")[1]
        say("supervisor's CPU: %d ms" % cpu_ms(instance.process.pid))
        starts = [int(word) for word in note.read_text().split()]
        assert instance.stop() == 0, instance.output()
    return starts


def test_crash_loops_follow_the_schedule_and_are_parked():
    delays_ms = [0, 50, 100, 200, 400, 1000, 1000]
    for kind, script, options in (("exit 1", "exit 1", {}), ("SIGSEGV", "kill -SEGV $$", {}), ("exit 0", "exit 0", {}),
                                  ("never ready", "exec sleep 1000", {"ready_timeout_ms": 300})):
        starts = crash_loop(script, **options)
        gaps = [(later - earlier) // 1_000_000 for earlier, later in zip(starts, starts[1:])]
        say("%s: gaps of %s ms" % (kind, gaps[:len(delays_ms)]))
        for gap, delay in zip(gaps, delays_ms):
            # Never sooner than the jitter allows; how much later is the machine's affair.
            assert gap >= 0.8 * delay + options.get("ready_timeout_ms", 0) - 5, (kind, gaps)


def pids_in(note):
    return [int(word) for word in note.read_text().split()] if note.exists() else []


def test_grandchildren_never_outlive_their_worker():
    with synthetic() as exchange, Instance(exchange) as instance:
        note = instance.folder / "grandchildren"
        script = ("#!/bin/sh\nif [ \"$1\" != --check-config ]; then\nsleep 1000 >/dev/null 2>&1 & echo $! >>%s\n"
                  "setsid sh -c 'echo $$ >>%s; sleep 1000 & sleep 1000' >/dev/null 2>&1 &\nfi\nexec %s \"$@\"\n" %
                  (note, note, pathlib.Path(SUPERVISOR).parents[1] / "workers/logger/of-logger"))
        instance.sections["instance"]["bin_dir"] = programs_with(instance, "logger", script)
        instance.config.write_text(toml_of(instance.sections))
        instance.start_and_wait()
        for _ in range(count(50)):
            pids = wait_for(lambda: (lambda found: found if len(found) >= 2 else None)(pids_in(note)), "grandchildren")
            note.unlink()
            before = instance.pids()["logger"]
            send(before, signal.SIGKILL)
            wait_for(lambda: instance.pids().get("logger", before) != before, "logger is back")
            wait_for(lambda: not any(alive(pid) for pid in pids), "the grandchildren have ended")
        instance.wait_healthy()
        assert instance.stop() == 0, instance.output()
        wait_for(lambda: not [pid for pid in pids_in(note) if alive(pid)], "nor are those of the last one left")


def test_commands_from_everywhere_at_once_leave_a_running_instance():
    dice = chance()
    verbs = [["restart"], ["stop"], ["start"], ["kill"], ["pause"], ["resume"]]
    jobs = [verb + [dice.choice(WORKERS)] for verb in dice.choices(verbs, k=count(120))] + [["config", "reload"]] * 10 + [["upgrade"]] * 5
    dice.shuffle(jobs)
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for code, out, err in pool.map(lambda job: instance.ofctl(*job, *([] if job[0] in ("kill", "config", "upgrade") else ["--no-wait"])), jobs):
                assert code in (0, 1, 3, 7), (code, out, err)  # 7: it becomes another program just now
        for name in WORKERS:
            instance.ofctl("resume", name)
            instance.ofctl("start", name)
        instance.wait_healthy()
        assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
        assert instance.stop() == 0, instance.output()


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
