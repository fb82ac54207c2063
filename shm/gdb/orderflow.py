"""What lies in shared memory, for gdb: live processes and core files, with or without debug information.

    source shm/gdb/orderflow.py

Commands take the address where a segment is mapped; printers serve the structs themselves where the program has debug
information. README.md beside this file shows the use.
"""

import os
import struct
import sys

import gdb
import gdb.printing

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from of_segments import (BODY, Ring, Struct, book_line, book_lines, breaker_line, breaker_lines, correlation, cursor_line,  # noqa: E402
                         error_line, error_lines, header_line, lines_line, metric_line, metric_lines, metrics_page,
                         page_lines, process_line, processes_in, segment_header, venue_line, venue_lines, wall)


class Command(gdb.Command):
    """A command with an address and perhaps a number."""

    def __init__(self, name):
        super().__init__(name, gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)
        self.name = name

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if not 1 <= len(words) <= self.words:
            raise gdb.GdbError("usage: %s ADDRESS%s" % (self.name, " [N]" if self.words == 2 else ""))
        try:
            self.show(*(int(gdb.parse_and_eval(each)) for each in words))
        except (gdb.MemoryError, struct.error, ValueError) as error:
            raise gdb.GdbError("%s: %s" % (self.name, error)) from None


class SegmentCommand(Command):
    """of-segment ADDRESS: the header of the segment that is mapped there, and the words of a ring."""
    words = 1

    def show(self, address):
        header = segment_header(address)
        print(header_line(header))
        print("  layout %016x, generation %016x, made %s" % (header["layout_hash"], header["generation"], wall(header["created_ns"])))
        if header["kind"] != 3:
            print("  " + lines_line(Struct("RingLines", address + BODY)))


class RingCommand(Command):
    """of-ring ADDRESS [N]: the newest N messages (10) of the ring that is mapped there, by its own schema."""
    words = 2

    def show(self, address, count=10):
        ring = Ring(address)
        tail = ring.tail()
        print("%s.%s: ends at %d" % (ring.header["instance"], ring.header["channel"], tail))
        for position in range(max(0, tail - min(count, ring.slots)), tail):
            line = ring.message(position)
            if line is not None:
                print("%10d  %s" % (position, line))


class PageCommand(Command):
    """of-page ADDRESS: the page that is mapped there."""
    words = 1

    def show(self, address):
        for line in page_lines(address):
            print(line)


class LinePrinter:
    """A struct of the format page as one line."""

    def __init__(self, value):
        self.struct = self.read(int(value.address))

    @classmethod
    def read(cls, address):
        return Struct(cls.name, address)

    def to_string(self):
        return self.line(self.struct)


class PagePrinter(LinePrinter):
    """A page as one line, and a line for each of its entries that is in use."""

    def children(self):
        return (("[%d]" % i, line) for i, line in enumerate(self.lines(self.struct)))


class ControlPagePrinter(PagePrinter):
    name = "ControlPage"

    def line(self, page):
        return "supervisor pid %d, %d processes" % (page["instance"]["supervisor_pid"], page["instance"]["processes"])

    def lines(self, page):
        return [process_line(slot) for slot in processes_in(page)]


class BookPagePrinter(PagePrinter):
    name = "BookPage"
    lines = staticmethod(book_lines)

    def line(self, page):
        return "%d symbols" % page["symbols"]


class BreakerPagePrinter(PagePrinter):
    name = "BreakerPage"
    lines = staticmethod(breaker_lines)

    def line(self, page):
        return "%d breakers" % page["used"]


class ErrorPagePrinter(PagePrinter):
    name = "ErrorPage"
    lines = staticmethod(error_lines)

    def line(self, page):
        return "%d errors, %d evicted" % (len(error_lines(page)), page["evicted"])


class GovernorPagePrinter(PagePrinter):
    name = "GovernorPage"
    lines = staticmethod(venue_lines)

    def line(self, page):
        return "%d venues" % len(venue_lines(page))


class MetricsPagePrinter(PagePrinter):
    name = "MetricsPage"
    read = staticmethod(metrics_page)
    lines = staticmethod(metric_lines)

    def line(self, page):
        return "batch %d, %d metrics" % (page["batch"], page["entries_used"])


class CorrelationPrinter:
    def __init__(self, value):
        self.value = int(value["value"])

    def to_string(self):
        return correlation(self.value)


def build_printers():
    collection = gdb.printing.RegexpCollectionPrettyPrinter("orderflow")
    collection.add_printer("CorrelationId", "^of::CorrelationId$", CorrelationPrinter)
    by_line = {"SegmentHeader": header_line, "RingLines": lines_line, "ProcessSlot": process_line, "Cursor": cursor_line,
               "BookEntry": book_line, "MetricEntry": metric_line, "BreakerRecord": breaker_line, "ErrorRecord": error_line,
               "VenueRecord": venue_line}
    for name, to_line in by_line.items():
        printer = type(name + "Printer", (LinePrinter,), {"name": name, "line": staticmethod(to_line)})
        collection.add_printer(name, "^of::shm::%s$" % name, printer)
    for printer in (ControlPagePrinter, BookPagePrinter, MetricsPagePrinter, BreakerPagePrinter, ErrorPagePrinter,
                    GovernorPagePrinter):
        collection.add_printer(printer.name, "^of::shm::%s$" % printer.name, printer)
    return collection


def allow_large_values():
    """Pages are larger than what gdb fetches of a value by default (64 KiB)."""
    limit = gdb.parameter("max-value-size")
    if limit is not None and 0 < limit < 1 << 20:
        gdb.execute("set max-value-size %d" % (1 << 20), to_string=True)


allow_large_values()
gdb.printing.register_pretty_printer(None, build_printers(), replace=True)
SegmentCommand("of-segment")
RingCommand("of-ring")
PageCommand("of-page")
