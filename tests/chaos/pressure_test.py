"""A machine without CPU, without shared memory: what is said, and that it goes on. CHAOS.md has the table. Prints TAP.

usage: pressure_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import os
import subprocess
import sys
import time

from chaos_support import WORKERS, processes_of, say
from system_support import SUPERVISOR, Instance, synthetic
import tap

NO_RESOURCES = 10
STARVED_S = float(os.environ.get("OF_CHAOS_STARVED_S") or 180)


def hang_verdicts(instance):
    return instance.ofctl("logs", "--grep", "gave no heartbeat")[1].count("\n")


def test_starvation_is_never_taken_for_a_hang():
    nice = {"supervisor." + name: {"nice": 19} for name in WORKERS}  # the busy ones come first, always
    with synthetic() as exchange, Instance(exchange, supervisor={"heartbeat_timeout_ms": 3000}, **nice) as instance:
        instance.start_and_wait()
        before = instance.pids()
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
        try:
            end = time.monotonic() + STARVED_S
            worst = 0
            while time.monotonic() < end:
                ages = [row["heartbeat_age_ms"] for row in instance.workers().values()]
                worst = max([worst] + ages)
                time.sleep(0.5)
            say("oldest heartbeat in %d s: %d ms" % (STARVED_S, worst))
            assert instance.pids() == before, (before, instance.pids())
            assert hang_verdicts(instance) == 0, instance.ofctl("logs", "--worker", "supervisor")[1]
        finally:
            for process in busy:
                process.kill()
                process.wait()
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
