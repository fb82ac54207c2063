"""Segments in the memory that gdb looks at, as lines of text. Loaded by orderflow.py.

Offsets come from the tables of shm/FORMAT.md, which a test holds against the code, and messages from the schema text in
the segment, so nothing here repeats a layout.
"""

import os
import re
import struct
import time

import gdb

FORMAT_PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "FORMAT.md")
MAGIC = b"OFFSEG01"
BODY = 8192
HEADER_BYTES = 1024
SLOTS_MAX = 1 << 26
CODES = {"u8": "B", "u16": "H", "u32": "I", "i32": "i", "u64": "Q", "i64": "q"}

KINDS = {1: "broadcast", 2: "queue", 3: "page"}
PROCESSES = {1: "supervisor", 2: "binance", 3: "communication", 4: "storage", 5: "logger"}
STATES = ("absent", "spawned", "attaching", "ready", "running", "draining", "stopped", "failed", "parked")
BREAKER_STATES = ("closed", "open", "half-open", "forced-open", "forced-closed")
BOOK_STATES = ("disconnected", "buffering", "snapshot_wait", "synced")
METRICS = {1: "counter", 2: "gauge", 3: "histogram"}
BUCKETS, HISTOGRAM_WORDS, BANK_WORDS = 2240, 2243, 32768
SPAWNED = 1


class Field:
    def __init__(self, offset, name, kind):
        self.offset, self.name = int(offset), name
        base, _, count = kind.partition("[")
        self.base, self.count = base, int(count.rstrip("]")) if count else 0


def read_layouts(path):
    """{"Cursor": {"bytes": 64, "position": Field, ...}} of the page's tables."""
    layouts, fields = {}, None
    with open(path, encoding="utf-8") as page:
        for line in page:
            section = re.match(r"### `(\w+)`, (\d+) bytes", line)
            row = re.match(r"\| (\d+) \| `(\w+)` \| ([^|]+) \|", line)
            if section:
                fields = layouts.setdefault(section[1], {"bytes": int(section[2])})
            elif line.startswith("#"):
                fields = None
            elif row and fields is not None:
                fields[row[2]] = Field(row[1], row[2], row[3].strip())
    return layouts


LAYOUTS = read_layouts(FORMAT_PAGE)


def memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def text_of(raw):
    """Zero-padded text, with whatever is not to be printed escaped."""
    text = raw.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else "\\x%02x" % ord(c) for c in text)


class Struct:
    """The bytes of one struct of the format page; struct["field"] is a number, a text, or a list of structs."""

    def __init__(self, name, address, raw=None):
        self.name, self.address, self.layout = name, address, LAYOUTS[name]
        self.raw = memory(address, self.layout["bytes"]) if raw is None else raw

    def __getitem__(self, name):
        field = self.layout[name]
        if field.base in CODES:
            return struct.unpack_from("<" + CODES[field.base], self.raw, field.offset)[0]
        if field.base in ("text", "bytes"):
            return text_of(self.raw[field.offset:field.offset + field.count])
        size = LAYOUTS[field.base]["bytes"]
        found = [Struct(field.base, self.address + at, self.raw[at:at + size])
                 for at in range(field.offset, field.offset + max(field.count, 1) * size, size)]
        return found if field.count else found[0]


def word(address):
    return struct.unpack("<Q", memory(address, 8))[0]


def e8(value):
    whole, part = divmod(abs(value), 10 ** 8)
    return "%s%d.%08d" % ("-" if value < 0 else "", whole, part)


def wall(ns):
    """Nanoseconds since 1970 as ofctl prints them."""
    seconds, rest = divmod(ns, 10 ** 9)
    if not 0 < seconds < 1 << 36:
        return "-" if ns <= 0 else str(ns)
    return "%s.%06dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)), rest // 1000)


def process(packed):
    name, index = PROCESSES.get(packed >> 4, "unknown"), packed & 15
    return "%s.%d" % (name, index) if index else name


def correlation(value):
    """The ID as the whole system prints it: binance-3-00000a1b2c."""
    return "-" if value == 0 else "%s-%d-%010x" % (process(value >> 56), value >> 40 & 0xffff, value & (1 << 40) - 1)


def of_list(names, number):
    return names[number] if number < len(names) else str(number)


