"""What operators ask of a running instance: start, stop, restart, pause, kill, reload and upgrade. Real processes. Prints TAP.

usage: command_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import json
import os
import pathlib
import re
import shutil
import signal
import sys
import time

from system_support import BUILD, SUPERVISOR, WORKERS, Instance, alive, process_state, programs_with, run, synthetic, toml_of, wait_for
import tap

MISMATCH = 9
UNREACHABLE = 7


def text_of_logs(instance):
    return "".join(path.read_text() for path in (instance.folder / "log").iterdir())


def rewrite(instance, /, **sections):
    """Changes keys of the instance's file; a value of None takes the key out."""
    for name, keys in sections.items():
        part = instance.sections.setdefault(name, {})
        part.update(keys)
    instance.config.write_text(toml_of(instance.sections))


def wait_well(instance):
    instance.wait_healthy()
    return instance.pids()


def test_workers_are_stopped_and_started_one_by_one():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        code, out, err = instance.ofctl("stop", "storage", "--reason", "a new disk")
        assert code == 0 and "stopped" in out and "left in its rings" in out, (code, out, err)
        row = instance.workers()["storage"]
        assert row["state"] == "stopped" and not row["alive"] and not alive(before["storage"]), row
        assert instance.ofctl("health")[0] == 3
        code, out, err = instance.ofctl("stop", "storage")
        assert code == 3 and "does not run" in out + err, (code, out, err)
        code, out, err = instance.ofctl("start", "storage")
        assert code == 0 and "running as pid" in out, (code, out, err)
        after = wait_well(instance)
        assert after["storage"] != before["storage"] and {**after, "storage": 0} == {**before, "storage": 0}, (before, after)
        code, out, err = instance.ofctl("start", "storage")
        assert code == 1 and "runs already" in out + err, (code, out, err)
        assert instance.stop() == 0, instance.output()
        log = text_of_logs(instance)
        assert re.search(r"uid \d+ pid \d+.*stop storage a new disk", log), log[-2000:]


def test_all_workers_are_restarted_stopped_and_started():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        code, out, err = instance.ofctl("restart", "--all")
        assert code == 0 and out.count("running again") == 4, (code, out, err)
        after = wait_well(instance)
        assert not set(before.values()) & set(after.values()), (before, after)
        code, out, err = instance.ofctl("stop", "--all")
        assert code == 0 and [line.split(":")[0] for line in out.splitlines()] == list(reversed(WORKERS)), (code, out, err)
        assert instance.process.poll() is None and not instance.pids()
        code, out, err = instance.ofctl("start", "--all")
        assert code == 0 and [line.split(":")[0] for line in out.splitlines()] == list(WORKERS), (code, out, err)
        wait_well(instance)
        assert instance.stop() == 0, instance.output()


def test_all_means_those_of_which_it_is_not_true_yet():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for _ in range(2):
            assert instance.ofctl("pause", "communication")[0] == 0
            code, out, err = instance.ofctl("resume", "--all")
            assert code == 0 and [line.split(":")[0] for line in out.splitlines()] == ["communication"], (code, out, err)
        assert instance.ofctl("pause", "storage")[0] == 0
        code, out, err = instance.ofctl("pause", "--all")
        assert code == 0 and [line.split(":")[0] for line in out.splitlines()] == ["logger", "communication", "binance"], (code, out, err)
        assert instance.ofctl("resume", "--all")[0] == 0
        assert instance.ofctl("stop", "storage")[0] == 0
        code, out, err = instance.ofctl("start", "--all")
        assert code == 0 and [line.split(":")[0] for line in out.splitlines()] == ["storage"], (code, out, err)
        # One that cannot be is told, and the others are not left behind.
        assert instance.ofctl("pause", "storage")[0] == 0
        code, out, err = instance.ofctl("pause", "storage", "communication")
        assert code == 1 and "storage is already paused" in err and "communication: paused" in out, (code, out, err)
        assert instance.ofctl("resume", "storage", "communication")[0] == 0
        instance.wait_healthy()


