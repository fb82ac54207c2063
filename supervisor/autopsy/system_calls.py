#!/usr/bin/env python3
"""Prints the source of the table of system_call_name.hpp: each call that the compiler's <sys/syscall.h> knows.

usage: system_calls.py COMPILER [ARGUMENT...]
"""

import re
import subprocess
import sys

done = subprocess.run(sys.argv[1:] + ["-E", "-dM", "-x", "c++", "-include", "sys/syscall.h", "/dev/null"],
                      capture_output=True, text=True, check=True)
calls = {int(number): name for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", done.stdout, re.MULTILINE)}
assert len(calls) > 300, "only %d system calls found" % len(calls)
print('#include "supervisor/autopsy/system_call_name.hpp"\n\nnamespace of::autopsy {\n')
print("const std::map<int, std::string_view>& system_calls() {")
print("    static const std::map<int, std::string_view> calls{")
for number in sorted(calls):
    print('        {%d, "%s"},' % (number, calls[number]))
print("    };\n    return calls;\n}\n\n}  // namespace of::autopsy")
