#!/usr/bin/env python3
"""Turns the files of the web page into one C++ file: embed.py OUTPUT FILE..."""
import hashlib
import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def array_of(name: str, content: bytes) -> str:
    rows = [content[at:at + 32] for at in range(0, len(content), 32)]
    lines = ["    " + ",".join(f"'\\x{byte:02x}'" for byte in row) + "," for row in rows]
    return f"constexpr char {name}[] = {{\n" + "\n".join(lines) + "\n};\n"


def main() -> None:
    output, *files = map(pathlib.Path, sys.argv[1:])
    arrays, rows = [], []
    for number, path in enumerate(sorted(files, key=lambda path: path.name)):
        content = path.read_bytes()
        name = f"file_{number}"
        route = "/" if path.name == "index.html" else "/" + path.name
        etag = hashlib.sha256(content).hexdigest()[:16]
        arrays.append(array_of(name, content))
        rows.append(f'    {{"{route}", "{TYPES[path.suffix]}", "\\"{etag}\\"", {{{name}, sizeof {name}}}}},')
    output.write_text('#include "workers/communication/assets.hpp"\n\nnamespace of::communication {\nnamespace {\n\n' +
                      "\n".join(arrays) + "\nconstexpr Asset all[] = {\n" + "\n".join(rows) +
                      "\n};\n\n}  // namespace\n\nstd::span<const Asset> assets() { return all; }\n\n"
                      "}  // namespace of::communication\n")


if __name__ == "__main__":
    main()