def test_a_paused_worker_is_not_taken_for_hung():
    with synthetic() as exchange, Instance(exchange, supervisor={"heartbeat_timeout_ms": 3000}) as instance:
        instance.start_and_wait()
        pid = instance.pids()["communication"]
        code, out, err = instance.ofctl("pause", "communication")
        assert code == 0 and "paused" in out and process_state(pid) == "T", (code, out, err)
        paused_at = time.monotonic()
        assert instance.ofctl("pause", "communication")[0] == 1
        wait_for(lambda: time.monotonic() > paused_at + 4, "more than the hang limit has passed")
        code, out, err = instance.ofctl("resume", "communication")
        assert code == 0 and "resumed" in out, (code, out, err)
        wait_well(instance)
        assert instance.pids()["communication"] == pid, "a paused worker was restarted"
        assert instance.ofctl("resume", "communication")[0] == 1
        assert instance.stop() == 0, instance.output()


def test_a_killed_worker_comes_back_and_a_wrong_signal_is_told():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        code, out, err = instance.ofctl("kill", "logger", "--signal", "NOSUCH")
        assert code == 2 and "NOSUCH" in out + err, (code, out, err)
        code, out, err = instance.ofctl("kill", "logger", "--reason", "a test")
        assert code == 0 and "SIGKILL" in out, (code, out, err)
        wait_for(lambda: instance.pids().get("logger", before["logger"]) != before["logger"], "logger is back")
        after = wait_well(instance)
        assert {**after, "logger": 0} == {**before, "logger": 0}, (before, after)
        assert instance.stop() == 0, instance.output()


def test_all_workers_that_run_are_killed_the_feeds_first():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        assert instance.ofctl("kill")[0] == 2 and instance.ofctl("kill", "--all", "storage")[0] == 2
        code, out, err = instance.ofctl("kill", "--all", "--signal", "NOSUCH")
        assert code == 2 and err.count("NOSUCH") == 1, (code, out, err)
        assert instance.ofctl("stop", "storage")[0] == 0
        code, out, err = instance.ofctl("kill", "--all", "--reason", "a drill")
        assert code == 0 and re.findall(r"SIGKILL to (\w+)", out) == ["binance", "communication", "logger"], (code, out, err)
        wait_for(lambda: not any(alive(pid) for pid in before.values()), "they have died")
        wait_for(lambda: len(instance.pids()) == 3 and not set(instance.pids().values()) & set(before.values()), "they are back")
        # One that does not run is told, and the one named behind it is killed all the same.
        logger = instance.pids()["logger"]
        code, out, err = instance.ofctl("kill", "storage", "logger")
        assert code == 3 and "storage does not run" in err and "SIGKILL to logger" in out, (code, out, err)
        wait_for(lambda: not alive(logger), "it has died")
        assert instance.ofctl("start", "storage")[0] == 0
        wait_well(instance)
        assert instance.stop() == 0, instance.output()


def test_a_stopped_supervisor_is_told_and_nothing_is_left_for_it_to_do_later():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        os.kill(instance.process.pid, signal.SIGSTOP)
        wait_for(lambda: process_state(instance.process.pid) == "T", "the supervisor is stopped")
        before = instance.pids()
        for verb in (["restart", "storage"], ["kill", "--all"], ["config", "reload"], ["config", "reload", "--dry-run"], ["upgrade"], ["upgrade", "--dry-run"], ["stop"]):
            code, out, err = instance.ofctl(*verb)
            assert code == UNREACHABLE and "pid %d is stopped by a signal" % instance.process.pid in out + err, (verb, code, out, err)
        assert instance.ofctl("status")[0] == 0 and instance.ofctl("health", "--live")[0] == 7
        os.kill(instance.process.pid, signal.SIGCONT)
        assert wait_well(instance) == before
        assert instance.ofctl("events", "--audit")[1] == "", "nothing that was asked for meanwhile has come to it"
        assert instance.stop() == 0, instance.output()


def test_a_reload_restarts_only_whom_it_concerns():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        code, out, err = instance.ofctl("config", "reload")
        assert code == 0 and "generation 2" in out and "storage unchanged" in out, (code, out, err)
        rewrite(instance, communication={"clients_max": 77})
        code, out, err = instance.ofctl("config", "reload")
        assert code == 0 and "communication restarted" in out and "binance unchanged" in out, (code, out, err)
        after = wait_well(instance)
        assert after["communication"] != before["communication"]
        assert {**after, "communication": 0} == {**before, "communication": 0}, (before, after)
        rewrite(instance, supervisor={"stop_timeout_ms": 7000})
        os.kill(instance.process.pid, signal.SIGHUP)
        wait_for(lambda: "generation 4" in text_of_logs(instance), "SIGHUP has reloaded")
        assert instance.pids() == after
        assert instance.stop() == 0, instance.output()


