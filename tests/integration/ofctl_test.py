"""ofctl as its users meet it: output formats, exit codes, completion, man pages, the control socket and its audit. Real processes.
Prints TAP.

usage: ofctl_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

from system_support import OFCTL, WORKERS, Instance, process_state, run, synthetic, wait_for
import tap

DOCUMENTS = {
    "status": ["status"], "health": ["health"], "errors": ["errors"], "limits": ["limits"], "breakers": ["breaker"],
    "segments": ["shm", "ls"], "verify": ["shm", "verify"], "metrics": ["metrics", "--interval", "0"], "version": ["version"],
}
STREAMS = (["logs", "-n", "5"], ["events", "-n", "5"], ["shm", "tail", "market.0", "-n", "3"], ["shm", "dump", "market.0", "-n", "3"])
ROWS = {"status": "workers", "shm ls": "segments", "breaker": "breakers", "limits": "venues", "errors": "errors"}


def verbs():
    """The verbs of `ofctl --help`, by their lines."""
    code, out, err = run(OFCTL, "--help")
    assert code == 0 and not err, (code, err)
    found = re.findall(r"^  ((?:shm |config |postmortem )?[a-z]+)  +[A-Z]", out.split("Options of every verb")[0], re.MULTILINE)
    assert len(found) > 25, found
    return found


def stopped(instance):
    """Copies of the instance's segments, which say the same whenever they are asked."""
    copies = instance.folder / "copies"
    copies.mkdir()
    for path in instance.segments():
        shutil.copy(path, copies)
    return str(copies)


