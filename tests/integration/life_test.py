#!/usr/bin/env python3
"""The whole system with a stand-in exchange: what its users see while all is well, while a worker hangs, after a worker or
the supervisor was killed, and after a stop. Prints TAP.

usage: life_test.py [NAME...]
"""

import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import urllib.error

from system_support import Instance, OFCTL, WORKERS, alive, process_start, process_state, run, synthetic, wait_for
import tap

HEADER_BYTES = 1024
DEGRADED, NOT_FOUND, UNREACHABLE = 3, 4, 7
HOPS = ("received", "decoded", "published", "stored", "delivered")


def stored_trades(instance, least=1):
    """Waits until so many trades are stored; they."""
    def enough():
        try:
            rows = instance.api("/api/trades?symbol=BTCUSDT&limit=100")["trades"]
        except urllib.error.HTTPError as error:
            assert error.code == 404, error  # until the first trade is stored, the symbol is not known to the store
            return None
        return rows if len(rows) >= least else None
    return wait_for(enough, "%d stored trades" % least)


def test_a_run_from_start_to_stop():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        assert set(instance.pids()) == set(WORKERS)
        assert len(set(instance.pids().values())) == 4, "four processes"
        trades = stored_trades(instance, 20)
        ids = [trade["id"] for trade in trades]
        assert len(set(ids)) == len(ids), "ids twice"
        wait_for(lambda: (instance.folder / "log").glob("*"), "a log file")
        assert instance.stop() == 0, instance.output()
        assert list((instance.folder / "data").glob("*.db")) or list((instance.folder / "data").glob("*.sqlite")), "no store"
        log = "".join(path.read_text() for path in (instance.folder / "log").iterdir())
        for worker in WORKERS:
            assert worker in log, "%s has said nothing" % worker


def test_deaths_are_known_whoever_has_started_the_supervisor():
    """Some leave SIGCHLD ignored, and then the kernel keeps no death for whom it may concern."""
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start("trap '' CHLD")
        instance.wait_healthy()
        before = instance.pids()["storage"]
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: instance.pids().get("storage", before) != before, "a successor")
        instance.wait_healthy()
        assert instance.workers()["storage"]["last_exit"] == "signal 9", instance.workers()["storage"]
        assert instance.ofctl("config", "reload")[0] == 0, instance.ofctl("config", "reload")
        assert instance.stop() == 0, instance.output()


def test_words_that_nobody_can_read_end_nothing():
    """On a full disk, and in a pipe that is full."""
    with synthetic() as exchange, Instance(exchange) as instance:
        pipe = instance.folder / "words"
        os.mkfifo(pipe)
        full = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        try:
            while os.write(full, bytes(4096)):
                pass
        except BlockingIOError:
            pass
        for place in ("/dev/full", pipe):
            instance.start("exec 2>" + str(place))
            instance.wait_healthy()
            before = instance.pids()
            os.kill(before["storage"], signal.SIGKILL)
            wait_for(lambda: instance.pids().get("storage", before["storage"]) != before["storage"], "a successor")
            instance.wait_healthy()
            assert instance.stop() == 0, place
        os.close(full)


