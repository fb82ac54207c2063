"""Process numbers that come round: a stranger with the number of a dead worker, or of a dead supervisor, is never signalled.
CHAOS.md has the table. Prints TAP. Runs itself once more, as the first process of a pid namespace, where it may say which number comes next.

usage: pid_reuse_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import os
import pathlib
import signal
import subprocess
import sys

from chaos_support import WITHOUT_LIMITS, WORKERS, chance, count, say
from system_support import Instance, alive, process_start, process_state, synthetic, wait_for
import tap

LAST_PID = pathlib.Path("/proc/sys/kernel/ns_last_pid")
TAKEN = 1000


class Stranger:
    """A process of its own group, with a number that was another's. Started by us, so nobody else could reap it."""

    def __init__(self, pid):
        self.pid = pid

    @classmethod
    def take(cls, pid, began):
        """When the process that has the number is gone; None if some other one was faster than we."""
        while process_start(pid) in (None, began):
            if process_start(pid) is None and cls.fork(pid):
                return cls(pid)
        return None

    @staticmethod
    def fork(pid):
        LAST_PID.write_text(str(pid - 1))
        got = os.fork()
        if got == 0:
            os.setpgid(0, 0)
            while True:
                signal.pause()
        if got != pid:
            os.kill(got, signal.SIGKILL)
            os.waitpid(got, 0)
        return got == pid

    def lives(self):
        return os.waitpid(self.pid, os.WNOHANG) == (0, 0) and process_state(self.pid) == "S"

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def pester(dice, instance):
    """What an operator may do to workers whose numbers have passed to strangers."""
    verb = dice.choice((["kill"], ["pause"], ["resume"], ["restart", "--no-wait"], ["start", "--no-wait"]))
    instance.ofctl(verb[0], dice.choice(WORKERS), *verb[1:])


def check_and_end(strangers):
    wait_for(lambda: all(process_state(stranger.pid) == "S" for stranger in strangers), "strangers sleep", 5)
    assert all(stranger.lives() for stranger in strangers), "a stranger was signalled"
    for stranger in strangers:
        stranger.end()
    strangers.clear()


def rounds_of_workers(dice, instance):
    taken, number = 0, 0
    while taken < count(TAKEN):
        number += 1
        began = {pid: process_start(pid) for pid in instance.pids().values()}
        for pid in began:
            os.kill(pid, signal.SIGKILL)
        strangers = [stranger for pid in began if (stranger := Stranger.take(pid, began[pid]))]
        if number % 10 == 0:
            pester(dice, instance)
            instance.ofctl("resume", "--all")
        instance.wait_healthy()
        taken += len(strangers)
        check_and_end(strangers)
    say("%d numbers of dead workers passed to strangers, in %d rounds" % (taken, number))


def rounds_of_supervisors(instance):
    for _ in range(count(5)):
        began = {pid: process_start(pid) for pid in [instance.process.pid, *instance.pids().values()]}
        workers = list(began)[1:]
        instance.process.kill()
        instance.process.wait()
        wait_for(lambda: not any(alive(pid) for pid in workers), "the workers have ended")
        for pid in workers:
            os.waitpid(pid, 0)  # they have come to us, the first process
        strangers = [stranger for pid in began if (stranger := Stranger.take(pid, began[pid]))]
        instance.start_and_wait()
        check_and_end(strangers)


def test_a_stranger_with_the_number_of_a_dead_process_is_never_signalled():
    if os.getpid() != 1:
        return in_namespace()
    dice = chance()
    with synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        rounds_of_workers(dice, instance)
        rounds_of_supervisors(instance)
        assert instance.stop() == 0, instance.output()


def in_namespace():
    enter = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*enter, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        raise tap.Skip("this user may not make a pid namespace")
    done = subprocess.run([*enter, sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    print("".join("# %s\n" % line.lstrip("# ") for line in done.stdout.splitlines()), end="")
    assert done.returncode == 0, "in the namespace"


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
