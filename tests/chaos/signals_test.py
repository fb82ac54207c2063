"""Every signal to everybody, while they start, run and drain: the table of SUPERVISION.md holds. CHAOS.md has the table. Prints TAP.

usage: signals_test.py [NAME...]        runs all cases, or those whose names contain one of NAME

A worker is held in its start by a script in its place which stops itself and then becomes the worker; in its drain, by
stopping it before it is asked to. What is sent meanwhile is waiting for it when it goes on.
"""

import os
import pathlib
import signal
import sys

from chaos_support import BUILD, WITHOUT_LIMITS, WORKERS, processes_of, send
from system_support import Instance, process_state, synthetic, toml_of, wait_for
import tap

ALL = range(1, 32)
STOPS = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
NOTHING = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
TO_SUPERVISOR_NOTHING = NOTHING | {signal.SIGPIPE, signal.SIGHUP}
TO_WORKER_NOTHING = NOTHING | {signal.SIGPIPE, signal.SIGINT}
ORDERLY = {signal.SIGTERM, signal.SIGINT}
PATIENT = {"heartbeat_timeout_ms": 600_000, "stop_timeout_ms": 600_000, "ready_timeout_ms": 600_000}


def held_start(instance, names):
    """The programs of these workers stop before they begin, as long as the file `hold` is there. Returns that file."""
    hold = instance.folder / "hold"
    for name in WORKERS:
        script = "#!/bin/sh\n[ \"$1\" = --check-config ] || [ ! -e %s ] || kill -STOP $$\nexec %s \"$@\"\n" % (hold, BUILD / "workers" / name / ("of-" + name))
        folder = pathlib.Path(instance.folder / "bin")
        folder.mkdir(exist_ok=True)
        program = folder / ("of-" + name)
        program.write_text(script if name in names else "#!/bin/sh\nexec %s \"$@\"\n" % (BUILD / "workers" / name / ("of-" + name)))
        program.chmod(0o755)
    instance.sections["instance"]["bin_dir"] = str(instance.folder / "bin")
    instance.config.write_text(toml_of(instance.sections))
    return hold


def pids_in_state(instance, letter):
    """The workers that exist, when all four do and are in this state of the kernel's; else None."""
    rows = instance.ofctl_json("status").get("workers", [])  # none before the instance is there
    pids = {row["name"]: row["pid"] for row in rows if row["pid"]}
    return pids if len(pids) == 4 and all(process_state(pid) == letter for pid in pids.values()) else None


def unpark(instance, number):
    """A forbidden system call is nothing that a restart mends; an operator's start is."""
    if number != signal.SIGSYS:
        return
    for name in WORKERS:
        wait_for(lambda: instance.workers()[name]["state"] == "parked", name + " is parked")
        assert instance.ofctl("start", name)[0] == 0


def send_to_all(pids, number):
    for pid in pids.values():
        send(pid, number)


def let_go_on(pids):
    """Whoever stands still."""
    send_to_all(pids, signal.SIGCONT)
    wait_for(lambda: not any(process_state(pid) == "T" for pid in pids.values()), "nobody stands still")


def stand_and_go_on(pid, number):
    """The supervisor is of our own process group: if that is an orphan, all stops but SIGSTOP are nothing to it (setpgid(2))."""
    if number == signal.SIGSTOP:
        wait_for(lambda: process_state(pid) == "T", "it stands still")
    os.kill(pid, signal.SIGCONT)


def check_outcome(instance, number, before, replaced):
    now = wait_for(lambda: (lambda pids: pids if len(pids) == 4 and (not replaced or not set(pids.values()) & set(before.values())) else None)(instance.pids()),
                   "four workers after signal %d" % number)
    instance.wait_healthy()
    if not replaced:
        assert instance.pids() == before == now, (number, before, now)


