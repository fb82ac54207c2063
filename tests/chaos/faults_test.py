"""System calls that fail, one by one, in each process: an error, an interruption, half of what was asked for. Prints TAP.

usage: faults_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import collections
import concurrent.futures
import random
import signal
import sys

from chaos_support import WITHOUT_LIMITS, WORKERS, chance, count, processes_of, say, send
from store_support import check_store, settle, wait_until_stored
from strike_support import StruckInstance
from system_support import FORGIVING, synthetic, wait_for
import tap

SHORT = "short"
# What these calls can fail with. Those that cannot fail, or whose failure means that the program is wrong, are not here.
FAULTS = {
    "read": ("EIO", "EINTR", "EAGAIN", SHORT), "write": ("EIO", "EINTR", "EAGAIN", "ENOSPC", SHORT),
    "pread64": ("EIO", "EINTR", SHORT), "pwrite64": ("EIO", "EINTR", "ENOSPC", SHORT),
    "openat": ("EIO", "EINTR", "EMFILE", "ENFILE", "EACCES"), "mmap": ("ENOMEM", "EAGAIN"), "newfstatat": ("EIO", "ENOMEM"),
    "fdatasync": ("EIO", "EINTR", "ENOSPC"), "ftruncate": ("EIO", "EINTR"), "fallocate": ("EIO", "EINTR", "ENOSPC"),
    "fcntl": ("EAGAIN", "EINTR", "EIO"), "flock": ("EINTR", "EAGAIN"), "unlink": ("EIO", "EACCES"), "rename": ("EIO", "ENOSPC"),
    "epoll_wait": ("EINTR",), "epoll_ctl": ("ENOMEM", "ENOSPC"), "epoll_create1": ("EMFILE", "ENOMEM"), "eventfd2": ("EMFILE", "ENOMEM"),
    "timerfd_create": ("EMFILE",), "memfd_create": ("EMFILE", "ENOMEM"), "pipe2": ("EMFILE", "ENFILE"), "getdents64": ("EIO",),
    "socket": ("EMFILE", "ENOMEM"), "connect": ("ECONNREFUSED", "EINTR"), "bind": ("EACCES",), "listen": ("EACCES",),
    "accept": ("EMFILE", "EINTR", "ECONNABORTED", "EAGAIN"), "recvfrom": ("EINTR", "EAGAIN", "ECONNRESET", SHORT),
    "recvmsg": ("EINTR", "EAGAIN", "ECONNRESET"), "sendto": ("EINTR", "EAGAIN", "ECONNRESET", SHORT), "sendmsg": ("EINTR", "EAGAIN", "EPIPE"),
    "clone": ("EAGAIN", "ENOMEM"), "clone3": ("EAGAIN",),
}
# Each death is forgiven, also those that are an operator's to mend: what was wrong is over with the next start.
WHOLE = {"storage": {"synchronous": "full"}, "logger": {"rotate_bytes": 4096, "keep_files": 3}, "supervisor.restart": {**FORGIVING, "park_on": []},
         "supervisor": {"ready_timeout_ms": 5000, "heartbeat_timeout_ms": 5000}}
AT_WORK = {"storage": ("pwrite64", "fdatasync", "fcntl", "read", "epoll_wait", "newfstatat", "epoll_ctl"),
           "communication": ("read", "epoll_wait", "epoll_ctl"), "binance": ("recvfrom", "write", "epoll_wait"), "logger": ("epoll_wait",)}
# And how many of them a start makes at least; those with shared libraries have to load them.
IN_A_START = {"openat": 20, "mmap": 12, "read": 4, "newfstatat": 20, "pread64": 2, "fcntl": 8, "epoll_ctl": 4, "write": 2}
WITH_LIBRARIES = {"communication": {"mmap": 40, "read": 9}, "binance": {"mmap": 40, "read": 12}}
ONCE_IN_A_START = {"storage": ("flock", "getdents64", "ftruncate", "epoll_create1", "timerfd_create", "pwrite64", "fdatasync", "unlink"),
                   "communication": ("socket", "bind", "listen", "epoll_create1"), "binance": ("socket", "connect", "sendto", "clone3", "recvfrom"),
                   "logger": ("epoll_create1", "timerfd_create")}
# Calls of a supervisor whose workers die and whose operator commands, and how many of them are made meanwhile.
SUPERVISOR_AT_WORK = (("read", 20), ("write", 10), ("epoll_wait", 20), ("epoll_ctl", 6), ("openat", 10), ("newfstatat", 4), ("fcntl", 4),
                      ("clone", 2), ("pipe2", 2), ("memfd_create", 2), ("accept", 2), ("recvmsg", 2), ("pread64", 2))


def recovers(instance, worker, order, seconds):
    """Whether the fault came; afterwards all run, whether it bore it or was started again."""
    outcome = instance.outcome(order, seconds)
    if outcome is None:
        instance.ofctl("restart", worker)
        outcome = instance.outcome(order)
    assert outcome is not None, "the order for %s is lost" % worker
    instance.wait_healthy()
    return outcome[0] == "hit"


def start_faults(dice, worker, often):
    """Calls at every depth of a start."""
    made_by = {**IN_A_START, **WITH_LIBRARIES.get(worker, {})}
    rows = [(call, dice.randrange(made)) for call, made in made_by.items() for _ in range(often)]
    rows += [(call, 0) for call in ONCE_IN_A_START[worker] for _ in range(often // 4)]
    return [(call, depth, dice.choice(FAULTS[call])) for call, depth in rows]


def tell_to_restart(instance, worker):
    """As often as it is refused; what ofctl said last if it always is."""
    answers = []

    def taken():
        answers.append(instance.ofctl("restart", worker, "--no-wait"))
        return answers[-1][0] == 0
    try:
        wait_for(taken, "")
    except AssertionError:
        raise AssertionError("%s is not restarted: %s" % (worker, answers[-1])) from None


def fail_starts(worker, seed):
    """(faults that came, how often the worker was started more often than it was told to, ids stored, ids in the gap ledger)."""
    dice = random.Random(seed)
    came = 0
    with synthetic() as exchange, StruckInstance(exchange, **WHOLE) as instance:
        instance.start_and_wait()
        wait_until_stored(instance, exchange)
        plan = start_faults(dice, worker, count(24))
        dice.shuffle(plan)
        for call, depth, fault in plan:
            order = instance.strike(worker, "start", call, depth, fault)
            tell_to_restart(instance, worker)
            came += recovers(instance, worker, order, 1)
        return (came, len(plan), *finish(instance, exchange))


def fail_work(worker, seed):
    dice = random.Random(seed)
    came = 0
    with synthetic() as exchange, StruckInstance(exchange, **WHOLE) as instance:
        instance.start_and_wait()
        wait_until_stored(instance, exchange)
        deepest = 20 if worker != "logger" else 4  # it turns once a second while nobody writes
        plan = [(dice.choice(AT_WORK[worker]), dice.randrange(deepest)) for _ in range(count(300 if worker != "logger" else 30))]
        for call, depth in plan:
            came += recovers(instance, worker, instance.strike(worker, "now", call, depth, dice.choice(FAULTS[call])), 3)
        return (came, len(plan), *finish(instance, exchange))


def finish(instance, exchange):
    """Segments sound, a stop in order, and the store whole."""
    assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
    played = settle(instance, exchange)
    assert instance.stop() == 0, instance.output()
    return check_store(instance, played)


def each_worker(work):
    dice = chance()
    with concurrent.futures.ThreadPoolExecutor(len(WORKERS)) as pool:
        runs = dict(zip(WORKERS, pool.map(work, WORKERS, [dice.random() for _ in WORKERS])))
    for worker, (came, planned, stored, named) in runs.items():
        say("%s: %d of %d faults came; %d ids stored, %d in the gap ledger" % (worker, came, planned, stored, named))
        assert came >= planned // 2, "most calls are never made: the table is out of date"


def test_calls_that_fail_in_the_start_of_a_worker_are_got_over():
    each_worker(fail_starts)


def test_calls_that_fail_in_a_worker_at_work_are_got_over():
    each_worker(fail_work)


def check_ends(ends):
    say("of %d calls: %s" % (sum(ends.values()), dict(ends)))
    assert ends["not made"] <= sum(ends.values()) // 2, "most calls are never made: the table is out of date"


def check_last_words(instance, said, what):
    assert 0 < instance.process.returncode < 128, (what, instance.process.returncode)
    assert len(instance.output()) > said, "ended with %d and no word: %s" % (instance.process.returncode, what)


def test_calls_that_fail_in_the_start_of_the_supervisor_are_borne_or_end_it_in_a_sentence():
    dice = chance()
    ends = collections.Counter()
    # Without epoll_ctl: Asio does not say when it cannot watch a descriptor of its own, the timer.
    calls = ("openat", "mmap", "read", "write", "newfstatat", "fallocate", "pwrite64", "pipe2", "eventfd2", "memfd_create", "flock", "clone", "fcntl")
    with synthetic(*WITHOUT_LIMITS) as exchange, StruckInstance(exchange, **WHOLE) as instance:
        for call in [call for call in calls for _ in range(count(8))]:
            # The first mapping is the dynamic loader's own, without which it crashes.
            fault, depth = dice.choice(FAULTS[call]), dice.randrange(call == "mmap", 60 if call in ("openat", "mmap", "newfstatat", "pwrite64") else 4)
            instance.start()
            order = instance.strike("supervisor", "start", call, depth, fault)
            said = len(instance.output())
            instance.go()
            wait_for(lambda: instance.process.poll() is not None or instance.ofctl("health")[0] == 0, "it runs, or has ended: %s %s" % (call, fault), 60)
            ended = instance.process.poll() is not None
            if ended:
                check_last_words(instance, said, (call, depth, fault))
            else:
                instance.process.terminate()
                assert instance.process.wait(60) == 0, instance.output()
            instance.release()
            outcome = instance.outcomes.get(order, ("missed",))
            ends["ended" if ended else "borne" if outcome[0] == "hit" else "not made"] += 1
            wait_for(lambda: not processes_of(instance), "no worker is left")
        instance.start_and_wait()
        assert instance.stop() == 0, instance.output()
    check_ends(ends)


def keep_busy(instance, dice):
    """Deaths, commands and clients, whatever comes of them."""
    pids = sorted(instance.pids().values())
    if pids:  # else the fault has ended all of them already
        send(dice.choice(pids), signal.SIGKILL)
    instance.ofctl("config", "reload", "--timeout", "5")
    instance.ofctl("restart", dice.choice(WORKERS), "--timeout", "5")


def test_calls_that_fail_in_the_supervisor_at_work_are_borne_or_end_it_in_a_sentence():
    dice = chance()
    ends = collections.Counter()
    with synthetic(*WITHOUT_LIMITS) as exchange, StruckInstance(exchange, **WHOLE) as instance:
        instance.start_and_wait()
        wait_until_stored(instance, exchange)
        for call, deepest in [row for row in SUPERVISOR_AT_WORK for _ in range(count(6))]:
            fault, depth = dice.choice(FAULTS[call]), dice.randrange(deepest)
            said = len(instance.output())
            order = instance.strike("supervisor", "now", call, depth, fault)
            keep_busy(instance, dice)
            outcome = instance.outcome(order, 1) or ("not made",)
            try:
                wait_for(lambda: instance.process.poll() is not None or instance.ofctl("health")[0] == 0, "", 60)
            except AssertionError:
                raise AssertionError("neither do all run nor has it ended: %s %d %s\n%s" % (call, depth, fault, instance.ofctl("status", "--wide")[1])) from None
            ended = instance.process.poll() is not None
            ends["ended" if ended else "borne" if outcome[0] == "hit" else "not made"] += 1
            if not ended:
                continue
            check_last_words(instance, said, (call, depth, fault))
            wait_for(lambda: not processes_of(instance), "no worker is left")
            instance.release()
            instance.start_and_wait()
        instance.process.terminate()  # an order that still waits ends here, whatever it strikes
        instance.process.wait(60)
        wait_for(lambda: not processes_of(instance), "no worker is left")
        instance.release()
        instance.start_and_wait()
        finish(instance, exchange)
    check_ends(ends)


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
