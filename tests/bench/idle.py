#!/usr/bin/env python3
"""What a whole instance takes of a core while nothing happens: books in step, then an exchange that sends nothing more.

usage: idle.py [--seconds N] [--json]
"""

import argparse
import json
import pathlib
import re
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("integration", "support", "exchange")]
from system_support import Instance, synthetic, wait_for  # noqa: E402


def seen(pid):
    """(ns on a core, times that it went to sleep)"""
    on_core = int(pathlib.Path("/proc/%d/schedstat" % pid).read_text().split()[0])
    status = pathlib.Path("/proc/%d/status" % pid).read_text()
    return on_core, int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.M)[1])


def measure(seconds):
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        wait_for(lambda: instance.metric("orderflow_books_synced") == 2, "all books are in step")
        exchange.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(3)  # what was under way comes to its end
            pids = {"supervisor": instance.process.pid, **instance.pids()}
            before, began = {name: seen(pid) for name, pid in pids.items()}, time.monotonic()
            time.sleep(seconds)
            after, took = {name: seen(pid) for name, pid in pids.items()}, time.monotonic() - began
        finally:
            exchange.process.send_signal(signal.SIGCONT)
    return {name: {"percent_of_a_core": (after[name][0] - before[name][0]) / took / 1e7,
                   "wakes_per_second": (after[name][1] - before[name][1]) / took} for name in pids}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.seconds)
    total = sum(row["percent_of_a_core"] for row in found.values())
    if arguments.json:
        print(json.dumps({"processes": found, "percent_of_a_core": total}))
        return
    for name, row in found.items():
        print("%-14s %7.3f %% of a core %7.1f wakes/s" % (name, row["percent_of_a_core"], row["wakes_per_second"]))
    print("%-14s %7.3f %% of a core" % ("all", total))


if __name__ == "__main__":
    main()