def test_a_refused_reload_changes_nothing():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        good = instance.config.read_text()
        for text, reason in ((good + "\n[trace]\n", "trace"), (good.replace("[trace]", "[trace]\nsampl = 1"), "sampl"),
                             (good.replace("market_slots = 16384", "market_slots = 32768"), "[rings]")):
            instance.config.write_text(text)
            code, out, err = instance.ofctl("config", "reload")
            assert code == 1 and "old configuration stays" in out + err and reason in out + err, (code, out, err)
        instance.config.unlink()
        code, out, err = instance.ofctl("config", "reload")
        assert code == 1 and "cannot be read" in out + err, (code, out, err)
        instance.config.write_text(good)
        # A worker killed now starts with the configuration that is in force, whatever lies in the folder.
        instance.config.write_text("nonsense")
        assert instance.ofctl("restart", "logger")[0] == 0
        after = wait_well(instance)
        assert {**after, "logger": 0} == {**before, "logger": 0}, (before, after)
        assert instance.stop() == 0, instance.output()


def test_a_worker_that_cannot_start_with_it_brings_the_old_configuration_back():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        taken = str(exchange.about["rest_url"]).rsplit(":", 1)[1].split("/")[0]
        rewrite(instance, communication={"listen": "127.0.0.1:" + taken})
        code, out, err = instance.ofctl("config", "reload")
        assert code == 1 and "communication does not start with it" in out + err, (code, out, err)
        after = wait_well(instance)
        assert {**after, "communication": 0} == {**before, "communication": 0}, (before, after)
        assert instance.metric("orderflow_clients") is not None, "communication does not listen where it did"
        assert instance.stop() == 0, instance.output()


def generations(instance):
    return {name: row["config_generation"] for name, row in instance.workers().items()}


def started_by(instance, name):
    """The generation on the command line of a worker."""
    words = pathlib.Path("/proc/%d/cmdline" % instance.pids()[name]).read_bytes().split(b"\0")
    return int(words[words.index(b"--config-generation") + 1])


def test_each_worker_says_which_configuration_it_runs_by():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        assert set(generations(instance).values()) == {1}, generations(instance)
        rewrite(instance, communication={"clients_max": 77})
        assert instance.ofctl("config", "reload")[0] == 0
        assert generations(instance)["communication"] == 2
        wait_for(lambda: set(generations(instance).values()) == {2}, "those whom it does not concern have taken note")
        assert "configuration generation 2 is in force" in instance.ofctl("status", "--wide")[1]
        # Its successor was equipped before the reload.
        before = instance.pids()["logger"]
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: instance.pids().get("logger", before) != before, "the logger is back")
        wait_well(instance)
        assert started_by(instance, "logger") == 2, "it was started by the configuration before"
        # A worker that does not run its loop takes note of nothing.
        assert instance.ofctl("pause", "storage")[0] == 0
        assert instance.ofctl("config", "reload")[0] == 0
        wait_for(lambda: sorted(generations(instance).values()) == [2, 3, 3, 3], "all others have")
        assert instance.ofctl("resume", "storage")[0] == 0
        wait_for(lambda: set(generations(instance).values()) == {3}, "now it has as well")
        # What is refused is nobody's.
        instance.config.write_text("nonsense")
        assert instance.ofctl("config", "reload")[0] == 1
        assert instance.ofctl("restart", "logger")[0] == 0
        wait_well(instance)
        assert set(generations(instance).values()) == {3} and instance.ofctl_json("status")["config_generation"] == 3
        assert instance.stop() == 0, instance.output()


