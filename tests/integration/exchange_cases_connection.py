"""Cases of exchange_test.py: starting, stopping, connections, and the limits on them."""

import json
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile

from exchange_support import ALL, PROGRAM, closing_code, synthetic
from exchange_client import CLOSE, PING, PONG, Refused, wait_for


# ---- start, stop, files, options

def test_starts_and_ends_as_promised():
    exchange = synthetic()
    directory = pathlib.Path(exchange.directory.name)
    assert json.loads((directory / "exchange.json").read_text()) == exchange.about
    assert exchange.about["stream_url"] == "wss://localhost:%d" % exchange.about["port"]
    assert exchange.about["pid"] == exchange.process.pid
    exchange.process.terminate()
    assert exchange.process.wait(10) == 0
    assert not (directory / "exchange.json").exists()
    exchange.stop()


def test_the_certificate_holds_for_localhost_and_for_nothing_else():
    with synthetic() as exchange:
        for name in ("localhost", "127.0.0.1"):
            raw = socket.create_connection(("127.0.0.1", exchange.about["port"]), 10)
            exchange.tls.wrap_socket(raw, server_hostname=name).close()
        for context, name in ((exchange.tls, "example.com"), (ssl.create_default_context(), "localhost")):
            raw = socket.create_connection(("127.0.0.1", exchange.about["port"]), 10)
            try:
                context.wrap_socket(raw, server_hostname=name)
                raise AssertionError("accepted as " + name)
            except ssl.SSLCertVerificationError:
                raw.close()


def test_bad_usage_is_one_sentence_and_2():
    base = [PROGRAM, "--state-dir", "/nonexistent/never-made"]
    cases = {("--tape", "x", "--synthetic"): "one of --tape", (): "one of --tape",
             ("--synthetic", "--speed", "fast"): "factor", ("--synthetic", "--symbols", "btc"): "no symbol",
             ("--synthetic", "--listen", "0.0.0.0:0"): "loopback", ("--synthetic", "--control", "nowhere"): "HOST:PORT",
             ("--synthetic", "--fault", "explode"): "no kind of fault",
             ("--synthetic", "--fault", "drop:count=many"): "whole number",
             ("--synthetic", "--fault", "drop:when=now"): "no key of a fault",
             ("--synthetic", "--fault", "rest_status:status=200"): "from 400 to 599",
             ("--synthetic", "--fault", "rest_status:stream=x"): "takes path="}
    for arguments, words in cases.items():
        ended = subprocess.run(base + list(arguments), capture_output=True, text=True, timeout=20)
        assert ended.returncode == 2 and words in ended.stderr, (arguments, ended)
        assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    for tape in ("/nonexistent/tape", PROGRAM):
        ended = subprocess.run(base + ["--tape", tape], capture_output=True, text=True, timeout=20)
        assert ended.returncode == 1 and tape in ended.stderr, ended


def test_dies_with_its_parent():
    with tempfile.TemporaryDirectory() as directory:
        script = "import subprocess,sys; p=subprocess.Popen(sys.argv[1:],stdout=subprocess.PIPE,text=True); " \
                 "print(p.stdout.readline(),flush=True)"
        command = [PROGRAM, "--synthetic", "--state-dir", directory, "--die-with-parent"]
        parent = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, timeout=20)
        pid = json.loads(parent.stdout)["pid"]

        def gone():
            try:
                return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0] == "Z"
            except FileNotFoundError:
                return True
        wait_for(gone, "the exchange outlived its parent")


# ---- the WebSocket's rules

def test_control_messages_are_answered_as_documented():
    with synthetic("--incoming-per-second", "1000") as exchange:
        stream = exchange.streams(target="/ws")
        names = ["btcusdt@aggTrade", "btcusdt@depth@100ms"]
        assert stream.ask(method="SUBSCRIBE", params=names, id=1) == {"result": None, "id": 1}
        assert stream.ask(method="LIST_SUBSCRIPTIONS", id="x-3") == {"result": names, "id": "x-3"}
        assert stream.ask(method="UNSUBSCRIBE", params=names[:1], id=None) == {"result": None, "id": None}
        assert stream.ask(method="LIST_SUBSCRIPTIONS", id=4) == {"result": names[1:], "id": 4}
        assert stream.ask(method="GET_PROPERTY", params=["combined"], id=5) == {"result": False, "id": 5}
        assert stream.ask(method="SET_PROPERTY", params=["combined", True], id=6) == {"result": None, "id": 6}
        assert stream.ask(method="GET_PROPERTY", params=["combined"], id=-7) == {"result": True, "id": -7}
        assert stream.json()["stream"] == names[1]
        errors = [(dict(method="GET_PROPERTY", params=["color"], id=1), 0, "Unknown property"),
                  (dict(method="SET_PROPERTY", params=["combined", 1], id=1), 1, "expected Boolean"),
                  (dict(method="SET_PROPERTY", params=[1, True], id=1), 2, "must be a string"),
                  (dict(method="LIST_SUBSCRIPTIONS", id=[1]), 2, "request ID"),
                  (dict(method="LIST_SUBSCRIPTIONS", id="x" * 37), 2, "request ID"),
                  (dict(method="EXPLODE", id=1), 2, "unknown variant `EXPLODE`"),
                  (dict(method="SUBSCRIBE", params=["s%d" % i for i in range(1025)], id=1), 2, "too many parameters"),
                  (dict(id=1), 2, "missing field `method`")]
        for request, code, words in errors:
            answer = stream.ask(**request)
            assert answer["code"] == code and words in answer["msg"], (request, answer)
        stream.send("{nonsense")
        while True:
            answer = stream.json()
            if "code" in answer:
                break
        assert answer["code"] == 3, answer


