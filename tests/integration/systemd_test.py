"""The unit that systemd is given, and what the supervisor tells a manager: a socket of ours plays the manager. Prints TAP.

usage: systemd_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import os
import pathlib
import shutil
import signal
import socket
import sys
import tempfile
import time

from system_support import BUILD, ROOT, Instance, run, synthetic, wait_for
import tap

SYSTEMD = ROOT / "deploy/systemd"
EXPOSURE_MAX = 15  # tenths


def need(program):
    if shutil.which(program) is None:
        raise tap.Skip("no %s on this machine" % program)


def after(seconds):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


class Manager:
    """$NOTIFY_SOCKET, and every line that came there."""

    def __init__(self, folder, watchdog_us):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "notify"))
        self.socket.setblocking(False)
        self.lines = []
        self.position = 0
        self.environment = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": str(watchdog_us)}

    def read(self):
        try:
            while True:
                self.lines += self.socket.recv(4096).decode().splitlines()
        except BlockingIOError:
            return self.lines

    def take(self):
        """The lines that nobody has waited for or taken."""
        taken = self.read()[self.position:]
        self.position = len(self.lines)
        return taken

    def wait(self, line, what):
        """Until the line comes; it and those before it."""
        wait_for(lambda: line in self.read()[self.position:], what)
        before, self.position = self.position, self.lines.index(line, self.position) + 1
        return self.lines[before:self.position]


def test_the_unit_is_accepted_and_hardened():
    need("systemd-analyze")
    with tempfile.TemporaryDirectory(prefix="of-systemd-") as folder:
        text = (SYSTEMD / "orderflow@.service").read_text()
        for name in ("supervisor/ofsupervisor", "supervisor/ofctl/ofctl"):
            text = text.replace("/usr/bin/" + pathlib.Path(name).name, str(BUILD / name))
        unit = pathlib.Path(folder) / "orderflow@spot.service"
        unit.write_text(text)
        code, out, err = run("systemd-analyze", "verify", "--man=no", str(unit))
        assert code == 0 and "orderflow" not in out + err, (code, out, err)
        code, out, err = run("systemd-analyze", "security", "--offline=true", "--threshold=%d" % EXPOSURE_MAX, "--no-pager", str(unit))
        assert code == 0, (code, out[-300:], err)


def test_the_user_and_the_folders_are_made():
    need("systemd-sysusers")
    need("systemd-tmpfiles")
    with tempfile.TemporaryDirectory(prefix="of-systemd-") as folder:
        root = pathlib.Path(folder)
        (root / "etc").mkdir()
        code, out, err = run("systemd-sysusers", "--root=" + folder, str(SYSTEMD / "orderflow.sysusers"))
        assert code == 0, (code, out, err)
        assert "orderflow:" in (root / "etc/passwd").read_text()
        code, out, err = run("systemd-tmpfiles", "--create", "--root=" + folder, str(SYSTEMD / "orderflow.tmpfiles"))
        if os.geteuid() == 0:
            assert code == 0, (code, out, err)
            assert all((root / name).is_dir() for name in ("etc/orderflow", "var/lib/orderflow", "var/log/orderflow"))


def test_the_unit_names_every_timeout_that_the_defaults_need():
    unit = dict(line.split("=", 1) for line in (SYSTEMD / "orderflow@.service").read_text().splitlines()
                if "=" in line and not line.startswith("#"))
    stop_s = int(unit["TimeoutStopSec"].rstrip("s"))
    # Four workers drain one after the other, each at most stop_timeout_ms.
    assert stop_s > 4 * 10, "systemd would kill what still drains in order"
    assert unit["Type"] == "notify" and unit["NotifyAccess"] == "main" and unit["KillMode"] == "mixed"
    assert unit["OOMPolicy"] == "continue", "also where a drop-in delegates nothing"


def test_a_manager_hears_of_everything():
    with synthetic() as exchange, Instance(exchange) as instance:
        manager = Manager(instance.folder, 2_000_000)
        os.environ.update(manager.environment)
        try:
            instance.start()
        finally:
            for name in manager.environment:
                del os.environ[name]
        seen = manager.wait("READY=1", "it is ready")
        instance.wait_healthy()
        assert not [line for line in seen if line == "STOPPING=1"], seen
        manager.wait("STATUS=4 of 4 workers run", "the status is told")
        for pid in instance.pids().values():
            assert b"NOTIFY_SOCKET" not in pathlib.Path("/proc/%d/environ" % pid).read_bytes()
        manager.wait("WATCHDOG=1", "the watchdog is fed")
        assert instance.ofctl("stop", "storage")[0] == 0
        manager.wait("STATUS=3 of 4 workers run; storage is idle", "who does not run is told")
        assert instance.ofctl("start", "storage")[0] == 0
        manager.take()
        assert instance.ofctl("config", "reload")[0] == 0
        seen = manager.wait("READY=1", "the reload is done")
        assert "RELOADING=1" in seen and any(line.startswith("MONOTONIC_USEC=") for line in seen), seen
        instance.config.write_text(instance.config.read_text() + "= broken")
        assert instance.ofctl("config", "reload")[0] == 1
        seen = manager.wait("READY=1", "a reload that is refused ends as well")
        assert "RELOADING=1" in seen, seen
        instance.config.write_text(instance.config.read_text()[:-len("= broken")])
        # It goes on after an upgrade: the process is the same, and so is its environment.
        assert instance.ofctl("upgrade")[0] == 0
        manager.take()
        manager.wait("WATCHDOG=1", "the watchdog is fed by the next program")
        assert instance.stop() == 0, instance.output()
        assert manager.take().count("STOPPING=1") == 1, manager.lines


def test_a_stop_that_takes_long_asks_for_time():
    with synthetic() as exchange, Instance(exchange, supervisor={"stop_timeout_ms": 4000, "heartbeat_timeout_ms": 600000}) as instance:
        manager = Manager(instance.folder, 2_000_000)
        instance.start(within="export NOTIFY_SOCKET=%(NOTIFY_SOCKET)s WATCHDOG_USEC=%(WATCHDOG_USEC)s" % manager.environment)
        manager.wait("READY=1", "it is ready")
        instance.wait_healthy()
        os.kill(instance.pids()["storage"], signal.SIGSTOP)
        manager.take()
        assert instance.stop() == 0, instance.output()
        asked = [int(line.split("=")[1]) for line in manager.take() if line.startswith("EXTEND_TIMEOUT_USEC=")]
        # Until the worker's own deadline and a little more; less each time, as that comes nearer.
        assert asked and max(asked) <= 4_000_000 + 5_000_000 and min(asked) >= 5_000_000, asked


def test_a_loop_that_stands_still_feeds_no_watchdog():
    with synthetic() as exchange, Instance(exchange) as instance:
        manager = Manager(instance.folder, 1_000_000)
        instance.start(within="export NOTIFY_SOCKET=%(NOTIFY_SOCKET)s WATCHDOG_USEC=%(WATCHDOG_USEC)s" % manager.environment)
        manager.wait("WATCHDOG=1", "the watchdog is fed")
        instance.wait_healthy()
        os.kill(instance.process.pid, signal.SIGSTOP)
        manager.take()
        # A working loop feeds it at least twice in two periods.
        beats = []
        deadline = after(2.5)
        wait_for(lambda: beats.extend(manager.take()) or deadline(), "two and a half periods have passed")
        os.kill(instance.process.pid, signal.SIGCONT)
        assert "WATCHDOG=1" not in beats, beats
        manager.wait("WATCHDOG=1", "the watchdog is fed again")
        assert instance.stop() == 0, instance.output()


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