def hook(instance, name, text):
    """A script of this name in the instance's folder; its path."""
    path = instance.folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def test_a_finish_hook_is_told_of_each_death_and_delays_no_restart():
    with synthetic() as exchange, Instance(exchange) as instance:
        note, pids = instance.folder / "deaths", instance.folder / "hook-pids"
        usual = hook(instance, "usual", "echo \"$@\" >>%s\ncat\n" % note)  # its input is empty
        hangs = hook(instance, "hangs", "echo $$ >>%s\nsleep 1000 & echo $! >>%s\nwait\n" % (pids, pids))
        fails = hook(instance, "fails", "echo it will not do\nexit 7\n")
        rewrite(instance, **{"supervisor": {"finish_hook": usual}, "supervisor.storage": {"finish_hook": hangs}, "supervisor.binance": {"finish_hook": fails}})
        instance.start_and_wait()
        before = instance.pids()
        os.kill(before["communication"], signal.SIGQUIT)  # no sanitizer takes it
        wait_for(lambda: note.exists() and note.read_text() == "communication -1 3 1 own\n", "the hook was told")
        assert instance.ofctl("kill", "logger", "--signal", "KILL")[0] == 0
        wait_for(lambda: note.read_text().splitlines()[1:] == ["logger -1 9 1 commanded"], "and whose doing it was")
        os.kill(before["binance"], signal.SIGKILL)
        wait_for(lambda: "exit code 7: it will not do" in text_of_logs(instance), "a failure is told")
        os.kill(before["storage"], signal.SIGKILL)
        wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2, "the one that hangs is at work")
        instance.wait_healthy()
        assert "its 5000 ms were over" not in text_of_logs(instance), "the restart waited for the hook"
        wait_for(lambda: "its 5000 ms were over" in text_of_logs(instance), "it was killed")
        wait_for(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()), "with what it had started")
        rewrite(instance, **{"supervisor.storage": {"finish_hook": usual}, "supervisor.binance": {"finish_hook": usual}})
        assert instance.ofctl("config", "reload")[0] == 0
        assert instance.stop() == 0, instance.output()
        assert len(note.read_text().splitlines()) == 6, note.read_text()  # the orderly ends as well


def test_an_upgrade_keeps_the_workers():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        for number in (2, 3):
            code, out, err = instance.ofctl("upgrade")
            assert code == 0 and "program number %d" % number in out, (code, out, err)
            assert wait_well(instance) == before
        # It is still their parent: a death is seen, and a stop is in order.
        os.kill(before["binance"], signal.SIGKILL)
        wait_for(lambda: instance.pids().get("binance", before["binance"]) != before["binance"], "binance is back")
        wait_well(instance)
        assert instance.ofctl("restart", "storage")[0] == 0
        assert instance.stop() == 0, instance.output()


def test_an_upgrade_to_what_does_not_fit_is_refused():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        other = instance.folder / "other"
        _, layouts, _ = run(SUPERVISOR, "layouts")
        first = layouts.splitlines()[0].split()
        for text, expected in (("echo '%s'" % layouts.replace(first[-1], "0123456789abcdef", 1), MISMATCH), ("echo no; exit 2", 1), ("kill -9 $$", 1)):
            other.write_text("#!/bin/sh\n%s\n" % text)
            other.chmod(0o755)
            code, out, err = instance.ofctl("upgrade", str(other))
            assert code == expected and str(other) in out + err, (text, code, out, err)
        assert instance.ofctl("upgrade", str(instance.folder / "nothing"))[0] == 4
        assert wait_well(instance) == before and instance.process.poll() is None
        wait_for(lambda: "was not upgraded" in text_of_logs(instance), "the refusals are in the log")
        assert instance.stop() == 0, instance.output()


def test_an_upgrade_run_dry_asks_the_program_and_changes_nothing():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        code, out, err = instance.ofctl("upgrade", "--dry-run")
        assert code == 0 and "would upgrade" in out and "knows the same layouts" in out, (code, out, err)
        other, asked = instance.folder / "other", instance.folder / "asked"
        _, layouts, _ = run(SUPERVISOR, "layouts")
        last = layouts.split()[-1]
        for text, expected, reason in ((layouts, 0, "would upgrade"), (layouts.replace(last, "0123456789abcdef"), MISMATCH, last), ("", MISMATCH, "other layouts")):
            other.write_text("#!/bin/sh\necho \"$@\" >>%s\ncat <<.\n%s.\n" % (asked, text))
            other.chmod(0o755)
            code, out, err = instance.ofctl("upgrade", str(other), "--dry-run")
            assert code == expected and str(other) in out + err and reason in out + err, (text, code, out, err)
        assert [line.split()[:3] for line in asked.read_text().splitlines()] == [["layouts", "--config", str(instance.config)]] * 3
        other.write_text("#!/bin/sh\necho no; exit 2\n")
        code, out, err = instance.ofctl("upgrade", str(other), "--dry-run")
        assert code == 1 and "does not accept the configuration in force: no" in err, (code, out, err)
        assert instance.ofctl("upgrade", str(instance.folder / "nothing"), "--dry-run")[0] == 4
        assert instance.pids() == before and instance.ofctl("health")[0] == 0
        log = text_of_logs(instance)
        assert "was not upgraded" not in log and "check-upgrade" in log, "what was run is in the log"
        code, out, err = instance.ofctl("upgrade")
        assert code == 0 and "program number 2" in out, (code, out, err)
        assert instance.stop() == 0, instance.output()


