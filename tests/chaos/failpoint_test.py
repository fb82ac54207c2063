"""kill -9 at chosen system calls of each process: before the call, behind it, or in the middle of what it writes. Prints TAP.

usage: failpoint_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import signal
import subprocess
import sys

from chaos_support import WITHOUT_LIMITS, chance, count, processes_of, say, send
from store_support import check_store, settle, wait_until_stored
from strike_support import StruckInstance
from system_support import synthetic, wait_for
import tap

BEFORE, BEHIND, WITHIN = "kill", "killafter", "tear"
ROUNDS = 3
WHOLE = {"storage": {"synchronous": "full"}, "logger": {"rotate_bytes": 4096, "keep_files": 3}}

# Who, at which call, how many such calls pass at most, and which kills. The market sees to the calls.
AT_WORK = [
    ("storage", "pwrite64", 40, (BEFORE, BEHIND, WITHIN)),  # rows on their way into the write-ahead log
    ("storage", "fdatasync", 4, (BEFORE, BEHIND)),          # the commit
    ("storage", "fcntl", 20, (BEFORE, BEHIND)),             # locks of the day file
    ("storage", "membarrier", 10, (BEFORE, BEHIND)),        # on the way to sleep
    ("communication", "membarrier", 10, (BEFORE, BEHIND)),
    ("binance", "recvfrom", 10, (BEFORE, BEHIND)),          # the stream
    ("binance", "write", 10, (BEFORE, BEHIND)),             # doorbells behind what was published
]
# Of a worker that is told to end and to be started again: its end.
IN_A_DRAIN = [
    ("storage", "pwrite64,ftruncate,unlink,fdatasync", 6, (BEFORE, BEHIND)),  # the write-ahead log is emptied and removed
    ("storage", "any", 60, (BEFORE,)),
    ("logger", "any", 40, (BEFORE,)),
    ("communication", "any", 40, (BEFORE,)),
    ("binance", "any", 40, (BEFORE,)),
]
# The same, its next start.
IN_A_START = [
    ("storage", "openat", 24, (BEFORE, BEHIND)),  # segments, the store
    ("storage", "mmap", 12, (BEFORE, BEHIND)),
    ("storage", "flock", 0, (BEFORE, BEHIND)),    # the folder becomes its own
    ("storage", "any", 400, (BEFORE, BEHIND)),
    ("logger", "openat", 20, (BEFORE, BEHIND)),
    ("logger", "write", 4, (BEFORE, BEHIND, WITHIN)),  # "ready", and lines of the log
    ("logger", "any", 300, (BEFORE, BEHIND)),
    ("communication", "bind", 0, (BEFORE, BEHIND)),
    ("communication", "listen", 0, (BEFORE, BEHIND)),
    ("communication", "any", 300, (BEFORE, BEHIND)),
    ("binance", "connect", 0, (BEFORE, BEHIND)),
    ("binance", "any", 400, (BEFORE, BEHIND)),
]
# While others have something to tell, so that the log's file is turned.
IN_A_ROTATION = [("logger", "rename", 3, (BEFORE, BEHIND))]
SUPERVISOR = [
    ("start", "openat", 100, (BEFORE, BEHIND)),
    ("start", "fallocate", 30, (BEFORE, BEHIND)),  # some of the segments are there
    ("start", "pwrite64", 100, (BEFORE, BEHIND, WITHIN)),  # of one, the header without its schema, or not yet `ready`
    ("start", "clone", 3, (BEFORE, BEHIND)),       # some of the workers are
    ("start", "any", 1500, (BEFORE, BEHIND)),
    ("death", "clone", 0, (BEFORE, BEHIND)),
    ("death", "waitid", 0, (BEFORE, BEHIND)),
    ("reload", "any", 60, (BEFORE, BEHIND)),
    ("upgrade", "any", 100, (BEFORE, BEHIND)),
    ("upgrade", "execve", 0, (BEFORE,)),
    ("stop", "any", 60, (BEFORE,)),
    ("stop", "unlink", 10, (BEFORE, BEHIND)),
]


def points(rows):
    return [(who, calls, most, kind) for who, calls, most, kinds in rows for kind in kinds for _ in range(count(ROUNDS))]


def kill_worker(instance, who, order_of, provoke):
    """Whether it met its point. Then it is replaced, all run, and every segment verifies."""
    before = instance.pids()
    order = order_of()
    provoke(instance, who)
    outcome = instance.outcome(order, 3)
    if outcome is None:
        instance.ofctl("restart", who)  # whoever holds the order now takes it with him
        outcome = instance.outcome(order)
    assert outcome is not None, "the order for %s is lost" % who
    if outcome[0] == "hit":
        wait_for(lambda: instance.pids().get(who, before[who]) not in (before[who], int(outcome[1])), "%s is replaced" % who)
    instance.wait_healthy()
    if outcome[0] == "hit":
        assert instance.ofctl("shm", "verify")[0] == 0, (who, outcome, instance.ofctl("shm", "verify"))
    return outcome[0] == "hit"


def kill_workers(rows, when, provoke):
    """provoke(instance, who) makes the calls happen."""
    dice = chance()
    met = 0
    with synthetic() as exchange, StruckInstance(exchange, **WHOLE) as instance:
        instance.start_and_wait()
        wait_until_stored(instance, exchange)
        for who, calls, most, kind in points(rows):
            met += kill_worker(instance, who, lambda: instance.strike(who, when, calls, dice.randint(0, most), kind), provoke)
        played = settle(instance, exchange)
        assert instance.stop() == 0, instance.output()
        stored, named = check_store(instance, played)
    say("%d of %d points met; %d ids stored, %d in the gap ledger" % (met, len(points(rows)), stored, named))
    assert met >= 0.8 * len(points(rows)), "most points are never met: the table is out of date"


def restart(instance, who):
    assert instance.ofctl("restart", who, "--no-wait")[0] == 0


def chatter(instance, _):
    """Each restart is some lines for the logger, and a few of them fill its file."""
    for _ in range(8):
        instance.ofctl("restart", "communication")


def test_a_worker_killed_at_its_work_loses_nothing():
    kill_workers(AT_WORK, "now", lambda instance, who: None)


def test_a_worker_killed_in_its_drain_loses_nothing():
    kill_workers(IN_A_DRAIN, "now", restart)


def test_a_worker_killed_in_its_start_loses_nothing():
    kill_workers(IN_A_START, "start", restart)


def test_a_logger_killed_in_a_rotation_goes_on():
    kill_workers(IN_A_ROTATION, "now", chatter)


def provoke_supervisor(instance, moment, dice):
    if moment == "death":
        victims = sorted(instance.pids().values())
        if victims:  # else it has met its point already
            send(dice.choice(victims), signal.SIGKILL)
    if moment == "reload":
        instance.ofctl("config", "reload", "--timeout", "5")
    if moment == "upgrade":
        instance.ofctl("upgrade", "--timeout", "5")
    if moment == "stop":
        instance.process.terminate()


def ends_by_itself(process):
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill_supervisor(instance, dice, moment, calls, after, kind):
    """Whether it met its point; nothing of it is left then."""
    instance.start()
    if moment == "start":
        order = instance.strike("supervisor", "start", calls, after, kind)
        instance.go()
    else:
        instance.go()
        instance.wait_healthy()
        order = instance.strike("supervisor", "now", calls, after, kind)
        provoke_supervisor(instance, moment, dice)
    outcome = instance.outcome(order, 3)
    # Killed behind its call: one that waits for a death comes back with the first worker that ends.
    if outcome is None or outcome[0] != "hit" or not ends_by_itself(instance.process):
        instance.process.terminate()
    code = instance.process.wait(60)
    wait_for(lambda: not processes_of(instance), "no worker is left")
    instance.release()
    outcome = instance.outcomes.get(order, ("missed",))  # it may have come while it was stopped
    assert code == (128 + signal.SIGKILL if outcome[0] == "hit" else 0), (moment, calls, code, instance.output())
    return code != 0


def test_a_supervisor_killed_anywhere_leaves_nothing_to_clean_up():
    dice = chance()
    met = 0
    with synthetic(*WITHOUT_LIMITS) as exchange, StruckInstance(exchange, **WHOLE) as instance:
        instance.start_and_wait()
        wait_until_stored(instance, exchange)
        assert instance.stop() == 0, instance.output()
        instance.release()
        for moment, calls, most, kind in points(SUPERVISOR):
            met += kill_supervisor(instance, dice, moment, calls, dice.randint(0, most), kind)
        instance.start_and_wait()
        assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
        played = settle(instance, exchange)
        assert instance.stop() == 0, instance.output()
        stored, named = check_store(instance, played)
    say("%d of %d points met; %d ids stored, %d in the gap ledger" % (met, len(points(SUPERVISOR)), stored, named))
    assert met >= 0.7 * len(points(SUPERVISOR)), "most points are never met: the table is out of date"


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
