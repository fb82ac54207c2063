"""A machine without CPU, without shared memory: what is said, and that it goes on. CHAOS.md has the table. Prints TAP.

usage: pressure_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import contextlib
import os
import subprocess
import sys
import time

from cgroup_support import MemoryGroup
from chaos_support import WORKERS, processes_of, say
from system_support import SUPERVISOR, Instance, synthetic
import tap

NO_RESOURCES = 10
STARVED_S = float(os.environ.get("OF_CHAOS_STARVED_S") or 180)


def hang_verdicts(instance):
    return instance.ofctl("logs", "--grep", "gave no heartbeat")[1].count("\n")


EATER = """
import mmap, sys
cached = open(sys.argv[1], "w+b")
cached.truncate(256 << 20)
while True:
    cached.seek(0)
    while cached.read(1 << 20):
        pass
    own = mmap.mmap(-1, 32 << 20)
    for page in range(0, len(own), mmap.PAGESIZE):
        own[page] = 1
    own.close()
"""


def memory_group(stack):
    """A group of little memory; None where none is to be had."""
    try:
        group = stack.enter_context(MemoryGroup())
    except tap.Skip as skip:
        say(str(skip))
        return None
    group.limit(160 << 20)
    return group


@contextlib.contextmanager
def running(program, *arguments):
    process = subprocess.Popen([sys.executable, "-c", program, *arguments])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def starve(instance, eater, group):
    """Eight busy processes take the CPUs. The eater reads more than the group may keep, so that whoever needs a page takes it from somebody."""
    if group is not None:
        for pid in [eater.pid, instance.process.pid, *instance.pids().values()]:
            group.add(pid)
    with contextlib.ExitStack() as busy:
        for _ in range(8):
            busy.enter_context(running("while True: pass"))
        end = time.monotonic() + STARVED_S
        worst = 0
        while time.monotonic() < end:
            worst = max([worst] + [row["heartbeat_age_ms"] for row in instance.workers().values()])
            time.sleep(0.5)
    say("oldest heartbeat in %d s: %d ms" % (STARVED_S, worst))


def test_starvation_is_never_taken_for_a_hang():
    nice = {"supervisor." + name: {"nice": 19} for name in WORKERS}  # the busy ones come first, always
    with contextlib.ExitStack() as stack:
        group = memory_group(stack)
        exchange = stack.enter_context(synthetic())
        instance = stack.enter_context(Instance(exchange, supervisor={"heartbeat_timeout_ms": 3000}, **nice))
        instance.start_and_wait()
        before = instance.pids()
        with running(EATER, str(instance.folder / "cached")) as eater:
            starve(instance, eater, group)
        assert instance.pids() == before, (before, instance.pids())
        assert hang_verdicts(instance) == 0, instance.ofctl("logs", "--worker", "supervisor")[1]
        instance.wait_healthy()
        assert instance.stop() == 0, instance.output()


def test_shared_memory_of_any_size_is_enough_or_refused_in_a_sentence():
    if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        raise tap.Skip("this user may not make a mount namespace")
    started = refused = 0
    with synthetic() as exchange, Instance(exchange) as instance:
        for step in range(65):  # up to the 64 MiB that a container is given
            size_kb = step * 1024
            script = 'mount -t tmpfs -o size=%dk tmpfs /dev/shm && exec "$@"' % max(4, size_kb)
            done = subprocess.Popen(["unshare", "-m", "sh", "-c", script, "sh", SUPERVISOR, "run", "--config", str(instance.config)],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            lines = []
            for line in done.stderr:
                lines.append(line)
                if " workers ready in " in line:
                    done.terminate()
            code = done.wait(60)
            done.stderr.close()
            text = "".join(lines)
            assert code in (0, NO_RESOURCES), (size_kb, code, text)
            if code == NO_RESOURCES:
                refused += 1
                assert "/dev/shm" in text, (size_kb, text)
            else:
                started += 1
            assert not processes_of(instance), processes_of(instance)
    say("%d sizes were too small and said so, %d were enough" % (refused, started))
    assert refused > 10 and started > 10


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
