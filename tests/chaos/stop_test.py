"""Stops at full load: in order, again while a worker is just dying, and twice. Every message that the feed has accepted is
stored. CHAOS.md has the table. Prints TAP.

usage: stop_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import contextlib
import json
import os
import re
import signal
import sys
import time

from chaos_support import WITHOUT_LIMITS, WORKERS, chance, count, processes_of, say, send
from store_support import ids_of
from system_support import EXCHANGE, OFCTL, Exchange, Instance, run, wait_for
import tap

DRAIN_ORDER = ("binance", "communication", "storage", "logger")


class KeptSegments:
    """The segments of an instance, readable when it has removed them."""

    def __init__(self, instance):
        self.instance = instance
        self.files = {path.rsplit("/", 1)[1]: open(path, "rb", buffering=0) for path in instance.segments()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for file in self.files.values():
            file.close()

    def trades(self):
        """What is in the market ring: {symbol: [ids]}."""
        folder = self.instance.folder / "kept"
        folder.mkdir(exist_ok=True)
        for name, file in self.files.items():
            file.seek(0)
            (folder / name).write_bytes(file.read())
        code, out, err = run(OFCTL, "--from", str(folder), "--instance", self.instance.name, "--json", "shm", "tail", "market.0", "--type", "trade", "-n", "10000")
        assert code == 0, (code, err)
        found = {}
        for line in out.splitlines():
            message = json.loads(line)
            found.setdefault(message["symbol"], []).append(message["id"])
        return found


def stored_ids(instance):
    """{symbol: set of ids}, over all days; each file must be whole."""
    return {symbol: stored for (symbol, table), (stored, _) in ids_of(instance.folder / "data").items() if table == "trades"}


def check_all_stored(instance, kept):
    accepted, stored = kept.trades(), stored_ids(instance)
    assert accepted, "nothing was accepted"
    for symbol, ids in accepted.items():
        missing = sorted(set(ids) - stored.get(symbol, set()))
        assert not missing, "%d of the last %d trades of %s were accepted and are not stored: %s" % (len(missing), len(ids), symbol, missing[:5])


def logged(instance):
    return "".join(path.read_text() for path in (instance.folder / "log").iterdir())


def check_nothing_lost(instance):
    assert " are lost: " not in instance.output(), instance.output()


def check_order(instance):
    """Each worker has said its last before the next in order was asked to stop. The logger's own last words stay in its ring."""
    lines = logged(instance).splitlines()
    last = {name: max(number for number, line in enumerate(lines) if "%s drains" % name in line) for name in DRAIN_ORDER}
    assert sorted(DRAIN_ORDER, key=last.get) == list(DRAIN_ORDER), last
    for name in DRAIN_ORDER[:-1]:
        following = DRAIN_ORDER[DRAIN_ORDER.index(name) + 1]
        ended = max(number for number, line in enumerate(lines) if "%s has stopped after" % name in line)
        assert ended < last[following], (name, following, lines[-12:])


def loaded(instance):
    """Wait until the market plays."""
    wait_for(lambda: instance.workers()["storage"]["messages"] > 500, "the market plays", 120)


def stopped_after(instance):
    """SIGTERM, and the seconds until the supervisor has ended, in order."""
    begun = time.monotonic()
    instance.process.terminate()
    assert instance.process.wait(60) == 0, instance.output()
    assert not processes_of(instance) and not instance.segments(), (processes_of(instance), instance.segments())
    return time.monotonic() - begun


def empty(instance):
    """Each round reads what it alone has stored and logged."""
    for part in ("data", "log"):
        for path in (instance.folder / part).iterdir():
            path.unlink()


@contextlib.contextmanager
def full_load(**settings):
    with Exchange(EXCHANGE, "--synthetic", "--seed", "7", "--rate", "5000", *WITHOUT_LIMITS) as exchange, Instance(exchange, **settings) as instance:
        yield instance


