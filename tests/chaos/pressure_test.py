"""A machine without CPU, without shared memory, without processes: what is said, and that it goes on. CHAOS.md has the table. Prints TAP.

usage: pressure_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

from chaos_support import WORKERS, chance, count, processes_of, say
from system_support import SUPERVISOR, Instance, process_state, synthetic, wait_for
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
        for step in range(64):
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


def test_without_processes_to_be_had_it_waits_and_goes_on():
    groups = [line.split()[1] for line in open("/proc/self/mounts") if line.split()[2] == "cgroup" and "pids" in line.split()[3].split(",")]
    folder = pathlib.Path(groups[0] if groups else "/nowhere") / ("of-test-%d" % os.getpid())
    try:
        folder.mkdir()
    except OSError as error:
        raise tap.Skip("no pids cgroup that this user may divide: %s" % error) from None
    try:
        with synthetic() as exchange, Instance(exchange) as instance:
            instance.start(within="echo $$ >%s/cgroup.procs" % folder)
            instance.wait_healthy()
            for _ in range(count(5)):
                before = instance.pids()
                running = int((folder / "pids.current").read_text())
                (folder / "pids.max").write_text(str(running - 1))
                os.kill(before["storage"], signal.SIGKILL)
                wait_for(lambda: instance.workers()["storage"]["restarts"] > 1 or "clone" in instance.ofctl("logs")[1], "a start has failed")
                assert not instance.workers()["storage"]["alive"]
                (folder / "pids.max").write_text("max")
                instance.wait_healthy()
                now = instance.pids()
                assert {**now, "storage": 0} == {**before, "storage": 0}, (before, now)
            assert instance.stop() == 0, instance.output()
    finally:
        wait_for(lambda: not (folder / "cgroup.procs").read_text().strip(), "the group is empty")
        folder.rmdir()


def test_without_descriptors_a_client_waits_and_the_rest_goes_on():
    dice = chance()
    with synthetic() as exchange, Instance(exchange, **{"supervisor.communication": {"open_files": 64}}) as instance:
        instance.start_and_wait()
        before = instance.pids()
        clients = []
        try:
            for _ in range(200):
                clients.append(socket.create_connection(("127.0.0.1", instance.port), timeout=5))
            pid = before["communication"]
            spent = lambda: int(pathlib.Path("/proc/%d/schedstat" % pid).read_text().split()[0]) / 1e9
            begun, first = time.monotonic(), spent()
            wait_for(lambda: time.monotonic() > begun + 2, "two seconds with no descriptor left")
            share = (spent() - first) / (time.monotonic() - begun)
            say("communication takes %.1f %% of a core without descriptors" % (100 * share))
            assert process_state(pid) is not None and instance.pids() == before
            assert share < 0.5, "it turns on the spot: %.2f of a core" % share
        finally:
            dice.shuffle(clients)
            for client in clients:
                client.close()
        wait_for(lambda: instance.metric("orderflow_clients") is not None, "it serves again")
        instance.wait_healthy()
        assert instance.pids() == before
        assert instance.stop() == 0, instance.output()


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
