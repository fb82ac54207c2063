"""Cases of exchange_test.py: REST, the synthetic market, the clock and the tape."""

import gzip
import hashlib
import json
import re

from exchange_support import ALL, PROGRAM, LocalBook, follow, synthetic, tape_file
from exchange_client import Exchange, Refused, wait_for


# ---- REST

def test_rest_answers_and_weighs_each_route():
    with synthetic("--start-at-once", "--rate", "4000") as exchange:
        wait_for(lambda: exchange.status()["symbols"]["BTCUSDT"]["trades_played"] > 50, "trades")
        routes = [("ping", 1), ("time", 1), ("exchangeInfo", 20), ("depth?symbol=BTCUSDT", 5),
                  ("depth?symbol=BTCUSDT&limit=500", 25), ("depth?symbol=BTCUSDT&limit=1000", 50),
                  ("depth?symbol=BTCUSDT&limit=5000", 250), ("trades?symbol=BTCUSDT", 25),
                  ("historicalTrades?symbol=BTCUSDT&fromId=1", 25), ("aggTrades?symbol=BTCUSDT", 4)]
        for _ in range(3):  # a minute that ends in between begins the account anew
            spent, exact = 0, True
            begin = int(exchange.rest("/api/v3/ping")[2]["X-MBX-USED-WEIGHT-1M"])
            for route, weight in routes:
                status, _, headers = exchange.rest("/api/v3/" + route)
                spent += weight
                assert status == 200, route
                exact = exact and int(headers["X-MBX-USED-WEIGHT-1M"]) == begin + spent
            if exact:
                return
        raise AssertionError("the used weight is not the sum of the weights")


def test_rest_refuses_bad_parameters_with_the_documented_codes():
    with synthetic() as exchange:
        cases = {"depth": -1102, "depth?symbol=": -1102, "depth?symbol=NOPE": -1121, "trades?symbol=btcusdt": -1121,
                 "depth?symbol=BTCUSDT&limit=x": -1100, "depth?symbol=BTCUSDT&limit=0": -1130,
                 "aggTrades?symbol=BTCUSDT&fromId=1&startTime=2": -1128, "historicalTrades?symbol=BTCUSDT&fromId=-1": -1130,
                 "exchangeInfo?symbols=%5B%22BTCUSDT%22,%22NO%22%5D": -1121}
        for route, code in cases.items():
            status, answer, _ = exchange.rest("/api/v3/" + route)
            assert (status, answer["code"]) == (400, code), (route, status, answer)
        assert exchange.rest("/api/v3/nothing")[0] == 404
        info = exchange.rest("/api/v3/exchangeInfo?symbol=ETHUSDT")[1]
        assert [each["symbol"] for each in info["symbols"]] == ["ETHUSDT"]
        assert info["symbols"][0]["status"] == "TRADING" and info["symbols"][0]["quoteAsset"] == "USDT"
        assert {each["filterType"] for each in info["symbols"][0]["filters"]} >= {"PRICE_FILTER", "LOT_SIZE"}


def test_too_much_weight_is_429_and_going_on_is_418():
    with synthetic("--weight-per-minute", "20", "--ban-seconds", "77") as exchange:
        seen = []
        for _ in range(60):
            status, answer, headers = exchange.rest("/api/v3/depth?symbol=BTCUSDT")
            seen.append(status)
            if status == 429:
                assert answer["code"] == -1003 and 0 < int(headers["Retry-After"]) <= 60
            if status == 418:
                assert int(headers["Retry-After"]) <= 77
                break
        assert seen[0] == 200 and 429 in seen and seen[-1] == 418, seen
        assert exchange.status()["rest"]["early_requests"] > 0


# ---- the synthetic market

def test_the_seed_decides_everything_but_the_times():
    runs = []
    for _ in range(2):
        with synthetic("--speed", "max") as exchange:
            stream = exchange.streams(*ALL)
            frames = [re.sub(rb'"[ET]":\d+', b"", stream.text()) for _ in range(5000)]
            runs.append(frames)
    assert runs[0] == runs[1]
    with Exchange(PROGRAM, "--synthetic", "--seed", "8", "--speed", "max") as exchange:
        stream = exchange.streams(*ALL)
        assert runs[0] != [re.sub(rb'"[ET]":\d+', b"", stream.text()) for _ in range(5000)]


def check_row(frames, name, number, first="", last=""):
    ids = [f["data"] for f in frames if f["stream"] == name]
    assert len(ids) > 10, name
    for before, after in zip(ids, ids[1:]):
        assert after[number] == before[number] + 1, (name, before, after)
        assert not first or after[first] == before[last] + 1, (name, before, after)


