"""Allocations that fail, one by one, in each program: it says so and ends, or is started again; nothing hangs, nothing is left. Prints TAP.

usage: malloc_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import collections
import concurrent.futures
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys

from chaos_support import WITHOUT_LIMITS, WORKERS, chance, count, processes_of, say, send
from harm_support import PRELOADABLE
from store_support import check_store, settle, wait_until_stored
from system_support import BUILD, FORGIVING, Instance, synthetic, wait_for
import tap

LIBRARY = str(BUILD / "tests/chaos/libfail_malloc.so")
PATIENT = {"supervisor.restart": {**FORGIVING, "park_on": []}, "supervisor": {"ready_timeout_ms": 5000}}


class Plan:
    """Which allocation of which program fails next."""

    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "fail-malloc"
        self.left = self.file.with_name(self.file.name + ".left")
        self.told = self.file.with_name(self.file.name + ".met")
        self.clear()

    def environment(self):
        return {"LD_PRELOAD": LIBRARY, "OF_FAIL_MALLOC": str(self.file)}

    def set_at_work(self, program):
        """Whoever of this name begins from now on looks at the number of `set_next`."""
        self.left.write_bytes(struct.pack("<q", 0))
        self.file.write_text("%s 0" % program)

    def set_next(self, number):
        self.told.unlink(missing_ok=True)
        with open(self.left, "r+b") as file:  # in place: it is mapped
            file.write(struct.pack("<q", number))

    def set(self, program, number):
        self.told.unlink(missing_ok=True)
        self.file.write_text("%s %d" % (program, number))

    def clear(self):
        self.file.write_text("")

    def met(self):
        return self.told.exists()


def start_preloaded(instance, plan):
    with open(instance.folder / "supervisor.out", "ab") as output:
        instance.process = subprocess.Popen([PRELOADABLE / "ofsupervisor", "run", "--config", str(instance.config)], stdout=output, stderr=output,
                                            env={**os.environ, **plan.environment()})


def fail_in_worker(worker, seed):
    """(allocations that failed, those that cost a process its life)."""
    dice = random.Random(seed)
    failed = died = 0
    with synthetic() as exchange, Instance(exchange, **PATIENT) as instance:
        plan = Plan(instance.folder)
        start_preloaded(instance, plan)
        instance.wait_healthy()
        wait_until_stored(instance, exchange)
        def pid():
            """Its allocation may fail at any time after it was healthy."""
            return wait_for(lambda: instance.pids().get(worker), worker + " runs")
        for _ in range(count(150)):
            plan.set("of-" + worker, int(10 ** dice.uniform(0, 3.7)))
            before = pid()
            send(before, signal.SIGKILL)
            first = wait_for(lambda: (lambda pid: pid if pid and pid != before else None)(instance.workers()[worker]["pid"]), worker + " is started again")
            plan.clear()
            instance.wait_healthy()
            failed += plan.met()
            died += pid() != first
        assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
        played = settle(instance, exchange)
        assert instance.stop() == 0, instance.output()
        check_store(instance, played)
    return failed, died


def test_allocations_that_fail_in_workers_end_in_running_workers():
    dice = chance()
    with concurrent.futures.ThreadPoolExecutor(len(WORKERS)) as pool:
        runs = dict(zip(WORKERS, pool.map(fail_in_worker, WORKERS, [dice.random() for _ in WORKERS])))
    for worker, (failed, died) in runs.items():
        say("%s: %d allocations failed, %d of them ended a process" % (worker, failed, died))
        assert failed > count(30), "the allocations that were to fail are not made"


def test_allocations_that_fail_in_the_start_of_the_supervisor_end_it_and_leave_nothing():
    dice = chance()
    codes, met = collections.Counter(), 0
    with synthetic() as exchange, Instance(exchange, **PATIENT) as instance:
        plan = Plan(instance.folder)
        for _ in range(count(60)):
            plan.set("ofsupervisor", int(10 ** dice.uniform(0, 3.7)))
            start_preloaded(instance, plan)
            wait_for(lambda: instance.process.poll() is not None or instance.ofctl("health")[0] == 0, "it runs, or has ended", 60)
            plan.clear()
            if instance.process.poll() is None:
                instance.process.terminate()
                instance.process.wait(60)
            codes[instance.process.returncode] += 1
            met += plan.met()
            wait_for(lambda: not processes_of(instance), "no worker is left")
        instance.start_and_wait()
        assert instance.stop() == 0, instance.output()
    say("ended with %s" % dict(codes))
    assert met > count(30), "the allocations that were to fail are not made"


class Work:
    """What gives a supervisor something to do, drawn by chance."""

    def __init__(self, dice, instance):
        self.dice, self.instance, self.good = dice, instance, instance.config.read_text()

    def lose_a_worker(self):
        pid = self.instance.pids().get(self.dice.choice(WORKERS))
        if pid:
            send(pid, signal.SIGKILL)

    def restart_a_worker(self):
        self.instance.ofctl("restart", self.dice.choice(WORKERS), "--timeout", "20")

    def trip_a_breaker(self):
        self.instance.ofctl("breaker", "trip", "binance/rest", "--for", "1s")

    def reload(self):
        timeout = "ready_timeout_ms = %d" % self.dice.randrange(5001, 9000)
        self.instance.config.write_text(self.good.replace("ready_timeout_ms = 5000", timeout))
        self.instance.ofctl("config", "reload", "--timeout", "20")

    def until(self, done):
        for _ in range(20):
            self.dice.choice((self.lose_a_worker, self.restart_a_worker, self.trip_a_breaker, self.reload))()
            if done():
                return


def test_allocations_that_fail_while_the_supervisor_works_are_borne_or_end_it_with_a_word():
    dice = chance()
    borne, ended = 0, collections.Counter()
    with synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange, **PATIENT) as instance:
        plan = Plan(instance.folder)
        plan.set_at_work("ofsupervisor")
        work = Work(dice, instance)
        start_preloaded(instance, plan)
        instance.wait_healthy()
        wait_until_stored(instance, exchange)
        for _ in range(count(40)):
            plan.set_next(int(10 ** dice.uniform(0, 2.7)))
            said = len(instance.output())
            work.until(lambda: plan.met() or instance.process.poll() is not None)
            # Only the supervisor's own answer tells one that is about to end from one that goes on.
            wait_for(lambda: instance.process.poll() is not None or (instance.ofctl("health", "--live")[0] == 0 and instance.ofctl("health")[0] == 0),
                     "it has ended, or all is well", 60)
            if instance.process.poll() is None:
                borne += plan.met()
                continue
            ended[instance.process.returncode] += 1
            assert instance.process.returncode > 0 and instance.output()[said:].strip(), (instance.process.returncode, instance.output()[said:])
            wait_for(lambda: not processes_of(instance), "no worker is left")
            start_preloaded(instance, plan)
            instance.wait_healthy()
        plan.set_next(0)
        assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
        played = settle(instance, exchange)
        assert instance.stop() == 0, instance.output()
        check_store(instance, played)
    say("%d borne; ended with %s" % (borne, dict(ended)))
    assert borne + sum(ended.values()) > count(20), "the allocations that were to fail are not made"


def test_allocations_that_fail_in_ofctl_end_it():
    verbs = (["status"], ["--json", "status"], ["shm", "verify"], ["metrics"], ["logs"], ["breaker", "ls"])
    codes, met = collections.Counter(), 0
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        plan = Plan(instance.folder)
        for verb in verbs:
            for number in sorted({int(10 ** (4 * step / count(60))) for step in range(count(60))}):
                plan.set("ofctl", number)
                done = subprocess.run([PRELOADABLE / "ofctl", "--instance", instance.name, *verb], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                      timeout=60, env={**os.environ, **plan.environment()})
                codes[done.returncode] += 1
                met += plan.met()
                if plan.met() and done.returncode != 0:
                    assert done.stderr.strip(), "%s ended with %d and no word" % (verb, done.returncode)
        assert instance.ofctl("health")[0] == 0
        assert instance.stop() == 0, instance.output()
    say("ended with %s" % dict(codes))
    assert met > len(verbs) * count(20), "the allocations that were to fail are not made"


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