def header_line(header):
    state = {0: "being made", 1: "ready"}.get(header["state"], "state %d" % header["state"])
    shape = "" if header["kind"] == 3 else ", %d slots of %d bytes" % (header["slots"], header["slot_bytes"])
    return "%s.%s: %s%s, %d bytes, %s, made by pid %d" % (
        header["instance"], header["channel"], KINDS.get(header["kind"], "kind %d" % header["kind"]), shape,
        header["total_bytes"], state, header["creator_pid"])


def lines_line(lines):
    return "tail %d (a hint), head %d, refused %d, wakes %d, recoveries %d" % tuple(
        lines[name] for name in ("tail", "head", "refused", "wakes", "recoveries"))


def process_line(slot):
    desk, own = slot["desk"], slot["own"]
    speaks = desk["state"] == SPAWNED and own["incarnation"] == desk["incarnation"]
    line = "%s: %s, pid %d, incarnation %d, restarts %d, messages %d" % (
        desk["name"] or "-", of_list(STATES, own["state"] if speaks else desk["state"]), desk["pid"],
        desk["incarnation"], desk["restarts"], own["messages"])
    return line + (", asleep" if slot["sleep"]["asleep"] else "")


def cursor_line(cursor):
    return "%s: position %d, lost %d" % (cursor["channel"], cursor["position"], cursor["lost"])


def book_line(entry):
    quote, sequence = entry["quote"], entry["sequence"]
    line = "%s: %s" % (entry["name"] or "-", of_list(BOOK_STATES, entry["state"]))
    if sequence == 0:
        return line + ", no quote"
    line += ", bid %s x %s, ask %s x %s, update %d" % (e8(quote["bid_price"]), e8(quote["bid_quantity"]), e8(quote["ask_price"]),
                                                       e8(quote["ask_quantity"]), quote["update_id"])
    return line + (", being written" if sequence & 1 else "")


def breaker_line(record):
    line = "%s: %s, %d allowed, %d refused, %d failed, %d trips" % (
        record["name"] or "-", of_list(BREAKER_STATES, record["state"]), record["allowed"], record["refused"],
        record["failed"], record["trips"])
    return line + (", last failure %s (%s)" % (record["last_failure"], correlation(record["last_correlation"]))
                   if record["last_failure"] else "")


def error_line(record):
    line = "%d times from %s to %s, last of %s" % (record["count"], wall(record["first_wall_ns"]), wall(record["last_wall_ns"]),
                                                   correlation(record["last_correlation"]))
    return line + (", being written" if record["lock"] & 1 else "")


def venue_line(venue):
    return "%s: weight %d in minute %d, %d requests, %d limited, %d connections" % (
        venue["name"] or "-", venue["spent"] & (1 << 24) - 1, venue["spent"] >> 24, venue["granted"], venue["limited"],
        venue["connections"])


def metric_line(entry, bank=None):
    """One metric; with its value where the address of a bank is known."""
    line = entry["name"] + ("{%s}" % entry["labels"] if entry["labels"] else "")
    kind = METRICS.get(entry["kind"], "kind %d" % entry["kind"])
    words = HISTOGRAM_WORDS if entry["kind"] == 3 else 1
    if bank is None or entry["kind"] not in METRICS or entry["offset"] + words > BANK_WORDS:
        return "%s: %s, words from %d" % (line, kind, entry["offset"])
    at = bank + 8 * entry["offset"]
    if entry["kind"] == 3:
        count, total, most = struct.unpack("<3Q", memory(at + 8 * BUCKETS, 24))
        return "%s: count %d, sum %d, max %d" % (line, count, total, most)
    return "%s: %d" % (line, struct.unpack("<q", memory(at, 8))[0])


def metric_lines(page):
    layout = LAYOUTS["MetricsBank"]
    bank = page.address + page.layout["banks"].offset + page["batch"] % 2 * layout["bytes"] + layout["words"].offset
    return [metric_line(entry, bank) for entry in used(page["entries"], page["entries_used"])]


def metrics_page(address):
    """The page without its banks, which are half a megabyte."""
    return Struct("MetricsPage", address, memory(address, LAYOUTS["MetricsPage"]["banks"].offset))


