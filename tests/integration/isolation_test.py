#!/usr/bin/env python3
"""Proves that the rooms of the house are apart: who may include what, and what each program links. Prints TAP.

usage: isolation_test.py BUILD-DIR [NAME...]
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import tap  # noqa: E402

BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()

# Room: the rooms whose headers it may include besides its own, and the libraries. A room's files are those below its
# folder that are in no room of their own. Headers of the language and the operating system are free to all;
# "boost/x/" stands for all below it.
ROOMS = {
    "proto": ((), ()),
    "shm": ((), ("boost/interprocess/", "fmt/", "tl/")),
    "supervisor": (("proto", "shm", "supervisor/autopsy/facts.hpp"), ("boost/asio/", "boost/system/", "CLI/", "fmt/", "tl/")),
    "supervisor/autopsy": (("proto", "shm"), ("CLI/", "fmt/", "tl/")),
    "supervisor/ofctl": (("proto", "shm", "supervisor/wire.hpp", "supervisor/autopsy/bundle.hpp"), ("CLI/", "fmt/", "tl/")),
    "workers/runtime": (("proto", "shm"), ("boost/asio/", "boost/system/", "CLI/", "fmt/", "tl/")),
    "workers/binance": (("workers/runtime", "proto", "shm"), ("boost/asio/", "boost/beast/", "boost/system/", "openssl/", "fmt/", "tl/", "simdjson.h")),
    "workers/storage": (("workers/runtime", "proto", "shm"), ("boost/asio/", "boost/system/", "fmt/", "tl/", "sqlite3.h")),
    "workers/logger": (("workers/runtime", "proto", "shm"), ("boost/asio/", "boost/system/", "fmt/", "tl/")),
    "workers/communication": (("workers/runtime", "proto", "shm"), ("boost/asio/", "boost/beast/", "boost/system/", "boost/uuid/", "fmt/", "tl/", "simdjson.h")),
}
# One file may use one library more than its room.
EXCEPTIONS = {"proto/toml.hpp": ("toml++/",), "workers/runtime/seccomp_filter.cpp": ("seccomp.h",), "supervisor/autopsy/stacks.cpp": ("elfutils/",)}
# A header of a room that only some of its files may include.
PRIVATE = {"proto/toml.hpp": "proto/settings"}
# What is one worker's role stays with it, though its neighbour has the same library.
FORBIDDEN = {
    "boost/beast/websocket": ("workers/binance",),
    "boost/asio/ssl": ("workers/binance",),
    "openssl/": ("workers/binance",),
    "sqlite3.h": ("workers/storage",),
}
LIBRARIES = ("boost/", "CLI/", "fmt/", "tl/", "toml++/", "simdjson.h", "sqlite3.h", "openssl/", "seccomp.h", "zlib.h", "catch2/", "mosquitto", "elfutils/")

PROGRAMS = {
    "supervisor/ofsupervisor": (),
    "supervisor/autopsy/of-autopsy": ("libdw",),
    "supervisor/ofctl/ofctl": (),
    "workers/binance/of-binance": ("libseccomp", "libssl", "libcrypto", "libsimdjson"),
    "workers/storage/of-storage": ("libseccomp", "libsqlite3"),
    "workers/logger/of-logger": ("libseccomp",),
    "workers/communication/of-communication": ("libseccomp", "libsimdjson"),
}
# A function that each user of the library calls, by which one is known that is linked in.
MARKS = {"libseccomp": "seccomp_load", "libssl": "SSL_CTX_new", "libcrypto": "ERR_get_error", "libsimdjson": "_ZN8simdjson25get_active_implementationEv",
         "libsqlite3": "sqlite3_open_v2", "libdw": "dwfl_begin"}
LANGUAGE = ("libstdc++", "libgcc_s", "libm", "libc", "ld-linux", "libasan", "libubsan", "libtsan", "libpthread", "libdl", "librt", "libatomic", "linux-vdso")


def room_of(path):
    """The room of a file or header, by the longest folder that is one; None for what is in no room."""
    rooms = [room for room in ROOMS if str(path).startswith(room + "/")]
    return max(rooms, key=len) if rooms else None


def sources():
    for folder in ("proto", "shm", "supervisor", "workers"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".cpp", ".hpp", ".def"):
                yield path.relative_to(ROOT)


def includes(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    return re.findall(r'^\s*#\s*include\s+(["<])([^">]+)[">]', text, re.MULTILINE)


def faults_of(path):
    room = room_of(path)
    if room is None:
        return ["%s is in no room of the table" % path]
    neighbours, libraries = ROOMS[room]
    faults = []
    for mark, header in includes(path):
        if mark == '"':
            home = room_of(header)
            if header in PRIVATE and not str(path).startswith(PRIVATE[header]):
                faults.append("%s includes %s" % (path, header))
            if home != room and home not in neighbours and header not in neighbours:
                faults.append("%s includes %s" % (path, header))
            if not (ROOT / header).is_file():
                faults.append("%s includes %s, which is not named from the root" % (path, header))
        elif header.startswith(LIBRARIES) and not header.startswith(libraries + EXCEPTIONS.get(str(path), ())):
            faults.append("%s includes <%s>" % (path, header))
        faults += ["%s includes <%s>, which is the role of %s" % (path, header, owners[0])
                   for start, owners in FORBIDDEN.items() if header.startswith(start) and room not in owners]
    return faults


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(program):
    return re.findall(r"\(NEEDED\).*\[(.+?)\]", output_of("readelf", "-d", str(BUILD / program)))


def users_of(pattern):
    """The programs that have a symbol of this name."""
    return [program for program in PROGRAMS if re.search(pattern, output_of("nm", str(BUILD / program)), re.MULTILINE)]


def test_each_file_includes_only_what_its_room_may():
    files = list(sources())
    assert len(files) > 100, "only %d files found" % len(files)
    faults = [fault for path in files for fault in faults_of(path)]
    assert not faults, "\n".join(faults)


def test_the_include_table_refuses_what_it_should():
    assert room_of("workers/storage/schema.hpp") == "workers/storage"
    assert room_of("supervisor/ofctl/print.hpp") == "supervisor/ofctl"
    assert room_of("tests/support/child.hpp") is None
    for room, header in (("proto", "shm"), ("shm", "proto"), ("workers/logger", "workers/storage"), ("workers/runtime", "supervisor")):
        assert header not in ROOMS[room][0], "%s may include %s" % (room, header)


def test_each_program_links_only_the_libraries_of_its_role():
    faults = ["%s links %s" % (program, library) for program, allowed in PROGRAMS.items() for library in needed(program)
              if not library.startswith(LANGUAGE + allowed)]
    assert not faults, "\n".join(faults)


def test_each_library_is_in_the_programs_of_its_role_alone():
    for library, mark in MARKS.items():
        users = users_of(r" %s(@.*)?$" % mark)
        owners = [program for program, allowed in PROGRAMS.items() if library in allowed]
        assert users == owners, "%s is in %s" % (library, users)


def test_only_binance_has_a_websocket_client():
    users = users_of(r"N5boost5beast9websocket")
    assert users == ["workers/binance/of-binance"], users


def test_only_communication_listens_and_the_supervisor_on_its_local_socket():
    users = users_of(r" listen(@|$)")
    assert users == ["supervisor/ofsupervisor", "workers/communication/of-communication"], users


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[2:])
