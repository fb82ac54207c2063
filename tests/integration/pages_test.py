#!/usr/bin/env python3
"""The pages that every process keeps in shared memory, as their readers see them on a running, killed and dead instance.
Prints TAP.

usage: pages_test.py [NAME...]
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

from system_support import OFCTL, OPENER, Instance, alive, free_port, run, synthetic, wait_for
import tap


def promtool(text):
    """What promtool finds wrong with an exposition; skips where it is not installed."""
    program = shutil.which("promtool")
    if program is None:
        raise tap.Skip("promtool is not installed")
    done = subprocess.run([program, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def metrics_of(instance, process, *arguments):
    """{name{labels}: metric} of one process."""
    answer = instance.ofctl_json("metrics", "--worker", process, *arguments)
    assert [page["process"] for page in answer["processes"]] == [process], answer
    return {(metric["name"] + "{%s}" % metric["labels"]): metric for metric in answer["processes"][0]["metrics"]}


def test_metrics_are_a_table_with_rates_and_json():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        wait_for(lambda: instance.metric("orderflow_rows_stored_total"), "rows are stored")
        code, out, err = instance.ofctl("metrics")
        assert code == 0 and not err, (code, out, err)
        assert not [line for line in out.splitlines() if len(line) > 80], out
        assert "fewer messages than one for each" in out and "RATE/s" in out and "receive_to_ring_ns" in out, out
        found = metrics_of(instance, "binance", "--interval", "0.5")
        trades = found['market_published_total{type="trade"}']
        assert trades["kind"] == "counter" and trades["value"] > 0 and trades["rate"] > 0, trades
        wait = found["receive_to_ring_ns{}"]
        assert 0 < wait["p50"] <= wait["p99"] <= wait["p999"] <= wait["max"] and wait["unit"] == "ns", wait
        code, out, err = instance.ofctl("metrics", "receive_to", "--interval", "0")
        assert code == 0 and "receive_to_disk_ns" in out and "frames_received" not in out, out
        for arguments, expected in ((["metrics", "--worker", "nobody"], 4), (["metrics", "--interval", "x"], 2)):
            code, out, err = instance.ofctl(*arguments)
            assert code == expected and (out + err).strip(), (arguments, code, out, err)


def test_metrics_go_on_after_a_kill_and_can_be_read_of_a_dead_instance():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        name = 'rows_stored_total{table="trades"}'
        before = wait_for(lambda: metrics_of(instance, "storage", "--interval", "0").get(name, {}).get("value"), "trades are stored")
        pid = instance.pids()["storage"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: instance.pids().get("storage", pid) != pid, "storage is back")
        instance.wait_healthy()
        assert metrics_of(instance, "storage", "--interval", "0")[name]["value"] >= before, "the values began anew"
        copies = instance.folder / "copies"
        copies.mkdir()
        for path in instance.segments():
            shutil.copy(path, copies)
        assert instance.stop() == 0, instance.output()
        code, out, err = run(OFCTL, "--from", str(copies), "--instance", instance.name, "--json", "metrics")
        assert code == 0 and not err, (code, out, err)
        assert not any("rate" in metric for page in json.loads(out)["processes"] for metric in page["metrics"]), "rates of copies"


def test_promtool_finds_nothing_wrong_with_the_metrics():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        wait_for(lambda: instance.metric("orderflow_rows_stored_total"), "rows are stored")
        with OPENER.open("http://127.0.0.1:%d/metrics" % instance.port, timeout=10) as answer:
            served = answer.read().decode()
        code, found = promtool(served)
        assert code == 0 and not found.strip(), found
        code, out, err = instance.ofctl("metrics", "--prom")
        assert code == 0 and not err, (code, err)
        code, found = promtool(out)
        assert code == 0 and not found.strip(), found


def test_batches_save_most_messages():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        wait_for(lambda: (instance.metric("orderflow_rows_stored_total") or 0) > 200, "some hundred rows are stored")
        for page in instance.ofctl_json("metrics", "--interval", "0")["processes"]:
            if page["process"] in ("binance", "storage"):
                assert page["updates"] > page["batch"] > 0 and page["saved_percent"] >= 60, page["saved_percent"]


def test_the_request_limits_are_shared_by_the_instances_of_a_host():
    name = "host-%d" % os.getpid()
    shared = {"governor": name}
    with synthetic() as exchange, Instance(exchange, instance=shared) as one, Instance(exchange, instance=shared) as other:
        one.start_and_wait()
        other.start_and_wait()
        wait_for(lambda: all(instance.metric("orderflow_books_synced") == 2 for instance in (one, other)), "all books are in step")
        code, out, err = one.ofctl("limits")
        assert code == 0 and not err and not [line for line in out.splitlines() if len(line) > 80], (code, out, err)
        # A connection is given back now and then.
        wait_for(lambda: one.ofctl_json("limits")["venues"] == other.ofctl_json("limits")["venues"], "both see the same page")
        venues = one.ofctl_json("limits")["venues"]
        assert len(venues) == 1, venues
        # Each feed has connected once and taken a snapshot of 5,000 levels for each symbol.
        assert venues[0]["connections"] == 2 and venues[0]["weight_total"] >= 4 * 250 and venues[0]["shut_ms"] == 0, venues
        code, out, err = one.ofctl("shm", "verify", "governor")
        assert code == 0 and "governor" in out, (code, out, err)
        page = pathlib.Path("/dev/shm/%s.governor" % name)
        one.stop()
        assert page.exists(), "the other instance still uses it"
        other.process.kill()
        other.process.wait()
        assert page.exists(), "what is spent outlives a killed supervisor"
        other.start_and_wait()
        wait_for(lambda: other.ofctl_json("limits")["venues"][0]["connections"] == 3, "the successor goes on with the page")
        other.stop()
        assert not page.exists(), "the last one removes it"


def test_idle_workers_sleep():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        wait_for(lambda: instance.metric("orderflow_books_synced") == 2, "all books are in step")
        exchange.process.send_signal(signal.SIGSTOP)
        try:
            wakes = lambda: {name: voluntary_switches(pid) for name, pid in instance.pids().items()}
            # A worker that is busy for a moment is measured again: only one that never rests fails.
            def all_rest():
                before, began = wakes(), time.monotonic()
                time.sleep(2)
                took = time.monotonic() - began
                return all((now - before[name]) / took <= 3 for name, now in wakes().items())
            wait_for(all_rest, "workers without work wake up once a second")
        finally:
            exchange.process.send_signal(signal.SIGCONT)


def voluntary_switches(pid):
    status = pathlib.Path("/proc/%d/status" % pid).read_text()
    return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.M)[1])


def breaker_of(instance, name):
    return next(row for row in instance.ofctl_json("breaker")["breakers"] if "%s/%s" % (row["process"], row["breaker"]) == name)


def test_breakers_are_listed_shown_and_commanded():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        code, out, err = instance.ofctl("breaker")
        assert code == 0 and not err and not [line for line in out.splitlines() if len(line) > 80], (code, out, err)
        for name in ("binance/rest", "storage/store", "communication/storage", "communication/binance"):
            assert name in out and breaker_of(instance, name)["state"] == "closed", out
        for page in ("breaker.storage", "error.storage", "metrics.storage", "book.0"):
            code, out, err = instance.ofctl("shm", "dump", page)
            assert code == 0 and out.strip() and not err, (page, code, out, err)
        code, out, err = instance.ofctl("shm", "verify")
        assert code == 0 and not err, (code, out, err)
        code, out, err = instance.ofctl("breaker", "show", "storage/store")
        assert code == 0 and "opens at  5 failures" in out and "open for" in out, (code, out, err)
        name = "communication/storage"
        code, out, err = instance.ofctl("breaker", "open", name, "--reason", "a test", "--for", "10m")
        assert code == 0 and "forced-open" in out and "a test" in out, (code, out, err)
        row = breaker_of(instance, name)
        assert row["state"] == "forced-open" and row["reason"] == "a test" and 0 < row["ends_in_ms"] <= 600000, row
        status, answer = instance.answer("/api/trades?symbol=BTCUSDT")
        assert status == 503 and "circuit breaker is open" in answer["error"], (status, answer)
        wait_for(lambda: instance.metric("orderflow_breaker_state") == 3, "the metric says so")
        pid = instance.pids()["communication"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: instance.pids().get("communication", pid) != pid, "communication is back")
        instance.wait_healthy()
        assert breaker_of(instance, name)["state"] == "forced-open", "the force did not survive the restart"
        code, out, err = instance.ofctl("breaker", "reset", name)
        assert code == 0 and "closed" in out, (code, out, err)
        wait_for(lambda: instance.answer("/api/trades?symbol=BTCUSDT")[0] in (200, 404), "trades are served again")
        code, out, err = instance.ofctl("breaker", "close", name, "--for", "250ms")
        assert code == 0, (code, out, err)
        wait_for(lambda: breaker_of(instance, name)["state"] == "closed", "the force has ended though nobody asks")
        code, out, err = instance.ofctl("breaker", "trip", name)
        assert code == 0 and breaker_of(instance, name)["trips"] == 1, (code, out, err)
        pid = instance.pids()["communication"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: instance.pids().get("communication", pid) != pid, "communication is back")
        instance.wait_healthy()
        assert instance.answer("/api/trades?symbol=BTCUSDT")[0] == 503 and breaker_of(instance, name)["state"] == "open", "the trip did not survive"
        for arguments, expected in ((["trip"], 2), (["trip", "storage/nothing"], 4), (["burn", name], 2), (["open", name, "--for", "soon"], 2),
                                    (["reset", name, "--for", "5m"], 2), (["open", name, "--reason", "x" * 57], 2)):
            code, out, err = instance.ofctl("breaker", *arguments)
            assert code == expected and (out + err).strip(), (arguments, code, out, err)
        log = instance.ofctl("logs")[1]
        assert "circuit breaker storage: open commanded by uid" in log and "a test" in log, log
        before = instance.pids()
        instance.process.kill()
        instance.process.wait()
        wait_for(lambda: not any(alive(pid) for pid in before.values()), "the workers end")
        code, out, err = instance.ofctl("breaker")
        assert code == 0 and "communication/storage" in out, (code, out, err)
        assert instance.ofctl("breaker", "reset", name)[0] == 7


def test_a_breaker_opens_when_the_rest_interface_is_gone():
    with synthetic() as exchange:
        sections = {"breaker": {"failures": 3, "open_ms": 50, "open_max_ms": 200}, "binance": {"rest_url": "https://localhost:%d" % free_port()}}
        with Instance(exchange, **sections) as instance:
            instance.start_and_wait()
            wait_for(lambda: breaker_of(instance, "binance/rest")["trips"] >= 2, "the breaker opens, and again after its probe")
            row = breaker_of(instance, "binance/rest")
            assert "connect" in row["last_failure"], row
            errors = instance.ofctl_json("errors")["errors"]
            assert any(error["name"] == "breaker_opened" and error["process"] == "binance" for error in errors), errors


def test_a_breaker_closes_again_with_the_first_answer():
    with synthetic() as exchange:
        exchange.fault(kind="rest_status", path="*", status=503, count=4)
        with Instance(exchange, breaker={"failures": 3, "open_ms": 50, "open_max_ms": 100}) as instance:
            instance.start_and_wait()
            wait_for(lambda: instance.metric("orderflow_books_synced") == 2, "all books are in step")
            row = breaker_of(instance, "binance/rest")
            assert row["state"] == "closed" and row["trips"] == 2 and row["failed"] == 4, row
            assert "503" in row["last_failure"], row
            # The failure names the message that caused the request.
            code, out, err = instance.ofctl("trace", row["last_correlation"])
            assert code == 0 and "called" in out, (code, out, err)


def test_each_error_is_kept_once_and_outlives_its_process():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        code, out, err = instance.ofctl("errors")
        assert code == 0 and not err, (code, out, err)
        for round_number in (1, 2):
            pid = instance.pids()["storage"]
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: instance.pids().get("storage", pid) != pid, "storage is back")
            instance.wait_healthy()
        deaths = [error for error in instance.ofctl_json("errors")["errors"] if error["name"] == "worker_died"]
        assert len(deaths) == 1 and deaths[0]["count"] == 2 and deaths[0]["process"] == "supervisor", deaths
        assert deaths[0]["first_wall_ns"] < deaths[0]["last_wall_ns"] and "storage" in deaths[0]["text"], deaths
        copies = instance.folder / "copies"
        copies.mkdir()
        for path in instance.segments():
            shutil.copy(path, copies)
        assert instance.stop() == 0, instance.output()
        code, out, err = run(OFCTL, "--from", str(copies), "--instance", instance.name, "errors")
        assert code == 0 and "storage" in out and "COUNT" in out, (code, out, err)


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
