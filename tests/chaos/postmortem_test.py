"""What a death leaves: a bundle for each kind of crash, bounded, without secrets, and shown by ofctl. CHAOS.md has the table. Prints TAP.

usage: postmortem_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import datetime
import io
import json
import os
import pathlib
import signal
import sys
import tarfile

from chaos_support import bundles, chance, count, say
from system_support import BUILD, Instance, programs_with, run, synthetic, toml_of, wait_for
import tap

CANARY = "canary-5b1e3f77-not-for-any-bundle"
MIB = 1 << 20
OFCTL_COLUMNS = 80
# The real worker, unless a file says with which code to exit, or that it shall never be ready.
FICKLE = """#!/bin/sh
if [ "$1" != --check-config ] && [ -e {note} ]; then
    how=$(cat {note})
    rm {note}
    [ "$how" = never ] && exec sleep 1000
    echo "of-storage: cannot go on" >&2
    exit "$how"
fi
exec {program} "$@"
"""


def folder(instance):
    return instance.folder / "state" / "postmortem"


def awaited(instance, known, worker="storage"):
    """The facts of the one bundle of `worker` that is not among `known`, as ofctl shows them."""
    fresh = wait_for(lambda: [row["id"] for row in bundles(instance) if row["id"] not in known and row["worker"] == worker],
                     "a bundle of %s" % worker)
    assert len(fresh) == 1, fresh
    shown = instance.ofctl_json("postmortem", "show", fresh[0])
    died = datetime.datetime.fromisoformat(shown["died"].replace("Z", "+00:00")).timestamp()
    shown["late_ms"] = round(1000 * (os.stat(shown["folder"]).st_ctime - died))
    return shown


def ids(instance):
    return {row["id"] for row in bundles(instance)}


def check_complete(instance, shown, was_ready=True):
    """Everything that is promised of any death, whatever its kind."""
    name, worker = instance.name, shown["worker"]
    expected = {"facts", "log.txt", "pressure.txt", name + ".control", name + ".book.0"}
    expected |= {"%s.%s.%s" % (name, page, worker) for page in ("log", "trace", "metrics", "breaker", "error", "event", "command")}
    expected |= {name + ".call.communication.storage", name + ".reply.storage.communication", name + ".market.0"} if was_ready else set()
    expected |= {"maps.txt", "limits.txt"} if was_ready else set()
    missing = expected - set(shown["files"])
    assert not missing, (missing, shown)
    for key in ("cause", "incarnation", "pid", "died", "spawned", "heartbeat_age_ms", "config_generation", "config_hash", "last_state", "then"):
        assert shown.get(key), (key, shown)
    assert "left_out" not in shown, shown["left_out"]
    path = pathlib.Path(shown["folder"])
    size = sum(file.stat().st_blocks * 512 for file in path.iterdir())
    assert size <= 64 * MIB, size
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in path.iterdir())
    assert (path / "log.txt").read_text().strip()
    assert "loadavg" in (path / "pressure.txt").read_text()


def from_bundle(instance, shown, *arguments):
    """The segments of a bundle, by the verbs that show those of an instance."""
    code, out, err = run(str(BUILD / "supervisor/ofctl/ofctl"), "--from", shown["folder"], "--instance", instance.name, *arguments)
    assert code == 0, (arguments, code, out, err)
    return out


def check_rings(instance, shown):
    """Cut rings are rings; the last records are the dead one's, none is its successor's."""
    pid = shown["pid"]
    log = from_bundle(instance, shown, "shm", "tail", "log.storage", "-n", "1024")
    assert "pid %s" % pid in log or "is ready" not in log, log
    later = int(shown["died_mono_ns"])
    records = [line for line in from_bundle(instance, shown, "--json", "shm", "tail", "trace.storage", "-n", "1024").splitlines()]
    assert len(records) <= 1024
    times = [json.loads(line)["publish_ns"] for line in records if "publish_ns" in line]
    assert times and max(times) <= later, (len(times), max(times, default=0) - later)
    market = from_bundle(instance, shown, "shm", "tail", "market.0", "-n", "1024").splitlines()
    assert 0 < len(market) <= 1024, len(market)


def fickle(instance):
    note = instance.folder / "how"
    script = FICKLE.format(note=note, program=BUILD / "workers/storage/of-storage")
    instance.sections["instance"]["bin_dir"] = programs_with(instance, "storage", script)
    instance.config.write_text("# %s\n%s" % (CANARY, toml_of(instance.sections)))
    return note


def test_twelve_kinds_of_death_leave_a_bundle_that_says_which():
    os.environ["OF_SECRET"] = CANARY
    settings = {"heartbeat_timeout_ms": 3000, "ready_timeout_ms": 5000, "stop_timeout_ms": 1000}
    with synthetic() as exchange, Instance(exchange, supervisor=settings) as instance:
        note = fickle(instance)
        instance.start_and_wait()
        wait_for(lambda: "stored" in instance.ofctl("shm", "tail", "trace.storage", "-n", "1")[1], "storage has stored something")
        lateness = {}

        def dies(kind, act, cause, **facts):
            # A bundle a second: this death is to have one.
            wait_for(lambda: all_older_than_a_second(instance), "a second has passed")
            known = ids(instance)
            pid = instance.pids()["storage"]
            act(pid)
            shown = awaited(instance, known)
            assert shown["cause"] == cause, (kind, shown)
            for key, value in facts.items():
                assert value in shown.get(key, ""), (kind, key, shown.get(key))
            check_complete(instance, shown, was_ready=kind not in ("exit 1", "exit 9", "exit 2", "late"))
            lateness[kind] = shown["late_ms"]
            if kind.startswith("exit") and kind != "exit 1":
                assert instance.ofctl("start", "storage")[0] == 0
            elif kind == "SIGSYS":
                instance.ofctl("start", "storage")
            instance.wait_healthy()
            return shown

        def kill_with(number):
            return lambda pid: os.kill(pid, number)

        for name in ("SIGKILL", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT"):
            shown = dies(name, kill_with(getattr(signal, name)), "signal", signal=name)
            if name == "SIGKILL":
                check_rings(instance, shown)
                assert shown["stack"].startswith("none"), shown["stack"]
            else:
                assert "run_worker" in shown["stack_text"] and "main" in shown["stack_text"], shown["stack_text"]
        dies("SIGSYS", kill_with(signal.SIGSYS), "seccomp", signal="SIGSYS")
        dies("commanded", lambda pid: instance.ofctl("kill", "storage"), "commanded", signal="SIGKILL")
        shown = dies("hang", kill_with(signal.SIGSTOP), "hang", signal="SIGABRT")
        assert "While it did not beat" in shown["stack_text"] and "run_worker" in shown["stack_text"], shown["stack_text"]
        log = "".join(path.read_text() for path in (instance.folder / "log").iterdir())
        assert "it may hang" in log and "run_worker" in log, "the suspicion has no stack in the log"

        def overdue(pid):
            os.kill(pid, signal.SIGSTOP)
            instance.ofctl("restart", "storage", "--no-wait")
        dies("overdue", overdue, "overdue", signal="SIGKILL")
        for kind, how, cause in (("late", "never", "late"), ("exit 1", "1", "exit"), ("exit 9", "9", "exit"), ("exit 2", "2", "exit")):
            instance.wait_healthy()
            note.write_text(how)
            shown = dies(kind, lambda pid: instance.ofctl("restart", "storage", "--no-wait"), cause)
            if cause == "exit":
                assert shown["exit_code"] == how and "cannot go on" in shown["last_words"], shown
        say("from the death to the whole bundle, ms: %s" % lateness)
        check_no_canary(instance)
        assert instance.stop() == 0, instance.output()


def all_older_than_a_second(instance):
    now = datetime.datetime.now(datetime.timezone.utc)
    return all((now - datetime.datetime.fromisoformat(row["died"].replace("Z", "+00:00"))).total_seconds() > 1.1 for row in bundles(instance))


def check_no_canary(instance):
    found = [file for file in folder(instance).rglob("*") if file.is_file() and CANARY.encode() in file.read_bytes()]
    assert not found, found
    assert list(folder(instance).rglob("facts")), "there was nothing to look into"


def test_a_fault_of_the_worker_itself_is_told_with_address_and_stack():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        known = ids(instance)
        # A page that is no longer there when the worker writes its next record.
        os.truncate("/dev/shm/%s.trace.storage" % instance.name, 8192)
        shown = awaited(instance, known)
        assert (shown["cause"], shown["signal"], shown["signal_from"]) == ("signal", "SIGBUS", "the kernel"), shown
        assert shown["fault_address"].startswith("0x"), shown
        assert "run_worker" in shown["stack_text"], shown["stack_text"]


def test_a_crash_loop_fills_no_disk_and_is_counted():
    dice = chance()
    with synthetic() as exchange, Instance(exchange, postmortem={"keep": 3}) as instance:
        instance.start_and_wait()

        def kill_one():
            before = instance.pids()
            os.kill(before["logger" if dice.random() < 0.3 else "communication"], signal.SIGKILL)
            wait_for(lambda: instance.pids() != before and len(instance.pids()) == 4, "it is back")

        for _ in range(count(12)):
            kill_one()
        # However fast they come back: at most one bundle for each worker and second.
        wait_for(lambda: kill_one() or len(bundles(instance)) == 3, "three bundles are kept")
        say("%d KiB in three bundles" % (sum(row["bytes"] for row in bundles(instance)) >> 10))
        errors = instance.ofctl_json("errors")["errors"]
        skipped = sum(row["count"] for row in errors if row["name"] == "postmortem_missing")
        assert skipped >= 1, errors
        wait_for(lambda: not [path for path in folder(instance).iterdir() if path.name.startswith(".")], "none is half written")
        assert instance.stop() == 0, instance.output()


def test_bundles_are_shown_exported_and_removed_and_outlive_the_supervisor():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        assert instance.ofctl("postmortem", "ls")[0] == 0
        assert instance.ofctl("postmortem", "show", "--last")[0] == 4
        os.kill(instance.pids()["storage"], signal.SIGSEGV)
        shown = awaited(instance, set())
        instance.wait_healthy()
        instance.process.kill()
        instance.process.wait()
        for arguments in (("ls",), ("show", "--last"), ("show", shown["id"])):
            code, out, err = instance.ofctl("postmortem", *arguments)
            assert code == 0, (arguments, code, err)
            lines = out.splitlines()
            assert max(map(len, lines)) <= OFCTL_COLUMNS or str(instance.folder) in max(lines, key=len), max(lines, key=len)
        assert "SIGSEGV" in out and "STACK" in out and "LOG" in out, out
        done = instance.folder / "out.tar"
        assert instance.ofctl("postmortem", "export", shown["id"], "--tar", str(done))[0] == 0
        with tarfile.open(fileobj=io.BytesIO(done.read_bytes())) as archive:
            names = archive.getnames()
            facts = archive.extractfile(shown["id"] + "/facts").read().decode()
        assert sorted(names) == sorted("%s/%s" % (shown["id"], file) for file in shown["files"]), names
        assert "worker: storage" in facts
        # The next supervisor finds a dead one.
        instance.start_and_wait()
        former = awaited(instance, {shown["id"]}, "supervisor")
        assert former["cause"] == "unseen", former
        assert instance.ofctl("postmortem", "rm", shown["id"])[0] == 0
        assert instance.ofctl("postmortem", "rm", shown["id"])[0] == 4
        assert instance.ofctl("postmortem", "rm", "../lock")[0] == 4
        assert instance.stop() == 0, instance.output()
        code, out, err = instance.ofctl("postmortem", "ls", "--state-dir", str(instance.folder / "state"))
        assert code == 0 and former["id"] in out, (code, out, err)


def test_a_death_in_the_last_moment_of_an_instance_has_its_bundle():
    with synthetic() as exchange, Instance(exchange, supervisor={"stop_timeout_ms": 500}) as instance:
        instance.start_and_wait()
        os.kill(instance.pids()["logger"], signal.SIGSTOP)
        assert instance.stop() == 0, instance.output()
        found = list(folder(instance).glob("*-logger-*/facts"))
        assert len(found) == 1 and "cause: overdue" in found[0].read_text(), found


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