class Schema:
    """The field table that a ring's segment carries."""

    def __init__(self, text):
        self.messages = {}
        fields = []
        for line in text.splitlines():
            words = line.split(" ")
            if words[0] == "message" and len(words) == 4:
                fields = []
                self.messages[int(words[2])] = (words[1], int(words[3]), fields)
            elif len(words) in (3, 4):
                fields.append((words[0], words[1], int(words[2]), int(words[3]) if len(words) == 4 else 1))

    def line(self, raw):
        header = Struct("Header", 0, raw[:LAYOUTS["Header"]["bytes"]])
        name, size, fields = self.messages.get(header["type"], (None, 0, ()))
        if name is None or size > len(raw):
            return "type_%d hex=%s" % (header["type"], raw.hex())
        shown = ["origin=" + process(header["origin"])]
        for field, kind, offset, elements in fields:
            text = self.value(raw, kind, offset, elements, header["count"])
            if text and field not in ("flags", "count", "publish_ns"):
                shown.append("%s=%s" % (field, text))
        return "%-14s %s" % (name, " ".join(shown))

    @staticmethod
    def value(raw, kind, offset, elements, count):
        if kind == "text":
            return text_of(raw[offset:offset + elements])
        if kind == "level":
            pairs = [struct.unpack_from("<qq", raw, offset + 16 * i) for i in range(min(elements, count))]
            return " ".join("%s@%s" % (e8(quantity), e8(price)) for price, quantity in pairs)
        code = CODES.get(kind, {"e8": "q", "wall": "q", "corr": "Q", "mono": "Q"}.get(kind, "I"))
        number = struct.unpack_from("<" + code, raw, offset)[0]
        return {"e8": e8, "wall": wall, "corr": correlation}.get(kind, str)(number)


class Ring:
    """A mapped ring: where it ends, and its messages."""

    def __init__(self, address):
        self.header = segment_header(address)
        if self.header["kind"] not in (1, 2):
            raise gdb.GdbError("%s is a page: use of-page" % self.header["channel"])
        self.slots, self.slot_bytes = self.header["slots"], self.header["slot_bytes"]
        if not 0 < self.slots <= SLOTS_MAX or self.slots & (self.slots - 1) or not 64 <= self.slot_bytes <= 4096:
            raise gdb.GdbError("the header describes no ring: %d slots of %d bytes" % (self.slots, self.slot_bytes))
        self.queue = self.header["kind"] == 2
        self.lines = Struct("RingLines", address + BODY)
        self.first = address + BODY + LAYOUTS["RingLines"]["bytes"]
        size = min(self.header["schema_bytes"], BODY - HEADER_BYTES)
        self.schema = Schema(memory(address + HEADER_BYTES, size).decode("ascii", "replace"))

    def address_of(self, position):
        return self.first + position % self.slots * self.slot_bytes

    def committed(self, position):
        return word(self.address_of(position)) == (position + 1 if self.queue else (position + 1) << 1)

    def tail(self):
        """The stored tail is a hint: the end is where the committed slots end."""
        tail = max(self.lines["tail"], self.lines["head"] if self.queue else 0)
        for _ in range(self.slots):
            if not self.committed(tail):
                break
            tail += 1
        return tail

    def message(self, position):
        """The line of a message that is there, else nothing."""
        if not self.committed(position):
            return None
        return self.schema.line(memory(self.address_of(position) + 8, self.slot_bytes - 8))


def segment_header(address):
    header = Struct("SegmentHeader", address)
    if header.raw[:8] != MAGIC:
        raise gdb.GdbError("there is no segment at %#x: its first bytes are not %s" % (address, MAGIC.decode()))
    return header


def used(structs, count):
    return structs[:min(count, len(structs))]


def processes_in(page):
    return used(page["processes"], page["instance"]["processes"])


def book_lines(page):
    return [book_line(entry) for entry in used(page["entries"], page["symbols"])]


def breaker_lines(page):
    return [breaker_line(record) for record in used(page["records"], page["used"])]


def error_lines(page):
    return [error_line(record) for record in page["records"] if record["key"]]


def venue_lines(page):
    return [venue_line(venue) for venue in page["venues"] if venue["key"]]


PAGES = {"book": ("BookPage", book_lines), "breaker": ("BreakerPage", breaker_lines),
         "error": ("ErrorPage", error_lines), "governor": ("GovernorPage", venue_lines)}


def page_lines(address):
    """What a page segment holds, as lines."""
    kind = segment_header(address)["channel"].split(".")[0]
    body = address + BODY
    if kind in PAGES:
        name, lines_of = PAGES[kind]
        return lines_of(Struct(name, body))
    if kind == "metrics":
        return metric_lines(metrics_page(body))
    if kind != "control":
        raise gdb.GdbError("%s is a page that this file does not know" % kind)
    lines = []
    for slot in processes_in(Struct("ControlPage", body)):
        lines += [process_line(slot)] + ["  " + cursor_line(cursor) for cursor in slot["cursors"] if cursor["channel"]]
    return lines
