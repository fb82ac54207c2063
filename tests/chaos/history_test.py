"""An observer outside writes down what it was told while everything is done to an instance at once; afterwards its history, the
store and the exchange must agree. CHAOS.md has the table. Prints TAP.

usage: history_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import contextlib
import signal
import socket
import sys
import threading
import time

from chaos_support import WORKERS, after, chance, count, say, send
from exchange_client import Closed, Refused, Streams
from harm_support import ShiftedClock, SmallDisk
from store_support import settle, wait_until_stored, whole_files
from system_support import EXCHANGE, Exchange, Instance, wait_for
import tap

ROUND_S = 60
QUIET_S = 5
"""Before the end of the market: what a dropped frame held is missed only when another follows."""
FAULTS = ({"kind": "cut"}, {"kind": "drop", "count": 20}, {"kind": "duplicate", "count": 20}, {"kind": "reorder", "count": 20},
          {"kind": "malformed", "count": 5}, {"kind": "stall", "ms": 500})
SHIFTS_S = (-86400, -3600, -1, 0, 1, 3600, 86400)


class Connection(Streams):
    """A WebSocket connection to of-communication, which speaks no TLS."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.input, self.at, self.answer_pings, self.pings = bytearray(), 0, True, []
        self.upgrade("/ws", "127.0.0.1:%d" % port)
        self.send('{"op":"subscribe","streams":["trades"]}')


class History:
    """What came over one connection."""

    def __init__(self):
        self.trades = []  # (symbol, id, position in the market ring)
        self.lost = 0     # trades that the server said this client was too slow for


