"""A storage that does not keep up: the ring goes over it, what that costs is counted and named, and nobody waits for it. Prints TAP.

usage: consumer_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import os
import signal
import sys
import time

from chaos_support import count, market, say
from store_support import check_store, settle, wait_until_stored
from system_support import Instance, wait_for
import tap

STOPPED_S = 10
THROTTLED_S = 5
ROUNDS = 5
SMALL_RING = {"market_slots": 8192, "log_slots": 1024, "trace_slots": 65536}


def behind(instance):
    """(messages that storage is behind, messages that it has lost so far); storage itself is not asked."""
    row = instance.workers()["storage"]
    return row["lag"], row["lost"]


def throttle(pid, seconds):
    """Lets it work for a hundredth of the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.002)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.2)
    os.kill(pid, signal.SIGCONT)


def test_a_slow_storage_loses_what_the_ring_went_over_and_says_exactly_what():
    with market(3000) as exchange, Instance(exchange, supervisor={"heartbeat_timeout_ms": 600000}, rings=SMALL_RING) as instance:
        instance.start_and_wait()
        wait_until_stored(instance, exchange)
        before = instance.pids()
        for _ in range(count(ROUNDS)):
            lost = behind(instance)[1]
            os.kill(before["storage"], signal.SIGSTOP)
            begun = time.monotonic()
            wait_for(lambda: time.monotonic() > begun + STOPPED_S, "it has stood still for a while", 60)
            wait_for(lambda: behind(instance)[0] > 2 * SMALL_RING["market_slots"], "the ring has come round", 60)
            lag = behind(instance)[0]
            throttle(before["storage"], THROTTLED_S)
            wait_for(lambda: behind(instance)[1] > lost, "what was lost is counted")
            say("%d messages behind after standing still; %d lost with what came while it was throttled" % (lag, behind(instance)[1] - lost))
        assert instance.pids() == before, "somebody was restarted"
        played = settle(instance, exchange)
        lost = behind(instance)[1]
        wait_for(lambda: instance.metric("orderflow_messages_lost_total") == lost, "the metric says the same as the control page: %d" % lost)
        assert instance.stop() == 0, instance.output()
        stored, named = check_store(instance, played)
        say("%d messages lost to laps; %d ids stored, %d in the gap ledger" % (lost, stored, named))
        assert 0 < named <= lost, "more ids are missing than messages were lost"


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