def test_a_reload_run_dry_checks_the_file_and_changes_nothing():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before, good = instance.pids(), instance.config.read_text()
        code, out, err = instance.ofctl("config", "reload", "--dry-run")
        assert code == 0 and "as it is in force" in out, (code, out, err)
        rewrite(instance, communication={"clients_max": 77})
        code, out, err = instance.ofctl("config", "reload", "--dry-run")
        assert code == 0 and "+ 77" in out and re.search("communication +restarted\n", out) and re.search("storage +unchanged\n", out), (code, out, err)
        for text, expected, reason in ((good + "\n[nonsense]\n", 2, "nonsense"), (good.replace("market_slots = 16384", "market_slots = 32768"), 1, "[rings]")):
            instance.config.write_text(text)
            code, out, err = instance.ofctl("config", "reload", "--dry-run")
            assert code == expected and reason in out + err, (text, code, out, err)
        instance.config.unlink()
        assert instance.ofctl("config", "reload", "--dry-run")[0] == 2
        assert instance.pids() == before and instance.ofctl_json("status")["config_generation"] == 1
        instance.process.kill()
        instance.process.wait()
        code, out, err = instance.ofctl("config", "reload", "--dry-run")
        assert code == UNREACHABLE and not out, (code, out, err)


def foreign_descriptors(instance, name, pid):
    """What it holds beside streams, doorbells, its loop, the lifeline and its gate, its own memory for a crash, and what its work is with."""
    usual = ["/dev/null", str(instance.folder / "supervisor.out"), "anon_inode:[eventfd]", "anon_inode:[eventpoll]", "anon_inode:[timerfd]",
             "/memfd:black-box (deleted)", "/proc/%d/maps" % pid]
    own = {"storage": "%s/data/" % instance.folder, "logger": "%s/log/" % instance.folder}.get(name, "socket:")
    held = []
    for entry in os.listdir("/proc/%d/fd" % pid):
        try:
            held.append(os.readlink("/proc/%d/fd/%s" % (pid, entry)))
        except FileNotFoundError:
            continue  # closed meanwhile
    return [target for target in held if target not in usual and not target.startswith("pipe:") and not (target + "/").startswith(own)]


def test_a_worker_holds_only_what_it_was_given():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for name, pid in instance.pids().items():
            # Files that it has just read are closed in a moment.
            wait_for(lambda: not foreign_descriptors(instance, name, pid), "%s holds nothing else" % name)
        assert instance.stop() == 0, instance.output()


def test_a_worker_is_restarted_from_the_program_that_the_start_has_found():
    """A package that is unpacked over a running instance does not mix versions."""
    with synthetic() as exchange, Instance(exchange) as instance:
        programs = pathlib.Path(programs_with(instance, "logger", ""))
        shutil.copy(BUILD / "workers/logger/of-logger", programs / "of-logger")
        rewrite(instance, instance={"bin_dir": str(programs)})
        instance.start_and_wait()
        other = programs / "new"
        other.write_text("#!/bin/sh\nexit 1\n")
        other.chmod(0o755)
        other.rename(programs / "of-logger")
        before = instance.pids()["logger"]
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: instance.pids().get("logger", before) != before, "logger is back")
        instance.wait_healthy()
        assert os.readlink("/proc/%d/exe" % instance.pids()["logger"]) == str(programs / "of-logger") + " (deleted)"
        assert instance.workers()["logger"]["restarts"] == 1
        assert instance.stop() == 0, instance.output()


def test_grandchildren_do_not_outlive_their_worker():
    with synthetic() as exchange, Instance(exchange) as instance:
        # A worker whose program leaves a process behind, in its group and out of it, before it becomes the real one.
        note = instance.folder / "grandchildren"
        script = ("#!/bin/sh\nif [ \"$1\" != --check-config ]; then\nsleep 1000 >/dev/null 2>&1 & echo $! >>%s\n"
                  "setsid sh -c 'echo $$ >>%s; exec sleep 1000' >/dev/null 2>&1 &\nfi\nexec %s \"$@\"\n" %
                  (note, note, BUILD / "workers/logger/of-logger"))
        rewrite(instance, instance={"bin_dir": programs_with(instance, "logger", script)})
        instance.start_and_wait()
        pids = wait_for(lambda: (lambda found: found if len(found) == 2 else None)([int(word) for word in note.read_text().split()]), "two grandchildren")
        instance.seen |= set(pids)
        assert all(alive(pid) for pid in pids)
        before = instance.pids()["logger"]
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: instance.pids().get("logger", before) != before, "logger is back")
        wait_for(lambda: not any(alive(pid) for pid in pids), "the grandchildren have ended")
        instance.wait_healthy()
        instance.seen |= {int(word) for word in note.read_text().split()}
        assert instance.stop() == 0, instance.output()