def test_raw_and_combined_frames_have_the_same_payload():
    with synthetic() as exchange:
        raw, combined = exchange.streams(target="/ws/btcusdt@trade"), exchange.streams("btcusdt@trade")
        first = raw.text()
        while True:
            text = combined.text()
            if text == b'{"stream":"btcusdt@trade","data":' + first + b"}":
                return


def test_microseconds_when_the_url_asks_for_them():
    with synthetic() as exchange:
        micros = exchange.streams(target="/stream?streams=btcusdt@trade&timeUnit=MICROSECOND")
        millis = exchange.streams("btcusdt@trade")
        trades = {}
        while True:
            for stream in (micros, millis):
                data = stream.json()["data"]
                trades.setdefault(data["t"], []).append(data["E"])
            both = [times for times in trades.values() if len(times) == 2]
            if both:
                assert all(max(times) // 1000 == min(times) for times in both), both
                break
        status, answer, _ = exchange.rest("/api/v3/time", {"X-MBX-TIME-UNIT": "MICROSECOND"})
        assert status == 200 and answer["serverTime"] > 1e15


def test_bad_upgrades_are_refused():
    with synthetic("--connections-per-5-minutes", "3") as exchange:
        for target in ("/elsewhere", "/stream?streams=a%22b", "/stream?streams=a&timeUnit=HOURS"):
            try:
                exchange.streams(target=target)
                raise AssertionError(target)
            except Refused as refused:
                assert refused.status == 400, refused
        try:
            exchange.streams("btcusdt@trade")
            raise AssertionError("a fourth attempt")
        except Refused as refused:
            assert refused.status == 429 and int(refused.headers["retry-after"]) > 0
        assert exchange.status()["connections_refused"] == 1


def test_a_client_that_answers_pings_stays():
    with synthetic("--ping-seconds", "0.1", "--pong-seconds", "0.4",
                   "--incoming-per-second", "1000") as exchange:
        stream = exchange.streams("ethusdt@trade")
        while len(stream.pings) < 12:
            stream.text()
        assert exchange.status()["clients"] == 1


def test_a_client_without_pongs_is_dropped():
    with synthetic("--ping-seconds", "0.1", "--pong-seconds", "0.4") as exchange:
        stream = exchange.streams("ethusdt@trade")
        stream.answer_pings = False
        stream.send(b"unasked", PONG)
        assert closing_code(stream) is None
        assert len(stream.pings) >= 3
        assert exchange.status()["disconnects"] == {"no pong": 1}


def test_more_than_five_messages_a_second_end_the_connection():
    with synthetic() as exchange:
        stream = exchange.streams("btcusdt@trade")
        for i in range(6):
            stream.send(b"", PING if i % 2 else PONG)
        assert closing_code(stream) == 1008


def test_protocol_errors_close_with_1002():
    with synthetic() as exchange:
        stream = exchange.streams("btcusdt@trade")
        stream.send(b"{}", masked=False)
        assert closing_code(stream) == 1002


def test_fragments_are_joined_and_a_close_is_echoed():
    with synthetic() as exchange:
        stream = exchange.streams(target="/ws")
        text = json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 9}).encode()
        stream.send(text[:10], final=False)
        stream.send(b"between", PING)
        stream.send(text[10:], opcode=0)
        assert stream.frame() == (PONG, b"between")
        assert stream.json() == {"result": [], "id": 9}
        stream.send(b"\x03\xe8bye", CLOSE)
        assert stream.frame() == (CLOSE, b"\x03\xe8")
        wait_for(lambda: exchange.status()["clients"] == 0, "the client is still counted")


def test_a_connection_ends_after_its_lifetime():
    with synthetic("--lifetime-seconds", "0.3") as exchange:
        assert closing_code(exchange.streams("btcusdt@trade")) == 1001


def test_a_client_that_does_not_read_is_cut_and_the_market_goes_on():
    with synthetic("--rate", "20000", "--queue-mib", "1") as exchange:
        lazy, busy = exchange.streams(*ALL), exchange.streams("btcusdt@trade")
        while exchange.status()["slow_clients_cut"] == 0:
            for _ in range(100):
                busy.text()
        before = exchange.status()
        assert before["clients"] == 1, before
        busy.text()
        lazy.close()
