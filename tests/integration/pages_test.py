#!/usr/bin/env python3
"""The pages that every process keeps in shared memory, as their readers see them on a running, killed and dead instance.
Prints TAP.

usage: pages_test.py [NAME...]
"""

import json
import os
import shutil
import signal
import subprocess
import sys

from system_support import OFCTL, OPENER, Instance, run, synthetic, wait_for
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


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
