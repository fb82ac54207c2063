#!/usr/bin/env python3
"""The printers and commands of shm/gdb/orderflow.py, by a real gdb on a core file that gdb makes itself. Prints TAP.

usage: gdb_test.py SUBJECT [NAME...]
"""

import functools
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import tap  # noqa: E402

SUBJECT = sys.argv[1]
SCRIPT = ROOT / "shm" / "gdb" / "orderflow.py"
folder = tempfile.TemporaryDirectory(prefix="of-gdb-")


def gdb(*arguments):
    done = subprocess.run(["gdb", "-nx", "-q", "--batch", "-iex", "set debuginfod enabled off", *arguments],
                          capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)
    return done.stdout, done.stderr


@functools.lru_cache
def core():
    """The core file, made once."""
    if shutil.which("gdb") is None:
        raise tap.Skip("gdb is not installed")
    path = pathlib.Path(folder.name) / "core"
    out, err = gdb("-ex", "break subject_ready", "-ex", "run", "-ex", "generate-core-file %s" % path, "-ex", "kill", SUBJECT)
    if "ptrace" in err.lower() and not path.exists():
        raise tap.Skip("this machine does not let gdb trace: %s" % err.strip().splitlines()[-1])
    assert path.exists(), out + err
    return str(path)


def show(*commands):
    """What gdb prints for these commands on the core, line by line."""
    words = [word for command in commands for word in ("-ex", command)]
    out, err = gdb("-ex", "source %s" % SCRIPT, "-ex", "core-file %s" % core(), "-ex", "echo ---\\n", *words, SUBJECT)
    assert "---\n" in out, out + err
    return out.split("---\n", 1)[1].splitlines(), err


def test_a_ring_is_printed_by_the_schema_in_its_segment():
    lines, _ = show("of-ring market_header 2")
    trade = ("        %d  trade          origin=binance symbol=1 correlation=binance-3-00000000%02x event_ns=2024-08-08T23:54:15.343000Z "
             "trade_ns=2024-08-08T23:54:15.343000Z receive_ns=2024-08-08T23:54:15.343000Z id=%d price=61837.63000000 quantity=-0.02000000")
    assert lines == ["subject.market.0: ends at 70", trade % (68, 69, 69), trade % (69, 70, 70)], lines
    lines, _ = show("of-ring market_header 1000")
    # Three slots of the oldest lap are being written anew.
    assert len(lines) == 1 + 64 - 3 and lines[1].startswith("         9  trade "), lines


def test_a_queue_is_printed_to_its_exact_end():
    lines, _ = show("of-ring command_header 1")
    assert lines == ["subject.command.storage: ends at 3", "         2  command_drain  origin=supervisor symbol=0 correlation=- deadline_ns=3"], lines


def test_a_segment_is_printed_with_the_words_of_its_ring():
    lines, _ = show("of-segment market_header")
    assert lines[0] == "subject.market.0: broadcast, 64 slots of 128 bytes, 17408 bytes, ready, made by pid 42", lines
    assert re.fullmatch(r"  layout [0-9a-f]{16}, generation [0-9a-f]{16}, made 20\d\d-.*Z", lines[1]), lines
    assert lines[2] == "  tail 64 (a hint), head 0, refused 0, wakes 0, recoveries 0", lines


def test_pages_are_printed_by_address_alone():
    lines, _ = show("of-page control_header", "of-page book_header", "of-page metrics_header")
    assert lines == ["storage: running, pid 43, incarnation 2, restarts 1, messages 70, asleep",
                     "  market.0: position 69, lost 5",
                     "logger: failed, pid 0, incarnation 0, restarts 0, messages 0",
                     "BTCUSDT: synced, bid 61837.63000000 x 3.78826000, ask 61837.64000000 x 1.54698000, update 7",
                     "ETHUSDT: disconnected, no quote",
                     'rows_total{table="trades"}: 41', "depth: -7", "latency_ns: count 2, sum 1000, max 500"], lines


BREAKER = "rest: open, 1 allowed, 0 refused, 1 failed, 1 trips, last failure no answer (binance-3-00000a1b2c)"
ERROR = "2 times from 2024-08-08T23:54:15.343000Z to 2024-08-08T23:54:16.343000Z, last of binance-3-00000a1b2c"
VENUE = "binance: weight 250 in minute 3, 1 requests, 1 limited, 1 connections"


def test_breakers_errors_and_the_governor_are_printed():
    lines, _ = show("of-page breaker_header", "of-page error_header", "of-page governor_header")
    assert lines == [BREAKER, ERROR, VENUE], lines
    lines, _ = show("print *breaker_page", "print *error_page", "print *governor_page", "print governor_page->venues[0]")
    assert lines == ["$1 = 1 breakers = {[0] = %s}" % BREAKER, "$2 = 1 errors, 0 evicted = {[0] = %s}" % ERROR,
                     "$3 = 1 venues = {[0] = %s}" % VENUE, "$4 = %s" % VENUE], lines


def test_structs_print_as_what_they_mean():
    lines, _ = show("print correlation", "print *market_header", "print *market_lines", "print control_page->processes[0]",
                    "print control_page->processes[0].cursors[0]", "print book_page->entries[0]", "print metrics_page->entries[2]")
    assert lines == ["$1 = binance-3-00000a1b2c",
                     "$2 = subject.market.0: broadcast, 64 slots of 128 bytes, 17408 bytes, ready, made by pid 42",
                     "$3 = tail 64 (a hint), head 0, refused 0, wakes 0, recoveries 0",
                     "$4 = storage: running, pid 43, incarnation 2, restarts 1, messages 70, asleep",
                     "$5 = market.0: position 69, lost 5",
                     "$6 = BTCUSDT: synced, bid 61837.63000000 x 3.78826000, ask 61837.64000000 x 1.54698000, update 7",
                     "$7 = latency_ns: histogram, words from 2"], lines


def test_pages_print_with_what_is_in_use():
    lines, _ = show("print *control_page", "print *book_page", "print *metrics_page")
    assert lines == ['$1 = supervisor pid 41, 2 processes = {[0] = storage: running, pid 43, incarnation 2, restarts 1, messages 70, asleep, '
                     '[1] = logger: failed, pid 0, incarnation 0, restarts 0, messages 0}',
                     '$2 = 2 symbols = {[0] = BTCUSDT: synced, bid 61837.63000000 x 3.78826000, ask 61837.64000000 x 1.54698000, update 7, '
                     '[1] = ETHUSDT: disconnected, no quote}',
                     '$3 = batch 1, 3 metrics = {[0] = rows_total{table="trades"}: 41, [1] = depth: -7, '
                     '[2] = latency_ns: count 2, sum 1000, max 500}'], lines


def test_bad_addresses_are_refused_in_a_sentence():
    for command, sentence in (("of-ring 0", "of-ring: Cannot access memory at address 0x0"), ("of-ring", "usage: of-ring ADDRESS [N]"),
                              ("of-ring control_header", "control is a page: use of-page"), ("of-page market_header", "market is a page that this file does not know"),
                              ("of-segment &correlation", "there is no segment at ")):
        lines, err = show(command)
        assert not lines and sentence in err and "Traceback" not in err, (command, lines, err)


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[2:])
