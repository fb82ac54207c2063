"""The wall clock is set, forwards and backwards, under a running instance, and time goes by in which nobody ran. CHAOS.md has
the table. Prints TAP. The clock of this machine is left alone: shifted_clock.cpp shifts what the instance sees of it.

usage: clock_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import os
import re
import signal
import sqlite3
import sys
import time

from chaos_support import after, chance, count, say
from harm_support import ShiftedClock
from system_support import Instance, process_state, synthetic, wait_for
import tap

HANG_LIMIT_MS = 3000
HOUR_S, DAY_S = 3600, 86400
STEPS_S = {"an hour on": HOUR_S, "an hour back": -HOUR_S, "a day on": DAY_S, "a day back": -DAY_S, "a leap second": 1, "one that is taken out": -1,
           "to 1970": None, "past 2038": 13 * 366 * DAY_S}


def newest(instance):
    rows = instance.api("/api/trades?symbol=BTCUSDT&limit=1")["trades"]
    return rows[0] if rows else None


def reached(instance, clock):
    """Whether a trade is stored that was received at the shifted time."""
    trade = newest(instance)
    return trade if trade and abs(trade["receive_ns"] / 1e9 - (time.time() + clock.shift)) < 30 else None


def check_unmoved(instance, before, breakers, what):
    workers = instance.workers()
    assert {name: row["pid"] for name, row in workers.items()} == before, (what, before, workers)
    for name, row in workers.items():
        assert row["restarts"] == 0 and 0 <= row["heartbeat_age_ms"] < 60_000, (what, name, row)
    assert breakers_of(instance) == breakers, (what, breakers, breakers_of(instance))


def times_told(instance):
    logged = sum(path.read_text().count("the wall clock was set") for path in (instance.folder / "log").iterdir())
    return logged if re.search(r"the wall clock was set %d times" % logged, instance.ofctl("doctor")[1]) else None


def breakers_of(instance):
    """Of each breaker what a step of the clock could change: its state, and how often it has opened."""
    found = {(row["process"], row["breaker"]): (row["state"], row["trips"]) for row in instance.ofctl_json("breaker")["breakers"]}
    assert found, "no breaker"
    return found


def test_a_wall_clock_that_is_set_restarts_nobody_and_loses_nothing():
    dice = chance()
    cases = [dice.choice(list(STEPS_S)) for _ in range(count(30) - len(STEPS_S))] + list(STEPS_S)
    dice.shuffle(cases)
    with synthetic() as exchange, Instance(exchange, supervisor={"heartbeat_timeout_ms": HANG_LIMIT_MS}) as instance:
        with ShiftedClock(instance) as clock:
            instance.start()
        instance.wait_healthy()
        clock.check()
        wait_for(lambda: instance.answer("/api/trades?symbol=BTCUSDT&limit=1")[0] == 200 and reached(instance, clock), "trades are stored")
        before, breakers = instance.pids(), breakers_of(instance)
        steps = 0
        to_1970 = 60 - time.time()
        for case in cases:
            step = STEPS_S[case]
            # From the true time, or from where an earlier step of at most some days has led.
            begin = clock.shift if abs(clock.shift) < 10 * DAY_S and dice.random() < 0.5 else 0
            former = clock.shift
            clock.set(to_1970 if step is None else begin + step)
            steps += abs(clock.shift - former) > 0.5
            trade = wait_for(lambda: reached(instance, clock), "a trade is stored, received at the time that the clock shows: " + case)
            wait_for(lambda: newest(instance)["id"] > trade["id"] + 10, "and it goes on")
            check_unmoved(instance, before, breakers, case)
            wait_for(lambda: times_told(instance) == steps, "it is told: " + case)
        wait_for(after(HANG_LIMIT_MS / 1000 + 1), "a verdict would have come")
        check_unmoved(instance, before, breakers, "afterwards")
        say("%d steps: %s" % (len(cases), ", ".join(cases)))
        assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
        assert instance.stop() == 0, instance.output()
        check_store(instance)


def check_store(instance):
    """Trades are filed by the exchange's time, which was never moved; none is missing, none is in the ledger."""
    files = sorted((instance.folder / "data").glob("orderflow-*.sqlite"))
    assert 1 <= len(files) <= 2, files  # two when midnight has passed
    ids = []
    for file in files:
        with sqlite3.connect(file) as store:
            assert store.execute("SELECT count(*) FROM gaps").fetchone()[0] == 0, file
            ids += [row[0] for row in store.execute("SELECT trade_id FROM trades JOIN symbols ON id = symbol_id WHERE name = 'BTCUSDT'")]
    assert len(set(ids)) == len(ids) == max(ids) - min(ids) + 1, (len(ids), min(ids), max(ids))


def test_time_in_which_nobody_ran_is_nobodys_silence():
    dice = chance()
    with synthetic() as exchange, Instance(exchange, supervisor={"heartbeat_timeout_ms": HANG_LIMIT_MS}) as instance:
        with ShiftedClock(instance) as clock:
            instance.start()
        instance.wait_healthy()
        clock.check()
        before, breakers = instance.pids(), breakers_of(instance)
        for _ in range(count(3)):
            pids = list(before.values()) + [instance.process.pid]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            wait_for(lambda: all(process_state(pid) == "T" for pid in pids), "all sleep")
            wait_for(after(2 * HANG_LIMIT_MS / 1000), "the machine was suspended")
            clock.set(clock.shift + dice.uniform(HOUR_S, 12 * HOUR_S))  # as after a night
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            wait_for(after(HANG_LIMIT_MS / 1000 + 1), "a verdict would have come")
            wait_for(lambda: reached(instance, clock), "trades are stored")
            check_unmoved(instance, before, breakers, "suspended")
        assert instance.stop() == 0, instance.output()


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