def test_ofctl_at_eighty_columns_and_as_json():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        stored_trades(instance)
        for verb in (["status"], ["health"], ["shm", "ls"], ["logs", "-n", "5"], ["shm", "tail", "market.0", "-n", "5"], ["shm", "dump", "control"],
                     ["shm", "verify"], ["shm", "hz", "--interval", "0.1"], ["shm", "gc"]):
            code, out, err = instance.ofctl(*verb)
            assert code == 0 and out.strip() and not err, (verb, code, out, err)
            code, out, err = instance.ofctl("--json", *verb)
            assert code == 0 and not err, (verb, code, out, err)
            for line in out.splitlines():
                json.loads(line)
        for verb in (["status"], ["health"], ["shm", "ls"], ["shm", "verify"], ["shm", "hz", "--interval", "0.1"]):
            _, out, _ = instance.ofctl(*verb)
            wide = [line for line in out.splitlines() if len(line) > 80]
            assert not wide, "%s is wider than 80 columns:\n%s" % (verb, "\n".join(wide))
        names = {row["name"] for row in instance.ofctl_json("shm", "ls")["segments"]}
        assert {"control", "market.0", "book.0", "command.storage"} <= names, names
        for verb, code in ((["shm", "dump", "nothing"], NOT_FOUND), (["status", "nobody"], NOT_FOUND), (["trace", "binance-1-0000000001"], NOT_FOUND),
                           (["restart", "nobody"], NOT_FOUND), (["trace", "no id"], 2), (["shm", "tail", "market.0", "--slots", "x"], 2)):
            found, out, err = instance.ofctl(*verb)
            assert found == code and (out + err).strip(), (verb, found, out, err)


def test_the_trace_of_a_stored_trade_has_all_its_hops():
    with synthetic() as exchange, Instance(exchange) as instance, Client(instance):
        instance.start_and_wait()
        wait_for(lambda: instance.metric("orderflow_clients") == 1, "the client is connected")
        seen = {trade["id"] for trade in stored_trades(instance)}
        news = wait_for(lambda: (lambda rows: rows if len(rows) >= 5 else None)(
            [trade for trade in stored_trades(instance) if trade["id"] > max(seen)]), "trades that came with the client there")
        for trade in news[:5]:
            wait_for(lambda: all(hop in instance.ofctl("trace", trade["correlation"])[1] for hop in HOPS), "all hops of " + trade["correlation"], 10)
            answer = instance.ofctl_json("trace", trade["correlation"])
            assert set(HOPS) <= {hop["hop"] for hop in answer["hops"]}, answer


class Client:
    """A WebSocket client for as long as the test runs, so that trades are delivered."""

    def __init__(self, instance):
        from system_support import BUILD
        self.command = [str(BUILD / "tests/integration/of-subscriber"), "--url", "ws://127.0.0.1:%d/ws" % instance.port, "--quiet"]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)


def test_status_and_shm_ls_work_while_a_worker_is_stopped():
    with synthetic() as exchange, Instance(exchange, supervisor={"heartbeat_timeout_ms": 600000}) as instance:
        instance.start_and_wait()
        pid = instance.pids()["storage"]
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: process_state(pid) == "T", "storage is stopped")
        code, out, err = instance.ofctl("status")
        assert code == DEGRADED and "frozen" in out and not err, (code, out, err)
        code, out, err = instance.ofctl("health")
        assert code == DEGRADED and "storage" in out, (code, out, err)
        code, out, err = instance.ofctl("shm", "ls")
        assert code == 0 and "market.0" in out, (code, out, err)
        os.kill(pid, signal.SIGCONT)
        wait_for(lambda: instance.ofctl("status")[0] == 0, "all is well again")
        assert instance.pids()["storage"] == pid, "it was restarted"
        assert instance.stop() == 0, instance.output()


def test_each_worker_that_is_killed_comes_back_alone():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for victim in WORKERS:
            before = instance.pids()
            os.kill(before[victim], signal.SIGKILL)
            wait_for(lambda: instance.pids().get(victim, before[victim]) != before[victim], victim + " is back")
            instance.wait_healthy()
            after = instance.pids()
            assert {name for name in WORKERS if after[name] != before[name]} == {victim}, (before, after)
            row = instance.workers()[victim]
            assert row["restarts"] == 1 and "9" in row["last_exit"], row
        assert instance.stop() == 0, instance.output()


