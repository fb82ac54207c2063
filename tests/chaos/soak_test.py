"""Ten minutes under load with a kill each half a minute: nothing grows that should not. CHAOS.md has the table. Prints TAP.

usage: soak_test.py [NAME...]        runs all cases, or those whose names contain one of NAME

What a process holds is its private memory (smaps_rollup: Anonymous): the rings that it maps fill up, and that is no leak. It is
followed over one life, from the time when it has warmed up; the median of many looks, so that a moment does not count.
"""

import os
import pathlib
import signal
import statistics
import sys
import time

from chaos_support import WORKERS, after, chance, count, open_files, say, send
from system_support import EXCHANGE, Exchange, Instance, wait_for
import tap

SOAK_S = 600
KILL_EACH_S = 30
LOOK_EACH_S = 1
WARM_S = 60
LEAK_MAX_KB_PER_H = 1024
"""Steps of an allocator that has taken one more piece, not of a leak: over ten minutes a leak of the size above is 170 kB."""
STEP_KB = 132


def private_kb(pid):
    try:
        for line in pathlib.Path("/proc/%d/smaps_rollup" % pid).read_text().splitlines():
            if line.startswith("Anonymous:"):
                return int(line.split()[1])
    except OSError:
        pass
    return None


class Lives:
    """What was seen of each process over each of its lives: {(name, pid): [(time, private kB, descriptors)]}."""

    def __init__(self):
        self.seen = {}

    def look(self, name, pid):
        try:
            row = (time.monotonic(), private_kb(pid), open_files(pid))
        except OSError:
            return
        if row[1] is not None:
            self.seen.setdefault((name, pid), []).append(row)

    def check(self):
        """Prints each long life; a list of sentences about those that grew."""
        wrong = []
        for (name, pid), rows in self.seen.items():
            rows = [row for row in rows if row[0] > rows[0][0] + WARM_S]
            if len(rows) < 30 or rows[-1][0] - rows[0][0] < 2 * WARM_S:
                continue
            third = len(rows) // 3
            thirds = rows[:third], rows[third:-third], rows[-third:]
            times, private, descriptors = ([statistics.median(row[field] for row in part) for part in thirds] for field in range(3))
            # A leak goes on and on; a buffer that a busy moment has made larger is there once.
            grown = 2 * min(private[1] - private[0], private[2] - private[1])
            hours = (times[2] - times[0]) / 3600
            files = descriptors[2] - descriptors[0]
            say("%s, pid %d: %d s, private %d kB, steadily %+d kB in %d s, descriptors %+d" % (
                name, pid, rows[-1][0] - rows[0][0], rows[-1][1], grown, 3600 * hours, files))
            if grown > LEAK_MAX_KB_PER_H * hours + STEP_KB or files > 0:
                wrong.append("%s (pid %d) grew steadily by %d kB, and by %d descriptors, in %d s" % (name, pid, grown, files, 3600 * hours))
        return wrong


def victims(dice, kills):
    """Two of the workers take turns in the first half, the other two in the second, so that each has a long life."""
    names = list(WORKERS)
    dice.shuffle(names)
    return [names[number % 2 + (0 if number < kills / 2 else 2)] for number in range(kills)]


def p99_ms(instance):
    """From the receipt of a trade to its commit, in the life of of-storage so far; nothing before its first batch."""
    processes = instance.ofctl_json("metrics", "receive_to_disk_ns")["processes"]
    found = [metric["p99"] / 1e6 for process in processes for metric in process["metrics"] if process["process"] == "storage"]
    return "%.1f ms" % found[0] if found else "nothing yet"


def test_a_soak_with_kills_leaks_neither_memory_nor_descriptors():
    dice = chance()
    seconds = count(SOAK_S) if "OF_CHAOS" in os.environ else SOAK_S
    plan = victims(dice, int(seconds / KILL_EACH_S) - 1)
    lives = Lives()
    with Exchange(EXCHANGE, "--synthetic", "--seed", "7", "--rate", "1000") as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        wait_for(after(5), "the market plays")
        early = p99_ms(instance)
        begun = time.monotonic()
        killed = 0
        while time.monotonic() < begun + seconds:
            if killed < len(plan) and time.monotonic() > begun + (killed + 1) * KILL_EACH_S:
                before = instance.pids()
                send(before[plan[killed]], signal.SIGKILL)
                wait_for(lambda: instance.pids().get(plan[killed], before[plan[killed]]) != before[plan[killed]], plan[killed] + " was replaced")
                instance.wait_healthy()
                killed += 1
            for name, pid in {**instance.pids(), "supervisor": instance.process.pid}.items():
                lives.look(name, pid)
            time.sleep(LOOK_EACH_S)
        wrong = lives.check()
        say("%d kills; p99 from receipt to disk %s at first, %s at the end" % (killed, early, p99_ms(instance)))
        assert not wrong, wrong
        assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
        assert instance.stop() == 0, instance.output()


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
