"""A machine, or a whole tree of processes, that stands still: nobody is to blame, nobody is restarted. CHAOS.md has the table. Prints TAP.

usage: freeze_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import contextlib
import os
import signal
import sys

from chaos_support import after, chance, count, say
from system_support import Instance, process_state, synthetic, wait_for
import tap

HANG_LIMIT_MS = 3000
FROZEN_S = 30
SIDE_BY_SIDE = 5


def everybody_of(instance):
    return list(instance.pids().values()) + [instance.process.pid]


def send_all(dice, pids, number):
    dice.shuffle(pids)
    for pid in pids:
        os.kill(pid, number)


def test_freezing_the_whole_tree_restarts_nothing():
    dice = chance()
    limits = {"heartbeat_timeout_ms": HANG_LIMIT_MS, "ready_timeout_ms": 5000}
    with synthetic() as exchange, contextlib.ExitStack() as stack:
        instances = [stack.enter_context(Instance(exchange, supervisor=limits)) for _ in range(SIDE_BY_SIDE)]
        for instance in instances:
            instance.start_and_wait()
        before = [instance.pids() for instance in instances]
        for _ in range(count(2)):
            pids = [pid for instance in instances for pid in everybody_of(instance)]
            send_all(dice, pids, signal.SIGSTOP)
            wait_for(lambda: all(process_state(pid) == "T" for pid in pids), "all stand still")
            wait_for(after(FROZEN_S), "ten times the hang limit has passed", FROZEN_S + 30)
            send_all(dice, pids, signal.SIGCONT)
            wait_for(after(HANG_LIMIT_MS / 1000 + 1), "a verdict would have come")
            now = [instance.pids() for instance in instances]
            assert now == before, (before, now)
        say("%d trees stood still for %d s, %d times" % (SIDE_BY_SIDE, FROZEN_S, count(2)))
        for instance in instances:
            instance.wait_healthy()
            assert not any(row["restarts"] for row in instance.workers().values()), instance.workers()
            assert instance.stop() == 0, instance.output()
            log = "".join(path.read_text() for path in (instance.folder / "log").iterdir())
            assert "gave no heartbeat" not in log, log


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
