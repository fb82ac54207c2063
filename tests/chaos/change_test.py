"""Reloads and upgrades without end, while a market plays and a client listens: nothing is restarted that need not be, and no
message is lost. CHAOS.md has the table. Prints TAP.

usage: change_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import contextlib
import json
import signal
import subprocess
import sys

from chaos_support import BUILD, chance, count, open_files, resident_kb, say
from system_support import EXCHANGE, Exchange, Instance, wait_for
import tap

RATE = "2000"


@contextlib.contextmanager
def subscriber(instance):
    """A client from now to the end, which must have got every trade in between, once."""
    command = [str(BUILD / "tests/integration/of-subscriber"), "--url", "ws://127.0.0.1:%d/ws" % instance.port, "--quiet", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: instance.metric("orderflow_clients") == 1, "the client is connected")
        yield
        process.send_signal(signal.SIGTERM)
        report = json.loads(process.communicate(timeout=60)[0])
        assert process.returncode == 0 and report["connections"] == 1 and report["lost"] == 0, report
        say("the client got %d messages, none lost" % report["messages"])
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def undisturbed(supervisor=None):
    """An instance under load, whose workers live through all that is done to it and lose nothing."""
    with Exchange(EXCHANGE, "--synthetic", "--seed", "7", "--rate", RATE) as exchange, Instance(exchange, supervisor=supervisor or {}) as instance:
        instance.start_and_wait()
        before = instance.pids()
        wait_for(lambda: instance.answer("/api/trades?symbol=BTCUSDT&limit=1")[0] == 200, "trades are stored")
        with subscriber(instance):
            yield instance
            instance.wait_healthy()
        rows = instance.workers()
        assert instance.pids() == before and not any(row["restarts"] for row in rows.values()), (before, rows)
        assert not any(row["lost"] for row in rows.values()), rows
        stats = instance.api("/api/stats")
        assert all(row["gaps_open"] == 0 for row in stats["symbols"].values()), stats
        assert instance.stop() == 0, instance.output()


def test_reloads_without_end_leave_nothing_behind_and_lose_nothing():
    dice = chance()
    with undisturbed() as instance:
        good = instance.config.read_text()
        wrong = [number < count(200) for number in range(count(1000))]
        dice.shuffle(wrong)
        figures = []
        for number, broken in enumerate(wrong):
            if broken:
                instance.config.write_text(good[:dice.randrange(20, len(good) - 1)] + "\n= broken")
                assert instance.ofctl("config", "reload")[0] == 1
            else:
                instance.config.write_text(good.replace("[supervisor]\n", "[supervisor]\nstop_timeout_ms = %d\n" % (9000 + number)))
                code, out, err = instance.ofctl("config", "reload")
                assert code == 0, (code, out, err)
            figures.append((open_files(instance.process.pid), resident_kb(instance.process.pid)))
        instance.config.write_text(good)
        third = len(figures) // 3
        wait_for(lambda: open_files(instance.process.pid) <= min(figures)[0], "the last one has closed what it opened")
        say("%d reloads, %d of them refused; resident %d kB after a third, then %d" % (len(wrong), sum(wrong), figures[third][1], figures[-1][1]))
        assert figures[-1][1] <= figures[third][1] + 1024, figures[::50]


def test_upgrades_without_end_keep_the_workers_and_lose_nothing():
    with undisturbed() as instance:
        files = []
        for _ in range(count(100)):
            code, out, err = instance.ofctl("upgrade")
            assert code == 0, (code, out, err)
            files.append(open_files(instance.process.pid))
        say("descriptors after each: %s" % sorted(set(files)))
        assert max(files[1:]) <= files[0] + 1, files


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
