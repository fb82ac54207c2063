"""The sandbox of each worker: what the kernel says of it, what it refuses, and that the workers' own lives go on in it. Prints TAP.

usage: sandbox_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile

from system_support import BUILD, OFCTL, WORKERS, Instance, run, synthetic, toml_of, wait_for
import tap

PROBE = str(BUILD / "tests/integration/of-sandbox-probe")
KILLED = -signal.SIGSYS


def facts(pid):
    lines = pathlib.Path("/proc/%d/status" % pid).read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def log_of(instance):
    return "".join(path.read_text() for path in sorted((instance.folder / "log").iterdir()))


def landlock_abi():
    """What `in force` says of Landlock, from a probe; 0 for none."""
    with tempfile.TemporaryDirectory(prefix="of-sandbox-") as folder:
        said = run(PROBE, "logger", folder, "0", "enforce", "list", folder)[2]
    found = re.search(r"Landlock ABI (\d+)", said)
    return int(found.group(1)) if found else 0


def need_filter():
    if run(PROBE, "logger", "/tmp", "0", "enforce", "call", "execve")[0] != KILLED:
        raise tap.Skip("no seccomp filter on this kernel, or in this build")


def need_landlock(least):
    if landlock_abi() < least:
        raise tap.Skip("Landlock ABI %d, this needs %d" % (landlock_abi(), least))


class Probe:
    """A folder of the role's own, one that is not, a port that may be connected to, and one that may not."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="of-sandbox-")
        root = pathlib.Path(self.directory.name)
        self.own, self.foreign = root / "own", root / "foreign"
        for folder in (self.own, self.foreign):
            folder.mkdir()
            (folder / "there").write_text("x")
        self.servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.port, self.foreign_port = (server.getsockname()[1] for server in self.servers)
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.close()
        self.directory.cleanup()

    def outcome(self, role, *what, mode="enforce"):
        """What came of it: "done", an error's name, or "killed"."""
        code, out, err = run(PROBE, role, str(self.own), str(self.port), mode, *[str(word) for word in what])
        if code == KILLED:
            return "killed"
        assert code == 0 and out.strip(), (role, what, code, out, err)
        return out.strip()

    def expect(self, role, outcome, *what):
        found = self.outcome(role, *what)
        assert found == outcome, "%s, %s: %s instead of %s" % (role, " ".join(map(str, what)), found, outcome)


def test_forbidden_calls_end_each_worker():
    need_filter()
    calls = run(PROBE, "list")[1].splitlines()
    assert len(calls) >= 30, calls
    with Probe() as probe:
        survived = [(role, call, outcome) for role in WORKERS for call in calls
                    for outcome in [probe.outcome(role, "call", call)] if outcome != "killed"]
    assert not survived, survived


def test_files_are_those_of_the_role():
    need_landlock(1)
    with Probe() as probe:
        for role in WORKERS:
            keeps = role in ("storage", "logger")
            for path in (probe.foreign / "there", probe.foreign / "new", "/etc/passwd", "/dev/shm/of-sandbox-probe"):
                probe.expect(role, "EACCES", "write", path)
            for path in (probe.foreign / "there", "/root", "/home", "/var/log", "/dev/shm"):
                probe.expect(role, "EACCES", "read", path)
            probe.expect(role, "done" if keeps else "EACCES", "write", probe.own / "new")
            probe.expect(role, "done" if keeps else "EACCES", "read", probe.own / "there")
            probe.expect(role, "done" if keeps else "killed", "remove", probe.own / "there")
            (probe.own / "there").write_text("x")
            if keeps:
                probe.expect(role, "EACCES", "remove", probe.foreign / "there")
            probe.expect(role, "done", "read", "/proc/self/stat")
            probe.expect(role, "done" if role == "binance" else "EACCES", "read", "/etc/hosts")


def test_only_binance_reaches_out_and_only_to_its_ports():
    need_filter()
    with Probe() as probe:
        for role in ("communication", "storage", "logger"):
            for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
                probe.expect(role, "killed", "socket", int(family))
        probe.expect("binance", "EAFNOSUPPORT", "socket", int(socket.AF_UNIX))
        probe.expect("binance", "done", "connect", probe.port)
        need_landlock(4)
        probe.expect("binance", "EACCES", "connect", probe.foreign_port)
        probe.expect("binance", "EACCES", "bind", "0")
        probe.expect("binance", "EACCES", "bind", probe.port)


def test_only_binance_has_threads():
    need_filter()
    with Probe() as probe:
        for role in WORKERS:
            probe.expect(role, "done" if role == "binance" else "killed", "thread")


def test_audit_refuses_nothing_and_off_is_off():
    with Probe() as probe:
        for mode in ("audit", "off"):
            for role in WORKERS:
                assert probe.outcome(role, "call", "tgkill of another", mode=mode) in ("done", "EPERM")
                assert probe.outcome(role, "write", probe.foreign / ("by-" + role), mode=mode) == "done"
                assert probe.outcome(role, "connect", probe.foreign_port, mode=mode) == "done"


def test_each_running_worker_is_shut_in():
    need_filter()
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for name, pid in instance.pids().items():
            status = facts(pid)
            assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", (name, status)
            for held in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                assert int(status[held], 16) == 0, (name, held, status[held])
            if os.geteuid() == 0:
                assert int(status["CapBnd"], 16) == 0, (name, status["CapBnd"])
            for task in pathlib.Path("/proc/%d/task" % pid).iterdir():
                assert "Seccomp:\t2" in (task / "status").read_text(), "a thread of %s is free" % name
        wait_for(lambda: len(re.findall(r"is in its sandbox: no capabilities, .*seccomp allows", log_of(instance))) == 4,
                 "each has said so")
        assert "not wholly" not in log_of(instance)
        rows = {row["name"]: row["resources"] for row in instance.ofctl_json("status", "--wide")["workers"]}
        for name in WORKERS:
            assert rows[name]["seccomp"] == 2 and rows[name]["no_new_privs"] and rows[name]["capabilities"] == 0, rows[name]
        out = instance.ofctl("status", "--wide")[1]
        assert "sandboxed: logger, storage, communication, binance" in out, out
        assert instance.stop() == 0, instance.output()