def test_restart_and_stop_by_ofctl():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        code, out, err = instance.ofctl("restart", "storage", "--reason", "a test")
        assert code == 0 and "running again" in out, (code, out, err)
        assert instance.pids()["storage"] != before["storage"]
        instance.seen |= set(instance.pids().values())
        code, out, err = instance.ofctl("stop", "--reason", "a test")
        assert code == 0 and "has stopped" in out, (code, out, err)
        assert instance.process.wait(60) == 0
        assert not instance.segments() and not instance.seen.living()
        log = "".join(path.read_text() for path in (instance.folder / "log").iterdir())
        assert "a test" in log, "the reason is not in the log"


def test_after_the_supervisor_was_killed_it_can_be_looked_into_and_started_again():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        trades = stored_trades(instance, 10)
        before = instance.pids()
        instance.process.kill()
        instance.process.wait()
        for verb in (["status"], ["shm", "ls"]):
            code, out, err = instance.ofctl(*verb)
            assert code in (0, UNREACHABLE) and out.strip() and not err, (verb, code, out, err)
        wait_for(lambda: not any(alive(pid) for pid in before.values()), "the workers drain and end by themselves")
        code, out, err = instance.ofctl("status")
        assert code == UNREACHABLE and "gone" in out, (code, out, err)
        code, out, err = instance.ofctl("shm", "ls")
        assert code == 0 and "market.0" in out, (code, out, err)
        code, out, err = instance.ofctl("shm", "verify")
        assert code == 0 and not err, (code, out, err)
        code, out, err = instance.ofctl("stop")
        assert code == UNREACHABLE and len((out + err).splitlines()) == 1, (code, out, err)
        instance.start_and_wait()
        after = instance.pids()
        assert len(after) == 4 and not set(after.values()) & set(before.values())
        kept = {trade["id"] for trade in instance.api("/api/trades?symbol=BTCUSDT&limit=10000")["trades"]}
        assert {trade["id"] for trade in trades} <= kept, "stored trades are gone"
        assert instance.stop() == 0, instance.output()


def test_a_supervisor_killed_between_two_words_of_its_page_is_in_nobodys_way():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        pid, before = instance.process.pid, instance.pids()
        start = process_start(pid)
        instance.process.kill()
        instance.process.wait()
        wait_for(lambda: not any(alive(worker) for worker in before.values()), "the workers drain and end by themselves")
        # As it is after the first word: its number, and no time of start.
        page = pathlib.Path("/dev/shm/%s.control" % instance.name)
        at = page.read_bytes().index(struct.pack("<QQ", pid, start), HEADER_BYTES) + 8
        with page.open("r+b") as file:
            file.seek(at)
            file.write(bytes(8))
        instance.start_and_wait()
        assert instance.stop() == 0, instance.output()


def test_a_supervisor_that_starts_while_the_old_workers_still_drain_makes_no_duplicate():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = set(instance.pids().values())
        instance.process.kill()
        instance.process.wait()
        instance.start_and_wait()
        wait_for(lambda: not any(alive(pid) for pid in before), "the old workers end")
        assert len(instance.pids()) == 4
        assert instance.stop() == 0, instance.output()


def test_copied_segments_can_be_looked_into():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        stored_trades(instance)
        copies = instance.folder / "copies"
        copies.mkdir()
        for path in instance.segments():
            shutil.copy(path, copies)
        assert instance.stop() == 0, instance.output()
        for verb in (["shm", "ls"], ["shm", "verify"], ["shm", "tail", "market.0", "--type", "trade", "-n", "3"], ["logs", "-n", "3"]):
            code, out, err = run(OFCTL, "--from", str(copies), "--instance", instance.name, *verb)
            assert code == 0 and out.strip(), (verb, code, out, err)


def test_two_instances_do_not_meet():
    with synthetic() as exchange, Instance(exchange) as one, Instance(exchange) as other:
        one.start_and_wait()
        other.start_and_wait()
        assert not set(one.pids().values()) & set(other.pids().values())
        assert one.stop() == 0
        assert other.ofctl("health")[0] == 0, "the other instance was disturbed"
        assert other.stop() == 0


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