def ask(instance, packet):
    """The supervisor's answer to a packet."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.settimeout(10)
        client.connect(str(instance.folder / "state" / "control.sock"))
        client.send(packet)
        return client.recv(65536)


def test_each_verb_has_help_and_a_man_page():
    for verb in verbs():
        code, out, err = run(OFCTL, "help", *verb.split())
        assert code == 0 and "Usage: ofctl %s" % verb in out and "Exit codes:" in out and not err, (verb, code, err)
        assert (code, out) == run(OFCTL, *verb.split(), "--help")[:2], verb
        code, out, err = run(OFCTL, "man", *verb.split())
        assert code == 0 and ".Nm ofctl-%s" % verb.replace(" ", "-") in out, (verb, code, err)


def test_mandoc_finds_nothing_wrong_with_the_man_pages():
    if shutil.which("mandoc") is None:
        raise tap.Skip("mandoc is not installed")
    with Instance() as instance:
        code, out, err = run(OFCTL, "man", "--to", str(instance.folder))
        assert code == 0, (code, out, err)
        pages = sorted(instance.folder.glob("*.1"))
        assert len(pages) == len(verbs()) + 1, pages
        code, out, err = run("mandoc", "-T", "lint", "-W", "style", *map(str, pages))
        faults = [line for line in (out + err).splitlines() if "referenced manual not found" not in line]
        assert not faults, "\n".join(faults[:20])


def test_every_document_has_a_version_a_kind_and_keys_in_one_order():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        wait_for(lambda: instance.metric("orderflow_rows_stored_total"), "rows are stored")
        copies = stopped(instance)
        for kind, arguments in DOCUMENTS.items():
            for source in ([], ["--from", copies]):
                texts = [run(OFCTL, "--instance", instance.name, *source, "-o", "json", *arguments)[1] for _ in range(2)]
                pairs = [json.loads(text, object_pairs_hook=lambda items: items) for text in texts]
                assert pairs[0][:2] == [("version", 1), ("kind", kind)], pairs[0][:2]
                assert [key for key, _ in pairs[0]] == [key for key, _ in pairs[1]], kind
                assert not source or kind in ("status", "metrics", "limits") or texts[0] == texts[1], (kind, texts)
        for arguments in STREAMS:
            code, out, err = instance.ofctl("-o", "json", *arguments)
            assert code == 0 and out.splitlines() and all(json.loads(line) for line in out.splitlines()), (arguments, code, out, err)


def test_rows_are_printed_one_a_line_and_names_alone():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        copies = stopped(instance)
        for verb, key in ROWS.items():
            def output(form):
                return run(OFCTL, "--from", copies, "--instance", instance.name, "-o", form, *verb.split())[1]
            rows = json.loads(output("json"))[key]
            lines = [json.loads(line) for line in output("ndjson").splitlines()]
            assert [list(row) for row in lines] == [list(row) for row in rows], verb
            assert len(output("name").splitlines()) == len(rows), (verb, output("name"))
        assert instance.ofctl("-o", "name", "status")[1].split() == list(WORKERS)
        code, out, err = instance.ofctl("-o", "prom", "status")
        assert code == 0 and 'orderflow_worker_up{worker="storage"} 1' in out, (code, out, err)
        promtool = shutil.which("promtool")
        if promtool is not None:
            done = subprocess.run([promtool, "check", "metrics"], input=out, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stdout + done.stderr


def test_a_format_that_a_verb_lacks_is_refused_with_those_it_has():
    for verb, form in (("logs", "prom"), ("restart", "wide"), ("shm ls", "prom"), ("help", "json")):
        code, out, err = run(OFCTL, *verb.split(), "-o", form)
        assert code == 2 and not out and "it has table" in err, (verb, code, out, err)


def test_each_exit_code_has_its_cause():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        copies = pathlib.Path(stopped(instance))
        expected = {
            0: ["health"],
            1: ["start", "storage"],
            2: ["status", "--nonsense"],
            4: ["status", "nobody"],
            6: ["wait", "--for=stopped", "--timeout", "1"],
            7: ["--from", str(copies), "status"],
        }
        found = {code: instance.ofctl(*arguments)[0] for code, arguments in expected.items()}
        assert found == {code: code for code in expected}, found
        assert instance.ofctl("-q", "status", "nobody")[:2] == (4, "")
        market = copies / (instance.name + ".market.0")
        data = bytearray(market.read_bytes())
        data[0] ^= 0xFF
        market.write_bytes(data)
        assert run(OFCTL, "--from", str(copies), "--instance", instance.name, "shm", "verify")[0] == 8
        assert instance.ofctl("stop", "storage")[0] == 0
        assert instance.ofctl("health")[0] == 3 and instance.ofctl("health", "--ready")[0] == 3
        assert instance.ofctl("health", "--live")[0] == 0
        os.kill(instance.process.pid, signal.SIGSTOP)
        wait_for(lambda: process_state(instance.process.pid) == "T", "the supervisor is stopped")
        assert instance.ofctl("health", "--live")[0] == 7
        os.kill(instance.process.pid, signal.SIGCONT)
        if os.geteuid() == 0:
            done = subprocess.run([OFCTL, "--instance", instance.name, "status"], capture_output=True, timeout=60, user=65534)
            assert done.returncode == 5, done
        assert instance.stop() == 0, instance.output()


def test_another_version_of_the_control_socket_is_refused():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        assert ask(instance, b"1 ping").startswith(b"1 ok pong"), ask(instance, b"1 ping")
        for packet in (b"ping", b"2 ping", b"restart storage"):
            answer = ask(instance, packet)
            assert answer.startswith(b"1 error 9 ") and b"version 1" in answer, answer
        assert instance.ofctl("version")[0] == 0
        assert instance.stop() == 0, instance.output()


def test_the_audit_file_has_who_asked_for_what_and_what_came_of_it():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        assert instance.ofctl("restart", "logger", "--reason", "a test")[0] == 0
        assert instance.ofctl("start", "logger")[0] == 1
        code, out, err = instance.ofctl("events", "--audit")
        lines = [json.loads(line) for line in out.splitlines()]
        asked = [line for line in lines if "request" in line]
        assert [line["request"].strip() for line in asked] == ["restart logger a test", "start logger"], lines
        assert all(line["uid"] == os.geteuid() and line["pid"] and line["program"] == "ofctl" for line in asked), asked
        answers = {line["correlation"]: line["answer"] for line in lines if "answer" in line}
        assert answers[asked[0]["correlation"]].startswith("ok "), answers
        assert answers[asked[1]["correlation"]].startswith("error 1 "), answers
        before = len(lines)
        assert instance.ofctl("restart", "logger", "--dry-run")[0] == 0
        assert len(instance.ofctl("events", "--audit")[1].splitlines()) == before, "a dry run is no command"
        code, out, err = instance.ofctl("events", "-o", "ndjson")
        events = [json.loads(line)["event"] for line in out.splitlines()]
        assert {"worker_spawned", "operator_command", "worker_ready"} <= set(events), events
        assert instance.stop() == 0, instance.output()


def audit_of(instance, *arguments):
    code, out, err = instance.ofctl("events", "--audit", *arguments)
    assert code == 0 and not err, (arguments, code, err)
    return [json.loads(line) for line in out.splitlines()]


def test_the_audit_is_limited_to_a_worker_and_a_time():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for worker in ("logger", "storage", "logger"):
            assert instance.ofctl("restart", worker)[0] == 0
        everything = audit_of(instance)
        assert len(everything) == 6 and audit_of(instance, "--since", "3600") == everything, everything
        of_logger = audit_of(instance, "--worker", "logger")
        commands = [line for line in of_logger if "request" in line]
        assert [line["request"].split()[:2] for line in commands] == [["restart", "logger"]] * 2, of_logger
        assert [line["correlation"] for line in of_logger if "answer" in line] == [line["correlation"] for line in commands], of_logger
        assert audit_of(instance, "--worker", "logger", "-n", "1") == of_logger[-1:]
        wait_for(lambda: not audit_of(instance, "--since", "0.5"), "the commands are older than half a second")
        assert instance.ofctl("events", "--audit", "--worker", "nobody")[0] == 4
        assert instance.stop() == 0, instance.output()


def test_the_audit_is_followed_into_the_next_file():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        assert instance.ofctl("restart", "logger", "--reason", "before")[0] == 0
        seen = instance.folder / "seen"
        with open(seen, "wb") as output:
            follower = subprocess.Popen([OFCTL, "--instance", instance.name, "events", "--audit", "-f"], stdout=output)
        try:
            wait_for(lambda: seen.read_text().count("\n") == 2, "what is there is printed")
            audit = instance.folder / "state" / "audit.log"
            audit.rename(audit.with_name("audit.log.1"))
            assert instance.ofctl("restart", "logger", "--reason", "behind")[0] == 0
            wait_for(lambda: seen.read_text().count("\n") == 4, "what came is printed")
            lines = [json.loads(line) for line in seen.read_text().splitlines()]
            assert lines == audit_of(instance), lines
            assert [line["request"].split()[-1] for line in lines if "request" in line] == ["before", "behind"], lines
        finally:
            follower.kill()
            follower.wait()
        assert instance.stop() == 0, instance.output()


def test_the_logs_of_the_one_before_end_where_its_successor_began():
    def ready(*arguments):
        """When storage said that it was ready, by what is printed."""
        code, out, err = instance.ofctl("--json", "logs", *arguments)
        assert code == 0, (arguments, code, err)
        lines = [json.loads(line) for line in out.splitlines()]
        assert all(line["worker"] == "storage" for line in lines), lines
        return [line["ts"] for line in lines if line["event"] == "worker_ready"]

    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        assert instance.ofctl("logs", "-p", "storage")[0] == 4, "there is none before the first"
        for lives in (2, 3):
            before = instance.pids()["storage"]
            os.kill(before, signal.SIGKILL)
            wait_for(lambda: instance.pids().get("storage") not in (None, before), "storage has a successor")
            wait_for(lambda: len(ready("storage")) == lives, "it is ready")
            instance.wait_healthy()
            assert ready("-p", "storage") == ready("storage")[-2:-1], lives
        assert instance.ofctl("stop", "storage")[0] == 0
        assert ready("-p", "storage") == ready("storage")[-1:], "dead, its own last life is the one before"
        assert instance.ofctl("logs", "-p")[0] == 2
        assert instance.stop() == 0, instance.output()


def test_a_dry_run_says_what_would_be_asked_and_changes_nothing():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        for arguments, words in ((["restart", "storage"], "restart storage"), (["stop"], "shutdown"), (["kill", "binance"], "kill binance KILL"),
                                 (["drain", "--all"], "stop binance"),
                                 (["breaker", "open", "binance/rest"], "breaker binance rest open 0")):
            code, out, err = instance.ofctl(*arguments, "--dry-run")
            assert code == 0 and "would ask the supervisor" in out and words in out, (arguments, code, out, err)
        assert instance.pids() == before
        assert instance.stop() == 0, instance.output()


def test_workers_are_drained_in_the_direction_of_the_messages_and_waited_for():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        code, out, err = instance.ofctl("drain", "storage", "binance")
        assert code == 0 and [line.split(":")[0] for line in out.splitlines()] == ["binance", "storage"], (code, out, err)
        assert out.count("drained") == 2 and out.count("left in its rings") == 2, out
        assert instance.ofctl("wait", "--for=stopped", "storage", "binance", "--timeout", "5")[0] == 0
        assert instance.ofctl("wait", "--for=ready", "storage", "--timeout", "1")[0] == 6
        assert instance.ofctl("start", "storage", "binance")[0] == 0
        assert instance.ofctl("wait", "--timeout", "20")[0] == 0
        waiting = subprocess.Popen([OFCTL, "--instance", instance.name, "wait", "--for=restarted", "logger", "--timeout", "30"], stdout=subprocess.DEVNULL)
        while waiting.poll() is None:
            instance.ofctl("kill", "logger")
            wait_for(lambda: instance.ofctl("wait", "logger", "--timeout", "20")[0] == 0, "logger runs")
        assert waiting.returncode == 0
        code, out, err = instance.ofctl("drain", "communication", "--then", "restart")
        assert code == 0 and "running as pid" in out, (code, out, err)
        assert instance.pids()["communication"] != before["communication"]
        assert instance.ofctl("wait", "--for=breaker=binance/rest:closed", "--timeout", "10")[0] == 0
        assert instance.ofctl("wait", "--for=nonsense")[0] == 2
        assert instance.stop() == 0, instance.output()


def candidates(instance, *words):
    code, out, err = run(OFCTL, "__complete", "--", "--instance", instance.name, *words)
    assert code == 0, (words, code, err)
    return [line.split("\t")[0] for line in out.splitlines()]


def test_the_completion_knows_verbs_options_and_what_is_there():
    for shell in ("bash", "zsh", "fish"):
        code, out, err = run(OFCTL, "completion", shell)
        assert code == 0 and "__complete" in out, (shell, code, err)
        program = shutil.which(shell)
        if program is not None:
            done = subprocess.run([program, "-n"], input=out, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, (shell, done.stderr)
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        assert candidates(instance, "sta") == ["status", "start"]
        assert "verify" in candidates(instance, "shm", "")
        assert candidates(instance, "restart", "st") == ["storage"]
        assert candidates(instance, "shm", "dump", "mark") == ["market.0"]
        assert "--follow" in candidates(instance, "logs", "--f")
        assert candidates(instance, "logs", "--level", "w") == ["warn"]
        assert "binance/rest" in candidates(instance, "breaker", "show", "b")
        script = """source <(ofctl completion bash); COMP_WORDS=(ofctl --instance %s restart comm); COMP_CWORD=4; _ofctl
                    printf '%%s\\n' "${COMPREPLY[@]}" """ % instance.name
        path = "%s:%s" % (pathlib.Path(OFCTL).parent, os.environ["PATH"])
        code, out, err = run("bash", "-c", script, environment={"PATH": path})
        assert code == 0 and out.split() == ["communication"], (code, out, err)


def test_a_reader_that_goes_away_and_a_pipe_without_colour():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for arguments in ("status", "logs", "shm ls", "metrics --interval 0", "--help", "man"):
            code, out, err = run("bash", "-c", "set -o pipefail; %s --instance %s %s | head -1" % (OFCTL, instance.name, arguments))
            assert not err and out, (arguments, code, err)
            assert "\x1b" not in run(OFCTL, "--instance", instance.name, *arguments.split())[1], arguments
        for environment, coloured in (({"CLICOLOR_FORCE": "1"}, True), ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            out = run(OFCTL, "--instance", instance.name, "status", environment=environment)[1]
            assert ("\x1b" in out) == coloured, (environment, out)


def test_output_that_cannot_be_written_is_a_failure_with_a_sentence():
    for arguments in ("man", "--help", "completion bash"):
        code, out, err = run("bash", "-c", "%s %s >/dev/full" % (OFCTL, arguments))
        assert code == 1 and "cannot be written: No space left" in err, (arguments, code, err)


def test_a_verb_of_another_program_is_found_on_the_path():
    with Instance() as instance:
        plugin = instance.folder / "ofctl-hello"
        plugin.write_text('#!/bin/sh\necho "$ORDERFLOW_INSTANCE $*"\nexit 42\n')
        plugin.chmod(0o755)
        path = "%s:%s" % (instance.folder, os.environ["PATH"])
        assert run(OFCTL, "--instance", "x", "hello", "a", "--b", environment={"PATH": path})[:2] == (42, "x a --b\n")
        code, out, err = run(OFCTL, "hullo", environment={"PATH": path})
        assert code == 2 and "no verb" in err, (code, out, err)


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