def spread(seconds):
    ordered = sorted(seconds)
    return "p50 %d ms, at most %d ms" % (1000 * ordered[len(ordered) // 2], 1000 * ordered[-1])


def test_a_stop_at_full_load_stores_every_accepted_message_and_keeps_the_order():
    took = []
    with full_load() as instance:
        for _ in range(count(40)):
            instance.start_and_wait()
            loaded(instance)
            with KeptSegments(instance) as kept:
                took.append(stopped_after(instance))
                check_all_stored(instance, kept)
            check_order(instance)
            empty(instance)
    say("%d stops at full load: %s" % (len(took), spread(took)))


def test_a_stop_while_a_worker_recovers_stores_every_accepted_message():
    dice = chance()
    took = []
    with full_load() as instance:
        for number in range(count(40)):
            instance.start_and_wait()
            loaded(instance)
            victim = WORKERS[number % len(WORKERS)]
            with KeptSegments(instance) as kept:
                send(instance.pids()[victim], signal.SIGKILL)
                wait_for(lambda: instance.workers()[victim]["restarts"] > 0, victim + "'s death was seen")
                time.sleep(dice.uniform(0, 0.03))  # anywhere in its recovery
                took.append(stopped_after(instance))
                check_all_stored(instance, kept)
            empty(instance)
    say("%d stops in a recovery: %s" % (len(took), spread(took)))


def test_a_stop_while_the_store_waits_for_its_restart_stores_every_accepted_message():
    """Or the logger: what lies in the rings of either is to be kept. The others have nothing to drain."""
    took = []
    with full_load(**{"supervisor.restart": {"first_delay_ms": 600000}}) as instance:
        for number in range(count(10)):
            instance.start_and_wait()
            loaded(instance)
            for victim in ("storage", "logger")[number % 2:]:
                send(instance.pids()[victim], signal.SIGKILL)
                wait_for(lambda: instance.workers()[victim]["state"] == "failed", victim + " waits for its restart")
            fed = instance.workers()["binance"]["messages"]
            wait_for(lambda: instance.workers()["binance"]["messages"] > fed + 100, "the market plays on")
            with KeptSegments(instance) as kept:
                took.append(stopped_after(instance))
                check_all_stored(instance, kept)
            check_nothing_lost(instance)
            check_order(instance)
            empty(instance)
    say("%d stops with the store dead: %s" % (len(took), spread(took)))


def test_a_store_that_is_killed_while_it_drains_comes_back_to_finish():
    with full_load(supervisor={"heartbeat_timeout_ms": 600000}) as instance:
        for number in range(count(10)):
            instance.start_and_wait()
            loaded(instance)
            victim = ("storage", "logger")[number % 2]
            pid = instance.pids()[victim]
            os.kill(pid, signal.SIGSTOP)
            fed = instance.workers()["binance"]["messages"]
            wait_for(lambda: instance.workers()["binance"]["messages"] > fed + 100, "the market plays on")
            with KeptSegments(instance) as kept:
                instance.process.terminate()
                before = DRAIN_ORDER[DRAIN_ORDER.index(victim) - 1]
                wait_for(lambda: instance.workers()[before]["state"] == "stopped", "it is the turn of " + victim)
                os.kill(pid, signal.SIGKILL)
                assert instance.process.wait(60) == 0, instance.output()
                check_all_stored(instance, kept)
            check_nothing_lost(instance)
            empty(instance)


def test_what_cannot_be_stored_any_more_is_told():
    with full_load(supervisor={"heartbeat_timeout_ms": 600000, "stop_timeout_ms": 1000}) as instance:
        instance.start_and_wait()
        loaded(instance)
        os.kill(instance.pids()["storage"], signal.SIGSTOP)
        fed = instance.workers()["binance"]["messages"]
        wait_for(lambda: instance.workers()["binance"]["messages"] > fed + 500, "the market plays on")
        stopped_after(instance)
        told = re.search(r"ofsupervisor: (\d+) messages of market.0 are lost: storage had not read them", instance.output())
        assert told and int(told[1]) >= 500, instance.output()


def test_a_second_sigterm_ends_what_still_drains():
    patient = {"heartbeat_timeout_ms": 600000, "stop_timeout_ms": 600000}
    with full_load(supervisor=patient) as instance:
        for number in range(count(20)):
            instance.start_and_wait()
            victim = WORKERS[number % len(WORKERS)]
            os.kill(instance.pids()[victim], signal.SIGSTOP)
            instance.process.terminate()
            wait_for(lambda: "stopping: SIGTERM" in instance.output().splitlines()[-1], "the first is taken")
            stopped_after(instance)
            stored_ids(instance)  # whole files
            empty(instance)


def test_an_idle_instance_stops_at_once():
    took = []
    with Exchange(EXCHANGE, "--synthetic", "--seed", "7", "--rate", "1", *WITHOUT_LIMITS) as exchange, Instance(exchange) as instance:
        for _ in range(count(10)):
            instance.start_and_wait()
            took.append(stopped_after(instance))
    say("%d idle stops: %s" % (len(took), spread(took)))


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
