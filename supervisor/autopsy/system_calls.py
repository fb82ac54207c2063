#!/usr/bin/env python3
"""Prints {NUMBER, "NAME"}, for each system call that the compiler's <sys/syscall.h> knows.

usage: system_calls.py COMPILER [ARGUMENT...]
"""

import re
import subprocess
import sys

done = subprocess.run(sys.argv[1:] + ["-E", "-dM", "-x", "c++", "-include", "sys/syscall.h", "/dev/null"],
                      capture_output=True, text=True, check=True)
calls = {int(number): name for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", done.stdout, re.MULTILINE)}
assert len(calls) > 300, "only %d system calls found" % len(calls)
for number in sorted(calls):
    print('{%d, "%s"},' % (number, calls[number]))
