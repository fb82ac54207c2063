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

LIMIT_MS = 4000
BEAT_MS = 1000  # of a worker with nothing to do: its silence began so long before it was stopped
INSTANCES = 5
ROUNDS = 5  # of two victims and two controls each


def stand_still(seed):
    """How long each victim had been silent, in ms, when it was said to hang; and how many controls were let go in time."""
    dice = random.Random(seed)
    judged = 0
    with synthetic() as exchange, Instance(exchange, supervisor={"heartbeat_timeout_ms": LIMIT_MS}) as instance:
        instance.start_and_wait()
        for _ in range(count(ROUNDS)):
            order = dice.sample(WORKERS, 4)
            victims, controls = order[:2], order[2:]
            before = instance.pids()
            begun = time.monotonic()
            for name in order:
                os.kill(before[name], signal.SIGSTOP)
            end = begun + dice.uniform(0.1, (LIMIT_MS - BEAT_MS) / 1000 * 0.6)
            wait_for(lambda: time.monotonic() >= end, "the controls have been stopped for a while")
            for name in controls:
                os.kill(before[name], signal.SIGCONT)
            in_time = time.monotonic() - begun < (LIMIT_MS - BEAT_MS) / 1000 * 0.8  # we may have been kept waiting ourselves
            wait_for(lambda: all(instance.pids().get(name, before[name]) != before[name] for name in victims), "%s are replaced" % victims)
            instance.wait_healthy()
            now = instance.pids()
            if in_time:
                assert all(now[name] == before[name] for name in controls), (victims, controls, before, now)
                judged += len(controls)
        assert instance.stop() == 0, instance.output()
        log = "".join(path.read_text() for path in (instance.folder / "log").iterdir())
    return [int(found) for found in re.findall(r"gave no heartbeat for (\d+) ms", log)], judged


def test_stopped_workers_are_taken_for_hung_and_those_that_go_on_in_time_are_not():
    dice = chance()
    with concurrent.futures.ThreadPoolExecutor(INSTANCES) as pool:
        runs = list(pool.map(stand_still, [dice.random() for _ in range(INSTANCES)]))
    silences, judged = [silence for found, _ in runs for silence in found], sum(judged for _, judged in runs)
    expected = 2 * count(ROUNDS) * INSTANCES
    if judged == expected:
        assert len(silences) == expected, "%d verdicts on %d victims" % (len(silences), expected)
    assert judged >= expected // 2, "only %d of %d controls were let go in time" % (judged, expected)
    assert min(silences) >= LIMIT_MS, "a verdict came after %d ms" % min(silences)
    late = sorted(silence - LIMIT_MS for silence in silences)
    say("%d verdicts, %d controls; a verdict came %d ms (median), %d ms (p99), %d ms (maximum) after its time" %
        (len(silences), judged, late[len(late) // 2], late[len(late) * 99 // 100], late[-1]))


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
