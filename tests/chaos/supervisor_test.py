"""The supervisor under attack: killed, frozen, flooded with commands; workers that crash, hang and fork. CHAOS.md has the table. Prints TAP.

usage: supervisor_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import time

from chaos_support import FATAL, WORKERS, chance, count, cpu_ms, open_files, processes_of, resident_kb, say, send
from system_support import SUPERVISOR, Instance, alive, process_state, programs_with, synthetic, toml_of, wait_for
import tap

NO_RESOURCES = 10
HANG_LIMIT_MS = 3000


def after(seconds):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def restarts(instance):
    return {name: row["restarts"] for name, row in instance.workers().items()}


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


def test_freezing_the_whole_tree_restarts_nothing():
    dice = chance()
    with synthetic() as exchange, Instance(exchange, supervisor={"heartbeat_timeout_ms": HANG_LIMIT_MS, "ready_timeout_ms": 5000}) as instance:
        instance.start_and_wait()
        before = instance.pids()
        for _ in range(count(2)):
            everybody = list(before.values()) + [instance.process.pid]
            dice.shuffle(everybody)
            for pid in everybody:
                os.kill(pid, signal.SIGSTOP)
            wait_for(lambda: all(process_state(pid) == "T" for pid in everybody), "all stand still")
            wait_for(after(30 if os.environ.get("OF_CHAOS") else 10), "much more than the hang limit has passed")
            dice.shuffle(everybody)
            for pid in everybody:
                os.kill(pid, signal.SIGCONT)
            wait_for(after(HANG_LIMIT_MS / 1000 + 1), "a verdict would have come")
            assert instance.pids() == before, (before, instance.pids())
        instance.wait_healthy()
        assert instance.stop() == 0, instance.output()


def test_reloads_without_end_leave_nothing_behind():
    dice = chance()
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        good = instance.config.read_text()
        figures = []
        wrong = 0
        for number in range(count(100)):
            if dice.random() < 0.2:
                instance.config.write_text(good[:dice.randrange(20, len(good) - 1)] + "\n= broken")
                wrong += 1
                assert instance.ofctl("config", "reload")[0] == 1
            else:
                instance.config.write_text(good + "\n# %d\n[supervisor]\nstop_timeout_ms = %d\n" % (number, 9000 + number))
                code, out, err = instance.ofctl("config", "reload")
                assert code == 0, (code, out, err)
            figures.append((open_files(instance.process.pid), resident_kb(instance.process.pid)))
        middle = len(figures) // 2
        wait_for(lambda: open_files(instance.process.pid) <= min(figures)[0], "the last one has closed what it opened")
        say("%d reloads, %d of them refused; descriptors %d, then %d; resident %d, then %d kB" % (
            len(figures), wrong, figures[middle][0], figures[-1][0], figures[middle][1], figures[-1][1]))
        assert figures[-1][1] <= figures[middle][1] + 1024, figures[::10]
        assert instance.pids() == before
        instance.config.write_text(good)
        assert instance.stop() == 0, instance.output()


def test_upgrades_without_end_keep_the_workers():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        files = []
        for _ in range(count(20)):
            code, out, err = instance.ofctl("upgrade")
            assert code == 0, (code, out, err)
            files.append(open_files(instance.process.pid))
        say("descriptors after each: %s" % sorted(set(files)))
        assert max(files[1:]) <= files[0] + 1, files
        instance.wait_healthy()
        assert instance.pids() == before and not any(restarts(instance).values())
        assert instance.stop() == 0, instance.output()


def test_a_second_sigterm_ends_what_still_drains():
    with synthetic() as exchange, Instance(exchange, supervisor={"heartbeat_timeout_ms": 600000, "stop_timeout_ms": 600000}) as instance:
        for victim in WORKERS:
            instance.start_and_wait()
            os.kill(instance.pids()[victim], signal.SIGSTOP)
            instance.process.terminate()
            wait_for(lambda: "stopping: SIGTERM" in instance.output().splitlines()[-1], "the first is taken")
            instance.process.terminate()
            assert instance.process.wait(60) == 0, instance.output()
            assert not processes_of(instance) and not instance.segments(), (processes_of(instance), instance.segments())


def test_only_one_of_many_starts_wins():
    with synthetic() as exchange, Instance(exchange) as instance:
        for _ in range(count(3)):
            command = [SUPERVISOR, "run", "--config", str(instance.config)]
            racers = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(40)]
            try:
                wait_for(lambda: sum(racer.poll() is not None for racer in racers) == len(racers) - 1, "all but one have ended")
                instance.process = next(racer for racer in racers if racer.poll() is None)
                instance.wait_healthy()
                lost = [racer for racer in racers if racer is not instance.process]
                assert all(racer.returncode == NO_RESOURCES for racer in lost), {racer.returncode for racer in lost}
                assert all("is already run by" in racer.stderr.read() for racer in lost)
                assert instance.stop() == 0
            finally:
                for racer in racers:
                    if racer.poll() is None:
                        racer.kill()
                    racer.wait()
                    racer.stderr.close()


def test_every_signal_to_a_worker_ends_in_a_running_worker():
    ignored = [signal.SIGINT, signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH, signal.SIGPIPE]
    fatal = [number for number in FATAL if number not in ignored + [signal.SIGSYS]]
    stops = [signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU]
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for number in fatal + ignored + stops:
            before = instance.pids()
            for name in WORKERS:
                os.kill(before[name], number)
            if number in stops:
                for name in WORKERS:
                    os.kill(before[name], signal.SIGCONT)
            if number in fatal:
                wait_for(lambda: len(now := instance.pids()) == 4 and not set(now.values()) & set(before.values()),
                         "all were replaced after signal %d" % number)
            instance.wait_healthy()
            if number not in fatal:
                assert instance.pids() == before, (number, before, instance.pids())
        # A forbidden system call is nothing that a restart mends.
        os.kill(instance.pids()["logger"], signal.SIGSYS)
        wait_for(lambda: instance.workers()["logger"]["state"] == "parked", "logger is parked")
        assert instance.ofctl("start", "logger")[0] == 0
        instance.wait_healthy()
        assert instance.stop() == 0, instance.output()


def test_every_signal_to_the_supervisor_does_what_the_page_says():
    orderly = {signal.SIGTERM, signal.SIGINT}
    ignored = {signal.SIGHUP, signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH, signal.SIGPIPE}
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        for number in sorted(ignored):
            os.kill(instance.process.pid, number)
        instance.wait_healthy()
        assert instance.pids() == before
        for number in FATAL:
            if number in ignored:
                continue
            if instance.process.poll() is not None:
                instance.start_and_wait()
            os.kill(instance.process.pid, number)
            code = instance.process.wait(60)
            assert code == (0 if number in orderly else -number), (number, code)
            wait_for(lambda: not processes_of(instance), "no worker is left after signal %d" % number)
            assert (not instance.segments()) == (number in orderly), number
        instance.start_and_wait()
        assert instance.stop() == 0, instance.output()


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
        for _ in range(count(20)):
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
