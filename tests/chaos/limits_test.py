"""A machine that is out of memory, processes or descriptors: who is hit comes back, the others do not notice, and a start that
cannot be says so. CHAOS.md has the table. Prints TAP.

usage: limits_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import contextlib
import os
import resource
import signal
import socket
import sys
import time

from cgroup_support import Group, MemoryGroup, make_need_memory
from chaos_support import WITHOUT_LIMITS, WORKERS, after, bundles, chance, count, cpu_ms, open_files, processes_of, say
from system_support import Instance, synthetic, wait_for
import tap

NO_RESOURCES = 10
SPIN_SHARE = 0.05


def test_a_worker_that_is_killed_for_want_of_memory_comes_back_alone():
    dice = chance()
    with MemoryGroup() as group, synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for number in range(count(20)):
            victim = WORKERS[number % len(WORKERS)] if number < len(WORKERS) else dice.choice(WORKERS)
            before, kills = instance.pids(), group.kills()
            group.add(before[victim])
            group.limit(0)
            make_need_memory(before[victim])
            wait_for(lambda: group.kills() > kills, "the kernel has killed " + victim)
            wait_for(lambda: instance.pids().get(victim, before[victim]) != before[victim], victim + " was replaced")
            group.limit(None)
            instance.wait_healthy()
            now = instance.pids()
            assert {**now, victim: 0} == {**before, victim: 0}, (victim, before, now)
            assert instance.workers()[victim]["last_exit"] == "signal 9", instance.workers()[victim]
            wait_for(lambda: bundles(instance), "a bundle")
        causes = {bundle["cause"] for bundle in bundles(instance)}
        assert causes == {"oom"}, bundles(instance)
        assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
        assert instance.stop() == 0, instance.output()


def failed_starts(instance):
    return instance.ofctl("logs", "--worker", "supervisor", "--grep", "clone for", "-n", "1000")[1].count("\n")


def test_without_processes_to_be_had_it_waits_and_goes_on():
    dice = chance()
    with Group("pids") as group, synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange) as instance:
        instance.start(within="echo $$ >%s" % (group.folder / "cgroup.procs"))
        instance.wait_healthy()
        for _ in range(count(20)):
            victim = dice.choice(WORKERS)
            before, failed = instance.pids(), failed_starts(instance)
            group.write("pids.max", 0)
            os.kill(before[victim], signal.SIGKILL)
            wait_for(lambda: failed_starts(instance) > failed, "a start has failed")
            assert not instance.workers()[victim]["alive"]
            group.write("pids.max", "max")
            instance.wait_healthy()
            now = instance.pids()
            assert {**now, victim: 0} == {**before, victim: 0}, (victim, before, now)
        assert instance.stop() == 0, instance.output()


def starts_with(descriptors, **sections):
    """Whether an instance came to run that is allowed so many descriptors a process; if not, it must have said why."""
    with Instance(**sections) as instance:
        instance.start(within="ulimit -n %d" % descriptors)
        wait_for(lambda: instance.process.poll() is not None or instance.ofctl("health")[0] == 0, "it runs, or has ended")
        code, text = instance.process.poll(), instance.output()
        if code is None:
            assert instance.stop() == 0, instance.output()
            return True
        assert code == NO_RESOURCES and "descriptors" in text and len(text.splitlines()) <= 3, (descriptors, code, text)
        assert not processes_of(instance) and not instance.segments(), (processes_of(instance), instance.segments())
        return False


def test_a_start_with_too_few_descriptors_says_so_and_one_with_enough_runs():
    for descriptors in range(16, 65):
        assert not starts_with(descriptors), descriptors
    assert not starts_with(128), "of-communication needs one for each client"
    assert starts_with(2 * 10 + 256 + 128, communication={"clients_max": 10})


def allow_descriptors(pid, allowed):
    """Of a process that runs: what it holds above that it keeps, and gets no more."""
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (allowed, limits[1]))
    return limits


def share_without_descriptors(pid, allowed, connect, clients):
    """Of a core, that a process takes which can accept nobody while `connect` has made more clients than it can have: in the calmest of
    some half seconds, since who spins, spins in each, and who catches up with something does not."""
    with contextlib.ExitStack() as stack:
        limits = allow_descriptors(pid, allowed)
        stack.callback(resource.prlimit, pid, resource.RLIMIT_NOFILE, limits)
        for _ in range(clients):
            stack.enter_context(connect())
        wait_for(lambda: open_files(pid) >= allowed or all_in_use(pid, allowed), "no descriptor is left")
        share = 1.0
        for _ in range(6):
            spent, begun = cpu_ms(pid), time.monotonic()
            wait_for(after(0.5), "half a second without descriptors")
            share = min(share, (cpu_ms(pid) - spent) / 1000 / (time.monotonic() - begun))
            if share < SPIN_SHARE:
                break
        return share


def all_in_use(pid, allowed):
    """Whether each number below the limit is taken."""
    return set(range(allowed)) <= {int(name) for name in os.listdir("/proc/%d/fd" % pid)}


def answers(instance):
    try:
        return instance.answer("/api/health")[0] == 200
    except OSError:
        return False


def test_a_worker_without_descriptors_does_not_spin_and_recovers():
    with synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        connect = lambda: socket.create_connection(("127.0.0.1", instance.port), timeout=5)
        shares = []
        for allowed in range(16, 65):
            for name in WORKERS:
                limits = allow_descriptors(before[name], allowed)
            shares.append(share_without_descriptors(before["communication"], allowed, connect, allowed + 8))
            for name in WORKERS:
                resource.prlimit(before[name], resource.RLIMIT_NOFILE, limits)
            wait_for(lambda: answers(instance), "it answers again, and all is well")
        say("at most %.1f %% of a core without a descriptor" % (100 * max(shares)))
        assert max(shares) < SPIN_SHARE, shares
        assert instance.pids() == before, (before, instance.pids())
        assert instance.stop() == 0, instance.output()


def test_a_supervisor_without_descriptors_does_not_spin_and_recovers():
    with synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()

        def connect():
            client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            client.settimeout(5)
            client.connect(str(instance.folder / "state" / "control.sock"))
            return client

        lowest = open_files(instance.process.pid) + 1
        for allowed in range(lowest, lowest + 8):
            share = share_without_descriptors(instance.process.pid, allowed, connect, 24)
            assert share < SPIN_SHARE, (allowed, share)
            wait_for(lambda: instance.ofctl("restart", "logger")[0] == 0, "it obeys again")
        now = instance.pids()
        assert {**now, "logger": 0} == {**before, "logger": 0}, (before, now)
        assert instance.stop() == 0, instance.output()


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
