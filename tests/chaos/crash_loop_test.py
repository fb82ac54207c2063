"""Workers that never come to run: they follow the published schedule, are parked, and are forgiven after a healthy time. Prints TAP.

usage: crash_loop_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import concurrent.futures
import os
import re
import signal
import sys
import time

from chaos_support import count, cpu_ms, say
from system_support import BUILD, Instance, programs_with, synthetic, toml_of, wait_for
import tap

LOOPS = 20
AT_ONCE = 5
RESTART = {"first_delay_ms": 0, "delay_min_ms": 50, "delay_max_ms": 400, "healthy_after_ms": 60000, "failures_max": 6, "probe_ms": 1000}
DELAYS_MS = [0, 50, 100, 200, 400, 1000, 1000]
JITTER = 0.8


def with_storage(instance, script):
    """Storage becomes this script; its configuration is always right."""
    text = "#!/bin/sh\n[ \"$1\" = --check-config ] && exit 0\n" + script
    instance.sections["instance"]["bin_dir"] = programs_with(instance, "storage", text)
    instance.config.write_text(toml_of(instance.sections))


def check_planned(log):
    """The delays that the supervisor announced are those of the curve."""
    delays = [int(found) for found in re.findall(r"storage .* restart in (\d+) ms", log)]
    assert len(delays) >= RESTART["failures_max"] - 1, delays
    for planned, delay in zip(delays, DELAYS_MS):
        assert JITTER * delay - 1 <= planned <= (2 - JITTER) * delay + 1, delays


def looping(script, **storage):
    """Starts, as ns since the instance was begun, of a storage that runs this script, until it was probed twice; and the supervisor's CPU in ms."""
    with synthetic() as exchange, Instance(exchange, **{"supervisor.restart": RESTART, "supervisor.storage": storage}) as instance:
        note = instance.folder / "starts"
        with_storage(instance, "date +%%s%%N >>%s\n%s\n" % (note, script))
        begun = time.time_ns()
        instance.start()
        wait_for(lambda: note.exists() and len(note.read_text().split()) >= len(DELAYS_MS) + 1, "it was probed twice", 60)
        others = {name: row for name, row in instance.workers().items() if name != "storage"}
        assert all(row["alive"] and row["restarts"] == 0 for row in others.values()), others
        log = instance.ofctl("logs", "--worker", "supervisor", "-n", "200")[1]
        assert "is parked" in log
        check_planned(log)
        spent = cpu_ms(instance.process.pid)
        starts = [int(word) - begun for word in note.read_text().split()]
        assert instance.stop() == 0, instance.output()
    return starts, spent


def follow_the_schedule(script, least_ms=0, **storage):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = list(pool.map(lambda _: looping(script, **storage), range(count(LOOPS))))
    late = []
    for starts, _ in runs:
        soonest_ms = 0
        for start, delay in zip(starts[1:], DELAYS_MS):
            # Never sooner than the jitter allows, from the first on; how much later is the machine's affair.
            soonest_ms += JITTER * delay + least_ms
            assert start / 1e6 >= soonest_ms, (soonest_ms, starts)
        late += [(later - earlier) / 1e6 - delay - least_ms for earlier, later, delay in zip(starts, starts[1:], DELAYS_MS)]
    late.sort()
    say("%d loops; a start came %.0f ms (median) to %.0f ms after the middle of its time; the supervisor's CPU: at most %d ms a loop" %
        (len(runs), late[len(late) // 2], late[-1], max(spent for _, spent in runs)))


def test_one_that_exits_with_1_follows_the_schedule_and_is_parked():
    follow_the_schedule("exit 1")


def test_one_that_exits_with_0_follows_the_schedule_and_is_parked():
    follow_the_schedule("exit 0")


def test_one_that_crashes_follows_the_schedule_and_is_parked():
    follow_the_schedule("kill -SEGV $$")


def test_one_that_is_never_ready_follows_the_schedule_and_is_parked():
    follow_the_schedule("exec sleep 1000", 300, ready_timeout_ms=300)


def failing_to_execute():
    """A storage that can no longer be executed, until it is parked."""
    with synthetic() as exchange, Instance(exchange, **{"supervisor.restart": RESTART}) as instance:
        with_storage(instance, "exec %s \"$@\"\n" % (BUILD / "workers/storage/of-storage"))
        instance.start_and_wait()
        before = instance.pids()
        (instance.folder / "bin/of-storage").write_text("#!/nowhere/at/all\n")
        os.kill(before["storage"], signal.SIGKILL)
        log = lambda: instance.ofctl("logs", "--worker", "supervisor", "-n", "200")[1]
        wait_for(lambda: "is parked" in log(), "it is parked", 60)
        check_planned(log())
        assert {**before, "storage": 0} == {**instance.pids(), "storage": 0}, "its siblings were touched"
        assert instance.stop() == 0, instance.output()


def test_one_that_cannot_be_executed_follows_the_schedule_and_is_parked():
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda _: failing_to_execute(), range(count(LOOPS))))


def test_a_healthy_time_makes_a_new_beginning():
    restart = {**RESTART, "healthy_after_ms": 1500}
    with synthetic() as exchange, Instance(exchange, **{"supervisor.restart": restart}) as instance:
        instance.start_and_wait()
        log = lambda: re.findall(r"storage .* restart in (\d+) ms", instance.ofctl("logs", "--worker", "supervisor", "-n", "200")[1])
        up_ms = lambda: instance.workers()["storage"]["uptime_ms"]
        for _ in range(count(3)):
            wait_for(lambda: up_ms() > 2 * restart["healthy_after_ms"], "storage has been well for a while")
            for _ in range(3):
                told = len(log())
                os.kill(instance.pids()["storage"], signal.SIGKILL)
                wait_for(lambda: len(log()) > told, "its death is told")
                instance.wait_healthy()
        # At once, then the curve; and at once again, since it had been well in between.
        delays = [int(delay) for delay in log()]
        firsts, seconds = delays[0::3], delays[1::3]
        assert set(firsts) == {0} and all(delay >= JITTER * restart["delay_min_ms"] - 1 for delay in seconds), delays
        assert instance.stop() == 0, instance.output()


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