class Observer(threading.Thread):
    """Connects for ever, and writes down what it is told."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.histories = []
        self.problems = []
        self.done = False

    def run(self):
        while not self.done:
            with contextlib.suppress(Closed, Refused, OSError):
                connection = Connection(self.port)
                self.histories.append(History())
                try:
                    self.listen(connection)
                finally:
                    connection.close()
            time.sleep(0.02)

    def listen(self, connection):
        while not self.done:
            message = connection.json()
            if message["type"] == "trade":
                self.histories[-1].trades.append((message["symbol"], message["id"], message["seq"]))
            elif message["type"] == "lost":
                self.histories[-1].lost += message["count"]
            elif message["type"] == "error":
                self.problems.append(message)

    def end(self):
        self.done = True
        self.join(30)
        return [history for history in self.histories if history.trades]


class Nemesis:
    """One harm after another, drawn by chance, until the time is over."""

    def __init__(self, dice, instance, exchange, clock, disk):
        self.dice, self.instance, self.exchange, self.clock, self.disk = dice, instance, exchange, clock, disk
        self.done = {}
        self.good = instance.config.read_text()

    def kill_worker(self):
        pid = self.instance.pids().get(self.dice.choice(WORKERS))
        if pid:
            send(pid, signal.SIGKILL)

    def pause_worker(self):
        pid = self.instance.pids().get(self.dice.choice(WORKERS))
        if pid and send(pid, signal.SIGSTOP):
            wait_for(after(self.dice.uniform(0.2, 1.5)), "it has stood still")
            send(pid, signal.SIGCONT)

    def kill_supervisor(self):
        self.instance.process.kill()
        self.instance.process.wait()
        with self.clock:
            self.instance.start()
        self.instance.wait_healthy()

    def set_clock(self):
        self.clock.set(self.dice.choice(SHIFTS_S))

    def fill_disk(self):
        self.disk.leave(self.dice.randrange(200_000))
        wait_for(after(self.dice.uniform(0.2, 3)), "it has been full")
        self.disk.relieve()

    def trouble_the_feed(self):
        self.exchange.fault(**self.dice.choice(FAULTS))

    def reload(self):
        change = "[supervisor]\nstop_timeout_ms = %d\n" % self.dice.randrange(8000, 12000)
        self.instance.config.write_text(self.good + change)
        self.instance.ofctl("config", "reload")

    def upgrade(self):
        self.instance.ofctl("upgrade")

    def rage(self, seconds):
        harms = [self.kill_worker, self.pause_worker, self.trouble_the_feed] * 3
        harms += [self.set_clock] * 2 + [self.fill_disk] * (2 if self.disk else 0) + [self.kill_supervisor, self.reload, self.upgrade]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            harm = self.dice.choice(harms)
            harm()
            self.done[harm.__name__] = self.done.get(harm.__name__, 0) + 1
            wait_for(after(self.dice.uniform(0.2, 1.5)), "a pause")
        self.exchange.control("DELETE", "/faults")
        self.instance.wait_healthy()


class Store:
    """{symbol: {id: repaired}} and {symbol: ids in the ledger} of the trades in all files."""

    def __init__(self, instance):
        self.rows, self.ledger = {}, {}
        for base in whole_files(instance.folder / "data"):
            for name, number, repaired in base.execute("SELECT name, trade_id, repaired FROM trades JOIN symbols ON id = symbol_id"):
                rows = self.rows.setdefault(name, {})
                assert number not in rows, "%s %d is in two files" % (name, number)
                rows[number] = repaired
            for name, first, last in base.execute("SELECT name, first_id, last_id FROM gaps JOIN symbols ON id = symbol_id WHERE kind = 0"):
                self.ledger.setdefault(name, set()).update(range(first, last + 1))


def check_store(store, played):
    """Nothing that was played is lost in silence."""
    for symbol, row in played.items():
        ids = range(row["first_trade_id"], row["last_trade_id"] + 1)
        silent = [number for number in ids if number not in store.rows[symbol] and number not in store.ledger.get(symbol, ())]
        assert not silent, (symbol, len(silent), silent[:5])
        assert set(store.rows[symbol]) <= set(ids), "ids of %s that were never played" % symbol


def check_history(history, store):
    """Of one connection: no position and no id comes twice, positions rise, and an id that comes late was repaired."""
    newest, seen, position = {}, set(), -1
    for symbol, number, seq in history.trades:
        assert seq > position, (symbol, number, seq, position)
        assert (symbol, number) not in seen, (symbol, number, "twice")
        assert number in store.rows[symbol], (symbol, number, "was told and is not stored")
        assert number > newest.get(symbol, 0) or store.rows[symbol][number], (symbol, number, "comes late and was not repaired")
        seen.add((symbol, number))
        newest[symbol] = max(number, newest.get(symbol, 0))
        position = seq
    silent = sum(left_out(symbol, history, store) for symbol in newest)
    assert silent <= history.lost, "%d trades were left out, and %d told as lost" % (silent, history.lost)


def left_out(symbol, history, store):
    """How many ids the connection jumped over that the feed had not missed: those are in the ledger. What was repaired may
    be older than the connection, so that it says nothing of where the stream began."""
    told = [number for name, number, _ in history.trades if name == symbol]
    live = [number for number in told if not store.rows[symbol][number]]
    missing = set(range(live[0], live[-1])) - set(told) if live else set()
    return len(missing - store.ledger.get(symbol, set()))


def small_disk(stack, instance):
    """None where nothing may be mounted."""
    try:
        return stack.enter_context(SmallDisk(instance))
    except tap.Skip as skip:
        say("without a full disk: %s" % skip)
        return None


def live_a_minute(dice):
    with Exchange(EXCHANGE, "--synthetic", "--seed", str(dice.getrandbits(31)), "--rate", "1000") as exchange, Instance(exchange) as instance, contextlib.ExitStack() as stack:
        disk = small_disk(stack, instance)
        observer = Observer(instance.port)
        clock = ShiftedClock(instance)
        with clock:
            instance.start()
        instance.wait_healthy()
        clock.check()
        wait_until_stored(instance, exchange)
        observer.start()
        nemesis = Nemesis(dice, instance, exchange, clock, disk)
        nemesis.rage(ROUND_S - QUIET_S)
        wait_for(after(QUIET_S), "the market goes on for a while")
        played = settle(instance, exchange)
        histories = observer.end()
        assert not observer.problems, observer.problems
        instance.wait_healthy()
        assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
        assert instance.stop() == 0, instance.output()
        store = Store(instance)
        check_store(store, played)
        for history in histories:
            check_history(history, store)
        say("%s; %d trades stored, %d of them repaired; the observer was told of %d over %d connections" % (
            nemesis.done, sum(map(len, store.rows.values())), sum(sum(rows.values()) for rows in store.rows.values()),
            sum(len(history.trades) for history in histories), len(histories)))


def test_what_an_observer_was_told_is_stored_once_in_order_and_complete():
    dice = chance()
    for _ in range(count(5)):
        live_a_minute(dice)


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
