#!/usr/bin/env python3
"""What happens to the segments of a running instance: cut, unlinked, replaced, made unreadable or readable for all, and
damaged in their headers. The instance is healthy again within a deadline, siblings of the broken segment keep their
pids, everything verifies, and what was lost is told. Prints TAP.

usage: segments_test.py [NAME...]
"""

import os
import pathlib
import re
import sys
import time

from chaos_support import bundles, chance, count, market, processes_of, say
from system_support import Instance, synthetic, wait_for
import tap

BROKEN_EXIT = 11  # the control page: whoever runs ofsupervisor starts it again
HEALTHY_WITHIN_S = 30
HEADER_BYTES = 1024


def cut(path, dice):
    os.truncate(path, dice.choice((0, 4096, 8192, path.stat().st_size // 2)))


def unlink(path, _dice):
    path.unlink()


def replace(path, dice):
    path.unlink()
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    os.write(descriptor, dice.randbytes(10000))
    os.close(descriptor)


def forbid(path, _dice):
    path.chmod(0)


def allow_everybody(path, _dice):
    os.chmod(path, 0o666)


def zero_header(path, _dice):
    with open(path, "r+b") as file:
        file.write(bytes(HEADER_BYTES))


HARMS = {"cut": cut, "unlinked": unlink, "replaced": replace, "made unreadable": forbid, "opened to everybody": allow_everybody, "header zeroed": zero_header}


def attached(instance, name):
    """Workers that have this segment mapped, by what the kernel says."""
    path = "/dev/shm/%s.%s" % (instance.name, name)
    return {worker for worker, pid in instance.pids().items()
            if any(line.split(" ", 5)[-1].strip() == path for line in pathlib.Path("/proc/%d/maps" % pid).read_text().splitlines())}


def log_of(instance):
    return "".join(path.read_text(errors="replace") for path in sorted((instance.folder / "log").iterdir()))


def killed(instance):
    """Workers that a page that was gone has ended, by the log."""
    return set(re.findall(r"(\w+) \(pid \d+\) ended: signal 7 ", log_of(instance)))


def generation(instance, name):
    """The random number that each making of a segment has in its header; nothing while it is being made."""
    try:
        with open("/dev/shm/%s.%s" % (instance.name, name), "rb") as file:
            return file.read(HEADER_BYTES)[48:56]
    except OSError:
        return b""


def sound(instance):
    """Healthy, and each segment is one again."""
    return instance.process.poll() is None and instance.ofctl("health")[0] == 0 and instance.ofctl("shm", "verify")[0] == 0


def mend(instance, name, harm, dice):
    """Does the harm, and waits until all is well; returns (who had to start anew, seconds)."""
    concerned, before, was = attached(instance, name), instance.pids(), generation(instance, name)
    supervisor = instance.process.pid
    harm(pathlib.Path("/dev/shm/%s.%s" % (instance.name, name)), dice)
    began = time.monotonic()
    if name == "control" and harm is not forbid:
        assert instance.process.wait(HEALTHY_WITHIN_S) == BROKEN_EXIT, instance.output()
        wait_for(lambda: not processes_of(instance), "no worker is left")
        assert "control is broken" in instance.output(), instance.output()
        instance.start()
    if harm is forbid:
        wait_for(lambda: sound(instance), "it has its mode again", HEALTHY_WITHIN_S)
        assert generation(instance, name) == was, "nobody can have used it, and it was thrown away"
        concerned = set()
    else:
        wait_for(lambda: generation(instance, name) not in (was, b"") and sound(instance) and
                 not {before[worker] for worker in concerned} & set(instance.pids().values()), "it is sound again", HEALTHY_WITHIN_S)
    now = instance.pids()
    if name != "control" or harm is forbid:
        assert instance.process.pid == supervisor
        kept = {worker for worker in before if now[worker] == before[worker]}
        assert kept == set(before) - concerned, (name, harm.__name__, concerned, before, now)
    return concerned, time.monotonic() - began


def test_a_segment_that_breaks_is_made_anew_and_only_its_users_start_anew():
    dice = chance()
    slowest = 0.0
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for number in range(count(20)):
            names = [path.rsplit("/" + instance.name + ".", 1)[1] for path in instance.segments()]
            name, (what, harm) = dice.choice(names), dice.choice(list(HARMS.items()))
            concerned, seconds = mend(instance, name, harm, dice)
            slowest = max(slowest, seconds)
            say("%d: %s %s: %s start anew, well again after %.1f s" % (number, name, what, ", ".join(sorted(concerned)) or "none", seconds))
            if name != "control" or harm is forbid:
                said = "had mode 0000" if harm is forbid else "is broken, and was made anew"
                wait_for(lambda: any(said in line and name in line for line in log_of(instance).splitlines()), "the log tells of " + name)
            instance.seen |= set(instance.pids().values())
        say("the slowest took %.1f s" % slowest)
        assert instance.stop() == 0, instance.output()


def test_a_control_page_that_is_cut_ends_the_instance_with_its_code_and_leaves_nothing():
    with synthetic() as exchange, Instance(exchange) as instance:
        for size in (0, 4096):
            instance.start_and_wait()
            os.truncate("/dev/shm/%s.control" % instance.name, size)
            assert instance.process.wait(60) == BROKEN_EXIT, (size, instance.process.returncode, instance.output())
            assert not processes_of(instance) and not instance.segments(), (size, processes_of(instance), instance.segments())


def test_what_a_cut_ring_may_have_cost_is_told_and_the_trades_between_are_fetched_again():
    dice = chance()
    # So many that some are missed, however fast the feed is back.
    with market(3000) as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        wait_for(lambda: instance.workers()["storage"]["messages"] > 500, "trades are stored")
        mend(instance, "market.0", lambda path, _dice: os.truncate(path, 0), dice)
        # Who touched a page that was gone has left a post mortem; who was asked to let go of it has nothing to tell.
        wait_for(lambda: "binance" in killed(instance), "the feed's end is in the log")
        wait_for(lambda: {row["worker"] for row in bundles(instance) if row["signal"] == "SIGBUS"} == killed(instance), "post mortems of it")
        wait_for(lambda: "former market.0 were not read by storage cannot be told" in log_of(instance), "what was not read is told")
        wait_for(lambda: "ids missing" in log_of(instance), "the trades between are found missing")
        wait_for(lambda: " repaired" in log_of(instance), "and are fetched")
        assert instance.stop() == 0, instance.output()


def test_nobody_maps_more_segments_than_the_wiring_says():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        assert attached(instance, "market.0") == {"binance", "communication", "storage"}
        assert attached(instance, "book.0") == {"binance", "communication", "storage"}
        assert attached(instance, "log.storage") == {"storage", "logger", "communication"}
        assert attached(instance, "metrics.logger") == {"logger", "communication"}
        for name in ("trace.storage", "error.storage", "breaker.storage", "command.storage", "event.storage"):
            assert attached(instance, name) == {"storage"}, name
        assert attached(instance, "call.communication.storage") == attached(instance, "reply.storage.communication") == {"communication", "storage"}
        assert instance.stop() == 0, instance.output()


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
