"""A systemd of this test's own (a user manager in namespaces) runs an instance whose workers outlive their supervisor, with the drop-in
of deploy/systemd. Prints TAP.

usage: systemd_run_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import os
import pathlib
import signal
import sys
import tempfile

from system_support import SUPERVISOR, Instance, alive, run, synthetic, wait_for
from systemd_support import KEEP, MANAGER, case_of, in_namespaces
import tap

UNITS = pathlib.Path("/run/user/0/systemd/user")
UNIT = """[Unit]
StartLimitIntervalSec=0
[Service]
Type=notify
NotifyAccess=main
ExecStart=%s run --config %s
Restart=on-failure
RestartSec=50ms
WatchdogSec=10s
StandardError=append:%s
"""
# A manager that has /run, /proc, /dev/shm and a control group to itself; everything in the pid namespace ends with this shell.
INSIDE = """
mount --make-rprivate / && mount -t proc proc /proc && mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm && mkdir -p /run/systemd/system %s || exit 99
export XDG_RUNTIME_DIR=/run/user/0
%s --user >"$HOME/manager" 2>&1 &
for try in $(seq 100); do systemctl --user is-system-running >/dev/null 2>&1 && exec "$@"; sleep 0.1; done
exit 99
"""


def within(case):
    """Runs a case of this file as a manager's only user."""
    with tempfile.TemporaryDirectory(prefix="of-systemd-") as home:
        code, out, err = in_namespaces(home, INSIDE % (UNITS, MANAGER), sys.executable, __file__, "--inside=" + case.__name__)
    assert code == 0, (code, out, err)


def systemctl(*words):
    code, out, err = run("systemctl", "--user", *words)
    return (out + err).strip()


def shown(name):
    return systemctl("show", "of", "-p", name, "--value")


def load(instance, drop_in):
    UNITS.joinpath("of.service.d").mkdir(exist_ok=True)
    UNITS.joinpath("of.service").write_text(UNIT % (SUPERVISOR, instance.config, instance.folder / "supervisor.out"))
    UNITS.joinpath("of.service.d/keep.conf").write_text(drop_in)
    systemctl("daemon-reload")
    systemctl("start", "of")


def wait_well(instance, what):
    wait_for(lambda: shown("ActiveState") == "active" and instance.ofctl("health")[0] == 0, what)
    instance.seen |= set(instance.pids().values())


def kill_main(number=signal.SIGKILL):
    main = int(shown("MainPID"))
    os.kill(main, number)
    wait_for(lambda: not alive(main), "the supervisor has ended")


def inside_workers_go_on(instance, drop_in):
    load(instance, drop_in)
    wait_well(instance, "it runs")
    pids = instance.pids()
    kept = shown("NFileDescriptorStore")
    for number in (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL):
        kill_main(number)
        wait_well(instance, "the next supervisor runs")
        assert instance.pids() == pids, (pids, instance.pids())
    os.kill(pids["storage"], signal.SIGKILL)
    wait_for(lambda: instance.pids().get("storage", pids["storage"]) != pids["storage"], "storage is back")
    kill_main()
    os.kill(pids["logger"], signal.SIGKILL)
    wait_for(lambda: instance.pids().get("logger", pids["logger"]) != pids["logger"], "logger is back")
    wait_well(instance, "all run")
    assert shown("NFileDescriptorStore") == kept and int(shown("NRestarts")) == 5, (kept, shown("NFileDescriptorStore"), shown("NRestarts"), instance.output())
    systemctl("stop", "of")
    assert (shown("ActiveState"), shown("Result"), shown("NFileDescriptorStore")) == ("inactive", "success", "0"), systemctl("status", "of")
    assert not instance.seen.living() and not instance.segments()


def inside_workers_end_with_the_service(instance, drop_in):
    load(instance, drop_in + "Restart=no\n")
    wait_well(instance, "it runs")
    kill_main()
    wait_for(lambda: not instance.seen.living(), "workers drain and end: nobody keeps their lifeline")


def inside_a_small_store_is_refused(instance, drop_in):
    load(instance, drop_in.replace("FileDescriptorStoreMax=64", "FileDescriptorStoreMax=20") + "Restart=no\n")
    assert shown("ExecMainStatus") == "2" and "FileDescriptorStoreMax=" in instance.output(), (systemctl("show", "of"), instance.output())


def test_workers_go_on_under_systemd_when_their_supervisor_dies():
    within(inside_workers_go_on)


def test_workers_end_when_systemd_gives_the_service_up():
    within(inside_workers_end_with_the_service)


def test_a_store_that_is_too_small_is_refused_under_systemd():
    within(inside_a_small_store_is_refused)


if __name__ == "__main__":
    inside = case_of(sys.argv[1:])
    if inside is None:
        tap.main((sys.modules[__name__],), sys.argv[1:])
    with synthetic() as market, Instance(market, supervisor={"orphans": "keep"}) as served:
        inside(served, KEEP)