def test_the_synthetic_market_keeps_the_rules():
    with synthetic("--speed", "max") as exchange:
        stream = exchange.streams(*ALL)
        exchange.control("POST", "/pause")
        snapshots = {s: exchange.rest("/api/v3/depth?symbol=%s&limit=5000" % s)[1] for s in ("BTCUSDT", "ETHUSDT")}
        exchange.control("POST", "/resume")
        frames = follow(stream, 60000)
        compared = 0
        for symbol in ("BTCUSDT", "ETHUSDT"):
            lower = symbol.lower()
            check_row(frames, lower + "@trade", "t")
            check_row(frames, lower + "@aggTrade", "a", "f", "l")
            compared += check_book(frames, lower, snapshots[symbol])
        assert compared > 100, compared


def check_book(frames, lower, snapshot):
    """Follows the book from the snapshot; the number of comparisons with bookTicker at the same id."""
    mine = [f for f in frames if f["stream"].startswith(lower)]
    book, tops, compared = None, {}, 0
    for frame in mine:
        data = frame["data"]
        if frame["stream"].endswith("@bookTicker"):
            tops[data["u"]] = (data["b"], data["B"], data["a"], data["A"])
        if not frame["stream"].endswith("@depth@100ms"):
            continue
        if book is None and data["u"] > snapshot["lastUpdateId"]:
            book = LocalBook(snapshot)
        if book is None:
            continue
        book.apply(data)
        top = book.top()
        assert float(top[0]) < float(top[2]), "crossed"
        if book.id in tops:
            assert tops[book.id] == top, (tops[book.id], top)
            compared += 1
    return compared


def test_the_book_equals_the_snapshot_when_the_market_is_over():
    with synthetic("--rate", "3000") as exchange:
        stream = exchange.streams("btcusdt@depth@100ms")
        events = [stream.json()["data"]]
        snapshot = exchange.rest("/api/v3/depth?symbol=BTCUSDT&limit=5000")[1]
        assert snapshot["lastUpdateId"] >= events[0]["U"], "joinable"
        while len(events) < 15:
            events.append(stream.json()["data"])
        assert exchange.control("POST", "/finish")[0] == 200
        last = exchange.status()["symbols"]["BTCUSDT"]["last_update_id"]
        while events[-1]["u"] < last:
            events.append(stream.json()["data"])
        book = LocalBook(snapshot)
        for event in events:
            book.apply(event)
        assert book.sorted() == exchange.rest("/api/v3/depth?symbol=BTCUSDT&limit=5000")[1]
        wait_for(lambda: exchange.status()["finished"], "finished")


def test_the_rate_is_about_what_was_asked():
    with synthetic("--rate", "1000", "--speed", "max") as exchange:
        stream, ticks, frames = exchange.streams(*ALL), 0, 0
        while ticks < 600:  # 60 s of market time
            frames += 1
            ticks += b"btcusdt@depth" in stream.text()[:30]
        assert 0.85 < frames / 60 / 1000 < 1.15, frames


def test_rest_trades_are_those_that_were_streamed():
    with synthetic("--rate", "3000") as exchange:
        stream = exchange.streams("btcusdt@trade", "btcusdt@aggTrade")
        frames = follow(stream, 300)
        exchange.control("POST", "/pause")
        trades = [f["data"] for f in frames if f["stream"] == "btcusdt@trade"]
        rows = exchange.rest("/api/v3/historicalTrades?symbol=BTCUSDT&limit=1000&fromId=%d" % trades[5]["t"])[1]
        for trade, row in zip(trades[5:], rows):
            assert (row["id"], row["price"], row["qty"], row["time"], row["isBuyerMaker"]) == \
                (trade["t"], trade["p"], trade["q"], trade["T"], trade["m"])
        sums = [f["data"] for f in frames if f["stream"] == "btcusdt@aggTrade"]
        rows = exchange.rest("/api/v3/aggTrades?symbol=BTCUSDT&limit=3&fromId=%d" % sums[2]["a"])[1]
        assert [[row[k] for k in "apqflTm"] for row in rows] == [[s[k] for k in "apqflTm"] for s in sums[2:5]]
        newest = exchange.rest("/api/v3/trades?symbol=BTCUSDT&limit=1")[1]
        assert newest[0]["id"] == exchange.status()["symbols"]["BTCUSDT"]["last_trade_id"]