def test_the_doctor_sees_an_instance():
    need_filter()
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for part in ("state", "data", "log"):
            (instance.folder / part).chmod(0o700)
        def findings():
            return {check["check"]: (check["grade"], check["found"]) for check in instance.ofctl_json("doctor")["checks"]}
        seen = findings()
        assert len(seen) >= 20, seen
        assert seen["sandbox"] == ("OK", "all 4 workers are in theirs"), seen
        assert seen["port"] == ("OK", "communication listens on %d" % instance.port), seen
        assert all(seen[name][0] == "OK" for name in ("state folder", "data folder", "log folder", "segments")), seen
        assert instance.ofctl("doctor")[0] == 0, instance.ofctl("doctor")
        (instance.folder / "data").chmod(0o777)
        code, out, err = instance.ofctl("doctor", "--fix-hints")
        assert code == 3 and not err and "chmod o-w" in out, (code, out, err)
        table = out.split("\n\n")[0].splitlines()
        assert len(table) > 20 and all(len(line) <= 80 for line in table), table
        assert instance.stop() == 0, instance.output()


def restarts(instance):
    return {name: (row["restarts"], row["last_exit"]) for name, row in instance.workers().items()}


def unharmed(instance):
    """Nobody has died, and nothing was refused where the log would tell it."""
    assert all(count == 0 for count, _ in restarts(instance).values()), restarts(instance)
    denied = [line for line in log_of(instance).splitlines() if "Permission denied" in line or "SIGSYS" in line or "not permitted" in line]
    assert not denied, denied


def test_a_log_rotates_in_the_sandbox():
    with synthetic() as exchange, Instance(exchange, logger={"rotate_bytes": 4096, "keep_files": 2, "level": "debug"}) as instance:
        instance.start_and_wait()
        def rotated():
            run(OFCTL, "--instance", instance.name, "breaker", "reset", "storage/store", "--reason", "one line more in the log")
            return {"orderflow.log", "orderflow.log.1", "orderflow.log.2"} <= {path.name for path in (instance.folder / "log").iterdir()}
        wait_for(rotated, "two rotations")
        unharmed(instance)
        assert instance.stop() == 0, instance.output()


def test_the_feed_reconnects_and_resolves_names_in_the_sandbox():
    with synthetic() as exchange, Instance(exchange) as instance:
        assert "//localhost:" in instance.sections["binance"]["stream_url"], "the resolver's thread has no work"
        instance.start_and_wait()
        for times in (1, 2, 3):
            wait_for(lambda: log_of(instance).count("connected to wss://localhost") >= times, "connection %d" % times)
            exchange.fault(kind="cut")
        wait_for(lambda: log_of(instance).count("connected to wss://localhost") >= 4, "it is connected again")
        unharmed(instance)
        assert instance.stop() == 0, instance.output()


def test_a_change_of_the_mode_restarts_those_whom_it_concerns():
    need_filter()
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        instance.sections["supervisor.storage"] = {"sandbox": "off"}
        instance.config.write_text(toml_of(instance.sections))
        code, out, err = instance.ofctl("config", "reload")
        assert code == 0 and "storage restarted" in out and "logger unchanged" in out, (code, out, err)
        instance.wait_healthy()
        after = instance.pids()
        assert {name for name in WORKERS if after[name] != before[name]} == {"storage"}, (before, after)
        assert facts(after["storage"])["Seccomp"] == "0"
        wait_for(lambda: "storage is not wholly in its sandbox: it is off by configuration" in log_of(instance), "the log says it")
        out = instance.ofctl("status", "--wide")[1]
        assert "NOT SANDBOXED: storage" in out, out
        assert instance.stop() == 0, instance.output()


def runs_with(mode, seccomp):
    with synthetic() as exchange, Instance(exchange, supervisor={"sandbox": mode}) as instance:
        instance.start_and_wait()
        for name, pid in instance.pids().items():
            assert facts(pid)["Seccomp"] == seccomp, (name, facts(pid)["Seccomp"])
        wait_for(lambda: len(re.findall("not wholly in its sandbox", log_of(instance))) == 4, "each says what is missing")
        assert instance.stop() == 0, instance.output()


def test_a_system_runs_with_audit():
    need_filter()
    runs_with("audit", "2")


def test_a_system_runs_with_off():
    runs_with("off", "0")


def on_a_kernel_without(what, sentence):
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start(within='set -- %s without %s "$@"' % (PROBE, what))
        instance.wait_healthy()
        wait_for(lambda: len(re.findall(sentence, log_of(instance))) == 4, "each says what is missing")
        for pid in instance.pids().values():
            assert facts(pid)["NoNewPrivs"] == "1" and int(facts(pid)["CapEff"], 16) == 0
        unharmed(instance)
        assert instance.stop() == 0, instance.output()


def test_a_kernel_without_landlock_is_told_of():
    need_filter()
    on_a_kernel_without("landlock", "not wholly in its sandbox: this kernel has no Landlock")


def test_a_kernel_without_seccomp_is_told_of():
    need_filter()
    on_a_kernel_without("seccomp", "not wholly in its sandbox: seccomp")


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
