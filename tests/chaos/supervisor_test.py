"""The supervisor under attack: killed, frozen, flooded with commands; workers that crash, hang and fork. CHAOS.md has the table. Prints TAP.

usage: supervisor_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import concurrent.futures
import os
import pathlib
import signal
import sys
import time

from chaos_support import WORKERS, chance, count, processes_of, say, send
from system_support import SUPERVISOR, Instance, alive, programs_with, synthetic, toml_of, wait_for
import tap


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


def test_deaths_that_the_supervisor_sees_late_and_at_once_are_one_each():
    dice = chance()
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for _ in range(count(8)):
            before = instance.pids()
            victims = dice.sample(WORKERS, dice.randint(1, 4))
            send(instance.process.pid, signal.SIGSTOP)
            for name in victims:
                send(before[name], signal.SIGKILL)
            wait_for(lambda: not any(alive(before[name]) for name in victims), "they have ended")
            send(instance.process.pid, signal.SIGCONT)
            wait_for(lambda: all(instance.pids().get(name, before[name]) != before[name] for name in victims), "they are back")
            instance.wait_healthy()
            assert instance.ofctl("health", "--live")[0] == 0, "the supervisor does not answer"
            after = instance.pids()
            assert {name for name in WORKERS if after[name] != before[name]} == set(victims), (victims, before, after)
        assert instance.stop() == 0, instance.output()


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
