"""Workers that stand still: who does so for too long is taken for hung, and nobody else. Prints TAP.

usage: hang_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import concurrent.futures
import os
import random
import re
import signal
import sys
import time

from chaos_support import WORKERS, chance, count, say
from system_support import Instance, synthetic, wait_for
import tap

LIMIT_MS = 3000
INSTANCES = 5
ROUNDS = 5  # of two victims and two controls each


def stand_still(seed):
    """How long each victim had been silent, in ms, when it was said to hang."""
    dice = random.Random(seed)
    with synthetic() as exchange, Instance(exchange, supervisor={"heartbeat_timeout_ms": LIMIT_MS}) as instance:
        instance.start_and_wait()
        for _ in range(count(ROUNDS)):
            order = dice.sample(WORKERS, 4)
            victims, controls = order[:2], order[2:]
            before = instance.pids()
            for name in order:
                os.kill(before[name], signal.SIGSTOP)
            end = time.monotonic() + dice.uniform(0.1, 0.8 * LIMIT_MS / 1000)
            wait_for(lambda: time.monotonic() >= end, "the controls have been stopped for a while")
            for name in controls:
                os.kill(before[name], signal.SIGCONT)
            wait_for(lambda: all(instance.pids().get(name, before[name]) != before[name] for name in victims), "%s are replaced" % victims)
            instance.wait_healthy()
            now = instance.pids()
            assert all(now[name] == before[name] for name in controls), (victims, controls, before, now)
        assert instance.stop() == 0, instance.output()
        log = "".join(path.read_text() for path in (instance.folder / "log").iterdir())
    return [int(found) for found in re.findall(r"gave no heartbeat for (\d+) ms", log)]


def test_stopped_workers_are_taken_for_hung_and_those_that_go_on_in_time_are_not():
    dice = chance()
    with concurrent.futures.ThreadPoolExecutor(INSTANCES) as pool:
        silences = [silence for found in pool.map(stand_still, [dice.random() for _ in range(INSTANCES)]) for silence in found]
    expected = 2 * count(ROUNDS) * INSTANCES
    assert len(silences) == expected, "%d verdicts on %d victims" % (len(silences), expected)
    assert min(silences) >= LIMIT_MS, "a verdict came after %d ms" % min(silences)
    late = sorted(silence - LIMIT_MS for silence in silences)
    say("%d verdicts, %d controls; a verdict came %d ms (median), %d ms (p99), %d ms (maximum) after its time" %
        (expected, expected, late[len(late) // 2], late[len(late) * 99 // 100], late[-1]))


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
