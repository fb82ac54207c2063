"""What must hold of the store after everything that chaos does: whole, and every trade that was played in it or in the gap ledger."""

import contextlib
import pathlib
import sqlite3
import time

from system_support import wait_for

KINDS = (("trades", "trade_id", 0), ("agg_trades", "agg_id", 1))


def wait_until_stored(instance, exchange):
    """From here on nothing may be missing: a feed that has not yet seen a first id of a symbol cannot know what was before it."""
    def begun():
        try:
            stored = instance.api("/api/stats")["symbols"]
        except OSError:
            return False
        return all(stored.get(symbol, {}).get(table, 0) > 0 for symbol in exchange.status()["symbols"] for table in ("trades", "agg_trades"))
    wait_for(begun, "the first ids of each symbol are stored")


def missing(instance, played):
    """What the store still lacks of what the exchange has played, a sentence; "" when nothing."""
    stored = instance.api("/api/stats")["symbols"]
    for symbol, counts in played.items():
        row = stored.get(symbol, {"trades": 0, "agg_trades": 0, "gaps_open": 0})
        known = row["trades"] + row["agg_trades"] + row["gaps_open"]
        wanted = counts["trades_played"] + counts["agg_trades_played"]
        if known != wanted:
            return "%s: %d ids were played, %d are stored, %d are open gaps" % (symbol, wanted, known - row["gaps_open"], row["gaps_open"])
    return ""


def newest_trade(instance, symbol):
    try:
        rows = instance.api("/api/trades?symbol=%s&limit=1" % symbol)["trades"]
    except OSError:
        return 0
    return rows[0]["id"] if rows else 0


def settle(instance, exchange):
    """Ends the market, and waits until all that was played is accounted for."""
    for symbol in exchange.status()["symbols"]:
        before = newest_trade(instance, symbol)
        wait_for(lambda: newest_trade(instance, symbol) > before, "the feed follows %s" % symbol, 120)
    time.sleep(1)  # of quiet market, so that what was missed is followed by something that shows the gap
    exchange.control("POST", "/finish")
    wait_for(lambda: exchange.status()["finished"], "the market is over")
    played = exchange.status()["symbols"]
    said = [""]

    def complete():
        try:
            said[0] = missing(instance, played)
        except OSError as error:
            said[0] = str(error)
        return not said[0]
    try:
        wait_for(complete, "the store is complete", 120)
    except AssertionError:
        raise AssertionError(said[0]) from None
    return played


def whole_files(folder):
    """Each day's file in turn, whole and open; what a killed storage has left in its log is taken in. One that storage was killed over
    before it had a table is left out."""
    for path in sorted(folder.glob("*.sqlite")):
        with contextlib.closing(sqlite3.connect("file:%s?mode=rw" % path, uri=True)) as base:
            verdict = [row[0] for row in base.execute("PRAGMA integrity_check")]
            assert verdict == ["ok"], "%s: %s" % (path.name, "; ".join(verdict))
            if base.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] > 0:
                yield base


def ids_of(folder):
    """{(symbol, table): (ids stored, ids of the gap ledger)} of all files."""
    found = {}
    for base in whole_files(folder):
        for table, column, kind in KINDS:
            for name, number in base.execute("SELECT name, %s FROM %s JOIN symbols ON id = symbol_id" % (column, table)):
                found.setdefault((name, table), (set(), set()))[0].add(number)
            for name, first, last in base.execute("SELECT name, first_id, last_id FROM gaps JOIN symbols ON id = symbol_id WHERE kind = %d" % kind):
                found.setdefault((name, table), (set(), set()))[1].update(range(first, last + 1))
    return found


def check_store(instance, played):
    """After a stop: files whole, no id beside those played, none lost in silence. Returns (ids stored, ids that the ledger names)."""
    folder = pathlib.Path(instance.folder / "data")
    stored_all = named_all = 0
    found = ids_of(folder)
    for symbol, counts in played.items():
        for table, first, last in (("trades", "first_trade_id", "last_trade_id"), ("agg_trades", "first_agg_id", "last_agg_id")):
            stored, ledger = found.get((symbol, table), (set(), set()))
            wanted = set(range(counts[first], counts[last] + 1))
            assert stored <= wanted, "%s %s: ids that were never played: %s" % (symbol, table, sorted(stored - wanted)[:5])
            silent = wanted - stored - ledger
            assert not silent, "%s %s: %d ids are neither stored nor in the gap ledger: %s" % (symbol, table, len(silent), sorted(silent)[:5])
            stored_all += len(stored)
            named_all += len(ledger - stored)
    return stored_all, named_all