# ---- the clock

def test_the_clock_waits_for_a_subscription_and_can_be_paused():
    with synthetic("--rate", "2000") as exchange:
        silent = exchange.streams(target="/ws")
        assert not exchange.status()["started"]
        assert silent.ask(method="SUBSCRIBE", params=["btcusdt@trade"], id=1)["result"] is None
        silent.text()
        paused = exchange.control("POST", "/pause")[1]
        assert paused["paused"] and paused["started"]
        played = paused["played"]
        assert exchange.status()["played"] == played
        exchange.control("POST", "/resume")
        silent.text()
        wait_for(lambda: exchange.status()["played"] > played, "the market goes on")
        silent.close()
        wait_for(lambda: exchange.status()["clients"] == 0, "gone")
        alone = exchange.status()["played"]
        wait_for(lambda: exchange.status()["played"] > alone + 50, "it runs for nobody")


def test_max_speed_waits_for_its_clients():
    with synthetic("--speed", "max", "--start-at-once") as exchange:
        assert exchange.status()["played"] == 0
        stream = exchange.streams(*ALL)
        follow(stream, 1000)
        stream.close()
        wait_for(lambda: exchange.status()["clients"] == 0, "gone")
        played = exchange.status()["played"]
        for _ in range(20):
            assert exchange.status()["played"] == played
        follow(exchange.streams(*ALL), 1000)


# ---- the tape

def tape_lines(tape):
    with gzip.open(tape) as lines:
        for line in lines:
            text = line.split(b" ", 1)[1].rstrip(b"\n")
            if not text.startswith(b'{"rest"'):
                yield text


def book_hash(depth):
    digest = hashlib.sha256()
    for letter, side in (("B", "bids"), ("A", "asks")):
        for price, quantity in depth[side]:
            numbers = [int(text.replace(".", "")) for text in (price, quantity)]
            digest.update(("%s %d %d\n" % (letter, *numbers)).encode())
    return digest.hexdigest()


def test_the_tape_is_played_byte_for_byte_and_its_book_is_golden():
    data, tape = tape_file()
    golden = {each["symbol"]: each for each in json.loads((data / "golden" / "golden_spot.json").read_text())}
    with Exchange(PROGRAM, "--tape", tape, "--speed", "max") as exchange:
        stream = exchange.streams(*ALL)
        for number, line in enumerate(tape_lines(tape)):
            assert stream.text() == line, number
        status = wait_for(lambda: (lambda s: s if s["finished"] else None)(exchange.status()), "finished")
        assert status["sent"] == status["played_by_stream"] and sum(status["sent"].values()) == 198061
        for symbol, expected in golden.items():
            depth = exchange.rest("/api/v3/depth?symbol=%s&limit=5000" % symbol)[1]
            assert depth["lastUpdateId"] == expected["final_update_id"]
            assert book_hash(depth) == expected["book_sha256"], symbol
            assert status["symbols"][symbol]["trades_played"] == expected["trades"]
            assert status["symbols"][symbol]["last_trade_id"] == expected["last_trade_id"]


def test_a_resync_in_the_middle_of_the_tape_comes_out_golden():
    data, tape = tape_file()
    golden = json.loads((data / "golden" / "golden_spot.json").read_text())[0]
    with Exchange(PROGRAM, "--tape", tape, "--speed", "max", "--symbols", "BTCUSDT") as exchange:
        first = exchange.rest("/api/v3/depth?symbol=BTCUSDT&limit=5000")[1]
        assert first["lastUpdateId"] == golden["snapshot_last_update_id"]
        stream = exchange.streams("btcusdt@depth@100ms")
        follow(stream, 3000)
        exchange.control("POST", "/pause")
        event = stream.json()["data"]
        snapshot = exchange.rest("/api/v3/depth?symbol=BTCUSDT&limit=5000")[1]
        assert snapshot["lastUpdateId"] >= event["u"]
        exchange.control("POST", "/resume")
        book = LocalBook(snapshot)
        while book.id < golden["final_update_id"]:
            book.apply(stream.json()["data"])
        assert book_hash(book.sorted()) == golden["book_sha256"]


def test_a_tape_has_no_microseconds():
    _, tape = tape_file()
    with Exchange(PROGRAM, "--tape", tape) as exchange:
        try:
            exchange.streams(target="/stream?streams=btcusdt@trade&timeUnit=MICROSECOND")
            raise AssertionError("accepted")
        except Refused as refused:
            assert refused.status == 400
