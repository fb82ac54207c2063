"""Cases of exchange_test.py: each kind of fault, from the command line and over the control API."""

import json

from exchange_support import ALL, closing_code, follow, synthetic
from exchange_client import wait_for


# ---- faults

def test_drop_duplicate_and_reorder_strike_where_told():
    with synthetic("--speed", "max", "--fault", "drop:stream=btcusdt@trade:after=10:count=3",
                   "--fault", "duplicate:stream=ethusdt@trade:after=5",
                   "--fault", "reorder:stream=btcusdt@aggTrade:after=4") as exchange:
        stream = exchange.streams(*ALL)
        frames = follow(stream, 2000)
        exchange.control("POST", "/pause")
        ids = {name: [f["data"][key] for f in frames if f["stream"] == name]
               for name, key in (("btcusdt@trade", "t"), ("ethusdt@trade", "t"), ("btcusdt@aggTrade", "a"))}
        row = [i - ids["btcusdt@trade"][0] for i in ids["btcusdt@trade"][:12]]
        assert row == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14], row
        row = [i - ids["ethusdt@trade"][0] for i in ids["ethusdt@trade"][:8]]
        assert row == [0, 1, 2, 3, 4, 5, 5, 6], row
        row = [i - ids["btcusdt@aggTrade"][0] for i in ids["btcusdt@aggTrade"][:7]]
        assert row == [0, 1, 2, 3, 5, 4, 6], row
        assert exchange.status()["faults"] == {"drop": 3, "duplicate": 1, "reorder": 1}
        assert all(fault["spent"] for fault in exchange.control("GET", "/faults")[1])
        assert exchange.control("DELETE", "/faults") == (200, [])


def test_malformed_frames_come_in_addition():
    with synthetic("--speed", "max", "--fault", "malformed:stream=btcusdt@trade:count=9") as exchange:
        stream, good, bad = exchange.streams("btcusdt@trade"), [], 0
        while len(good) < 50:
            text = stream.text()
            try:
                good.append(json.loads(text)["data"]["t"])
                bad += '"p":"1.234567891"' in text.decode() or '"yesterday"' in text.decode()
                if good[-1] in (1, "x"):
                    good.pop()
            except (ValueError, KeyError, TypeError):
                bad += 1
        assert bad == 9 and good == list(range(good[0], good[0] + 50)), (bad, good)


def test_a_stall_holds_frames_and_loses_none():
    with synthetic("--rate", "2000") as exchange:
        stalled, other = exchange.streams("btcusdt@trade"), exchange.streams("ethusdt@trade")
        ids = [stalled.json()["data"]["t"]]
        exchange.fault(kind="stall", stream="btcusdt@trade", ms=400)
        wait_for(lambda: exchange.status()["faults"].get("stall") == 1, "the stall")
        held = exchange.status()
        assert not held["finished"]
        while exchange.status()["played_by_stream"]["btcusdt@trade"] < len(ids) + 200:
            other.text()
        while len(ids) < 200:
            ids.append(stalled.json()["data"]["t"])
        assert ids == list(range(ids[0], ids[0] + 200))


def test_cut_ends_all_connections_without_a_close_frame():
    with synthetic() as exchange:
        streams = [exchange.streams("btcusdt@trade"), exchange.streams("ethusdt@trade")]
        for stream in streams:
            stream.text()
        exchange.fault(kind="cut")
        assert [closing_code(stream) for stream in streams] == [None, None]
        exchange.streams("btcusdt@trade").text()
        assert exchange.status()["faults"] == {"cut": 1}


def test_server_shutdown_is_announced_and_then_done():
    with synthetic() as exchange:
        combined, raw = exchange.streams("btcusdt@trade"), exchange.streams(target="/ws/btcusdt@trade")
        exchange.fault(kind="server_shutdown", ms=300)
        seen = {}
        for name, stream in (("combined", combined), ("raw", raw)):
            while name not in seen:
                frame = stream.json()
                if frame.get("stream") == "!serverShutdown":
                    seen[name] = frame["data"]["e"]
                elif frame.get("e") == "serverShutdown":
                    seen[name] = frame["e"]
        assert seen == {"combined": "serverShutdown", "raw": "serverShutdown"}
        fresh = exchange.streams("btcusdt@trade")
        assert closing_code(combined) == 1001 and closing_code(raw) == 1001
        fresh.text()
        assert exchange.status()["clients"] == 1


def test_rest_faults_and_late_snapshots():
    with synthetic("--fault", "rest_status:status=429:retry_after=7:path=/api/v3/depth") as exchange:
        assert exchange.rest("/api/v3/ping")[0] == 200
        status, answer, headers = exchange.rest("/api/v3/depth?symbol=BTCUSDT")
        assert (status, answer["code"], headers["Retry-After"]) == (429, -1003, "7")
        assert exchange.rest("/api/v3/depth?symbol=BTCUSDT")[0] == 200
        assert exchange.status()["rest"]["early_requests"] == 1
        stream = exchange.streams("btcusdt@depth@100ms")
        first = stream.json()["data"]
        exchange.fault(kind="late_snapshot", count=2)
        for _ in range(2):
            assert exchange.rest("/api/v3/depth?symbol=BTCUSDT")[1]["lastUpdateId"] < first["U"] - 1
        assert exchange.rest("/api/v3/depth?symbol=BTCUSDT")[1]["lastUpdateId"] >= first["u"]
        exchange.fault(kind="late_snapshot", ms=300)
        late = exchange.rest("/api/v3/depth?symbol=BTCUSDT")[1]
        assert late["lastUpdateId"] < exchange.status()["symbols"]["BTCUSDT"]["last_update_id"]
        assert exchange.status()["faults"] == {"late_snapshot": 3, "rest_status": 1}


def test_slow_reads_delay_the_answer_to_a_request():
    with synthetic() as exchange:
        stream = exchange.streams("btcusdt@depth@100ms")
        stream.text()
        exchange.fault(kind="slow_read", ms=500)
        wait_for(lambda: exchange.status()["faults"].get("slow_read") == 1, "the fault")
        stream.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 1}))
        before = 0
        while "result" not in stream.json():
            before += 1
        assert before >= 2, before  # frames of later tenths of a second came first


def test_bad_faults_are_refused_over_http():
    with synthetic() as exchange:
        for body in ({}, {"kind": "x"}, {"kind": "drop", "count": -1}, {"kind": "drop", "count": [1]}, [1]):
            status, answer = exchange.control("POST", "/faults", body)
            assert status == 400 and answer["error"], (body, answer)
        assert exchange.control("GET", "/nothing")[0] == 404
        assert exchange.control("GET", "/finish")[0] == 405


def test_repeated_faults_strike_each_period():
    with synthetic("--rate", "2000", "--fault", "drop:stream=btcusdt@trade:every_ms=50") as exchange:
        stream = exchange.streams("btcusdt@trade")
        while exchange.status()["faults"].get("drop", 0) < 5:
            stream.text()
        status = exchange.status()
        assert status["played_by_stream"]["btcusdt@trade"] > 5 * status["faults"]["drop"]
