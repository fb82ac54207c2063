#!/usr/bin/env python3
"""How long ofctl takes from execve to its end: wall time and CPU time of `ofctl status` on segments that are not there, beside
/bin/true, in turns. Prints p50, p99 and maximum in ms.

usage: ofctl_start.py [OFCTL] [ROUNDS]
"""

import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def once(command):
    """(wall ms, CPU ms) of one run."""
    null = os.open(os.devnull, os.O_RDWR)
    begun = time.perf_counter_ns()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, to) for to in (1, 2)])
    usage = os.wait4(pid, 0)[2]
    wall = time.perf_counter_ns() - begun
    os.close(null)
    return wall / 1e6, (usage.ru_utime + usage.ru_stime) * 1e3


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/supervisor/ofctl/ofctl")
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    commands = {"ofctl status": [program, "--instance", "none", "status"], "ofctl --help": [program, "--help"], "true": ["/bin/true"]}
    times = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(once(command))
    print("%-14s %8s %8s %8s %8s" % ("", "p50", "p99", "max", "cpu p50"))
    for name, found in times.items():
        wall = sorted(value for value, _ in found)
        cpu = sorted(value for _, value in found)
        print("%-14s %8.2f %8.2f %8.2f %8.2f" % (name, wall[len(wall) // 2], wall[len(wall) * 99 // 100], wall[-1], cpu[len(cpu) // 2]))


if __name__ == "__main__":
    main()
