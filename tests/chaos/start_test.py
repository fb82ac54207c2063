"""A hundred starts of one instance at once, beside another instance: one wins, the others say by whom it is run. CHAOS.md has
the table. Prints TAP.

usage: start_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import contextlib
import subprocess
import sys

from chaos_support import WITHOUT_LIMITS, count, say
from system_support import SUPERVISOR, Instance, synthetic, wait_for
import tap

NO_RESOURCES = 10
RACERS = 100


@contextlib.contextmanager
def racers(instance):
    command = [SUPERVISOR, "run", "--config", str(instance.config)]
    started = []
    try:
        for _ in range(RACERS):
            started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
        yield started
    finally:
        for racer in started:
            if racer.poll() is None:
                racer.kill()
            racer.wait()
            racer.stderr.close()


def test_only_one_of_a_hundred_starts_wins_and_the_neighbour_does_not_notice():
    with synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange) as instance, Instance(exchange) as neighbour:
        neighbour.start_and_wait()
        before = neighbour.pids()
        for _ in range(count(20)):
            with racers(instance) as started:
                wait_for(lambda: sum(racer.poll() is not None for racer in started) >= RACERS - 1, "all but one have ended", 120)
                instance.process = next(racer for racer in started if racer.poll() is None)
                instance.wait_healthy()
                lost = [racer for racer in started if racer is not instance.process]
                assert all(racer.returncode == NO_RESOURCES for racer in lost), {racer.returncode for racer in lost}
                assert all("is already run by" in racer.stderr.read() for racer in lost)
                assert not set(instance.pids().values()) & set(before.values())
                assert instance.stop() == 0
            instance.process = None
        say("%d rounds of %d starts" % (count(20), RACERS))
        neighbour.wait_healthy()
        assert neighbour.pids() == before and not any(row["restarts"] for row in neighbour.workers().values())
        assert neighbour.stop() == 0, neighbour.output()


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