def test_every_signal_to_a_worker_that_runs():
    with synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for number in ALL:
            before = instance.pids()
            send_to_all(before, number)
            if number in STOPS:
                wait_for(lambda: pids_in_state(instance, "T"), "all stand still")
                let_go_on(before)
            unpark(instance, number)
            check_outcome(instance, number, before, number not in TO_WORKER_NOTHING | STOPS)
        assert instance.stop() == 0, instance.output()


def test_every_signal_to_a_worker_that_starts():
    with synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange, supervisor=PATIENT) as instance:
        hold = held_start(instance, WORKERS)
        instance.start_and_wait()
        for number in ALL:
            hold.touch()
            send_to_all(instance.pids(), signal.SIGKILL)
            before = wait_for(lambda: pids_in_state(instance, "T"), "all four are held in their start")
            hold.unlink()
            send_to_all(before, number)
            let_go_on(before)
            unpark(instance, number)
            # Before a worker has begun, a signal that it will ignore ends it, as it ends any program.
            replaced = number not in NOTHING | STOPS
            check_outcome(instance, number, before, replaced)
        assert instance.stop() == 0, instance.output()


def test_every_signal_to_a_worker_that_drains():
    with synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange, supervisor=PATIENT) as instance:
        instance.start_and_wait()
        for number in ALL:
            before = instance.pids()
            send_to_all(before, signal.SIGSTOP)
            wait_for(lambda: pids_in_state(instance, "T"), "all stand still")
            for name in WORKERS:
                assert instance.ofctl("restart", name, "--no-wait")[0] == 0
            send_to_all(before, number)
            let_go_on(before)
            check_outcome(instance, number, before, True)
        assert instance.stop() == 0, instance.output()


def ended(instance, number):
    """Waits for the end of a supervisor that was sent a signal which ends it, and checks it."""
    code = instance.process.wait(60)
    assert code == (0 if number in ORDERLY else -number), (number, code)
    wait_for(lambda: not processes_of(instance), "no worker is left after signal %d" % number)
    assert (not instance.segments()) == (number in ORDERLY), (number, instance.segments())


def test_every_signal_to_the_supervisor_that_runs():
    with synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange) as instance:
        for number in ALL:
            if instance.process is None or instance.process.poll() is not None:
                instance.start_and_wait()
            before = instance.pids()
            os.kill(instance.process.pid, number)
            if number in STOPS:
                stand_and_go_on(instance.process.pid, number)
            if number not in TO_SUPERVISOR_NOTHING | STOPS:
                ended(instance, number)
                continue
            instance.wait_healthy()
            assert instance.pids() == before, (number, before, instance.pids())


def test_every_signal_to_the_supervisor_while_its_workers_start():
    with synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange, supervisor=PATIENT) as instance:
        hold = held_start(instance, WORKERS)
        for number in ALL:
            hold.touch()
            instance.start()
            before = wait_for(lambda: pids_in_state(instance, "T"), "all four are held in their start")
            os.kill(instance.process.pid, number)
            hold.unlink()
            if number in STOPS:
                stand_and_go_on(instance.process.pid, number)
            let_go_on(before)
            if number not in TO_SUPERVISOR_NOTHING | STOPS:
                ended(instance, number)
                continue
            check_outcome(instance, number, before, False)
            assert instance.stop() == 0, instance.output()


def test_every_signal_to_the_supervisor_while_its_workers_drain():
    with synthetic(*WITHOUT_LIMITS) as exchange, Instance(exchange, supervisor=PATIENT) as instance:
        for number in ALL:
            instance.start_and_wait()
            before = instance.pids()
            os.kill(before["binance"], signal.SIGSTOP)  # the first that drains
            wait_for(lambda: process_state(before["binance"]) == "T", "the feed stands still")
            instance.process.terminate()
            wait_for(lambda: "stopping" in instance.output().splitlines()[-1], "the stop has begun")
            os.kill(instance.process.pid, number)
            if number in STOPS:
                stand_and_go_on(instance.process.pid, number)
            let_go_on(before)
            ended(instance, signal.SIGTERM if number in TO_SUPERVISOR_NOTHING | STOPS else number)


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
