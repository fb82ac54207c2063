"""A disk that is full at a random moment, and has room again: what is stored stays whole, the breaker opens, storage goes on. Prints TAP.

usage: disk_full_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import concurrent.futures
import os
import pathlib
import random
import signal
import sys
import time

from chaos_support import chance, count, market, say
from harm_support import SmallDisk
from store_support import check_store, settle, wait_until_stored, whole_files
from system_support import Instance, wait_for
import tap

INSTANCES = 4
ROUNDS = 25


def store_breaker(instance):
    return next(row for row in instance.ofctl_json("breaker", "ls")["breakers"] if row["breaker"] == "store")


def rows_stored(instance):
    return instance.metric("orderflow_rows_stored_total") or 0


def fill_again_and_again(seed):
    """Seconds until storage stored again, of each round."""
    dice = random.Random(seed)
    waits = []
    with market(1000) as exchange, Instance(exchange) as instance, SmallDisk(instance) as disk:
        instance.start_and_wait()
        wait_until_stored(instance, exchange)
        for number in range(count(ROUNDS)):
            wait_for(lambda: rows_stored(instance) > 0, "it stores")
            disk.leave(dice.randrange(200_000))
            wait_for(lambda: store_breaker(instance)["state"] == "open", "the breaker opens", 60)
            if number % 5 == 4:  # it dies while there is no room
                before = instance.pids()["storage"]
                os.kill(before, signal.SIGKILL)
                wait_for(lambda: instance.pids().get("storage", before) != before, "storage is back on a full disk")
            disk.relieve()
            stored, begun = rows_stored(instance), time.monotonic()
            wait_for(lambda: rows_stored(instance) > stored and store_breaker(instance)["state"] == "closed", "it stores again")
            waits.append(time.monotonic() - begun)
            assert list(whole_files(pathlib.Path(disk.folder))), "no day file"
        played = settle(instance, exchange)
        assert instance.stop() == 0, instance.output()
        stored, named = check_store(instance, played)
        say("seed %s: %d ids stored, %d in the gap ledger" % (seed, stored, named))
    return waits


def test_a_full_disk_tears_nothing_and_storage_goes_on_when_there_is_room():
    dice = chance()
    with concurrent.futures.ThreadPoolExecutor(INSTANCES) as pool:
        waits = sorted(wait for found in pool.map(fill_again_and_again, [dice.random() for _ in range(INSTANCES)]) for wait in found)
    say("full %d times; it stored again %.1f s (median), %.1f s (p99), %.1f s (maximum) after there was room" %
        (len(waits), waits[len(waits) // 2], waits[len(waits) * 99 // 100], waits[-1]))


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