def test_resources_are_what_the_kernel_says():
    limits = {"nice": 4, "oom_score_adjust": 500, "open_files": 321, "core_mb": 0, "cpus": "0"}
    with synthetic() as exchange, Instance(exchange, **{"supervisor.logger": limits}) as instance:
        instance.start_and_wait()
        folder = pathlib.Path("/proc/%d" % instance.pids()["logger"])
        assert (folder / "stat").read_text().rsplit(") ", 1)[1].split()[16] == "4"
        assert (folder / "oom_score_adj").read_text().strip() == "500"
        assert re.search(r"Max open files +321 ", (folder / "limits").read_text())
        assert re.search(r"Cpus_allowed_list:\t0\n", (folder / "status").read_text())
        shown = {row["name"]: row["resources"] for row in instance.ofctl_json("status", "--wide")["workers"]}["logger"]
        assert (shown["nice"], shown["oom_score_adjust"], shown["open_files"], shown["cpus"]) == (4, 500, "321", "0"), shown
        code, out, err = instance.ofctl("status", "--wide")
        assert code == 0 and not [line for line in out.splitlines() if len(line) > 80], out
        rewrite(instance, **{"supervisor.logger": {"nice": 5}})
        code, out, err = instance.ofctl("config", "reload")
        assert code == 0 and "logger restarted" in out and "storage unchanged" in out, (code, out, err)
        wait_well(instance)
        assert pathlib.Path("/proc/%d/stat" % instance.pids()["logger"]).read_text().rsplit(") ", 1)[1].split()[16] == "5"
        assert instance.stop() == 0, instance.output()


def test_a_cgroup_of_its_own_where_the_host_delegates():
    mounts = [line.split()[1] for line in open("/proc/self/mounts") if line.split()[2] == "cgroup2"]
    folder = pathlib.Path(mounts[0] if mounts else "/nowhere") / ("of-test-%d" % os.getpid())
    try:
        folder.mkdir()
    except OSError as error:
        raise tap.Skip("no cgroup v2 that this user may divide: %s" % error) from None
    try:
        with synthetic() as exchange, Instance(exchange, **{"supervisor.storage": {"memory_mb": 4096}}) as instance:
            instance.start(within="echo $$ >%s/cgroup.procs" % folder)
            instance.wait_healthy()
            for name, pid in instance.pids().items():
                own = pathlib.Path("/proc/%d/cgroup" % pid).read_text()
                assert re.search("^0::.*%s/%s$" % (folder.name, name), own, re.MULTILINE), (name, own)
            if (folder / "storage/memory.max").exists():
                assert (folder / "storage/memory.max").read_text().strip() == str(4096 << 20)
            else:
                wait_for(lambda: "a limit has no effect: memory_mb" in instance.ofctl("logs")[1], "the limit without effect is told")
            assert instance.stop() == 0, instance.output()
        assert [path.name for path in folder.iterdir() if path.is_dir()] == ["supervisor"]
    finally:
        for path in [path for path in folder.iterdir() if path.is_dir()] + [folder]:
            path.rmdir()


def test_the_plan_of_restarts_is_printed():
    with synthetic() as exchange, Instance(exchange, **{"supervisor.restart": {"failures_max": 3}, "supervisor.storage": {"failures_max": 5}}) as instance:
        instance.start_and_wait()
        code, out, err = instance.ofctl("status", "--schedule")
        assert code == 0 and not err and "parked" in out, (code, out, err)
        assert not [line for line in out.splitlines() if len(line) > 80], out
        plan = json.loads(instance.ofctl("--json", "status", "--schedule")[1])
        rows = {worker["worker"]: len(worker["schedule"]) for worker in plan["schedules"]}
        assert rows["storage"] == 5 and rows["logger"] == 3, rows
        assert instance.stop() == 0, instance.output()


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
