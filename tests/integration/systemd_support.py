"""A systemd of a test's own, in namespaces, with a control group of its own; the host's own manager never hears of it."""

import contextlib
import os
import pathlib
import shutil
import sys

from system_support import ROOT, run, wait_for
import tap

MANAGER = "/lib/systemd/systemd"
KEEP = (ROOT / "deploy/systemd/keep.conf").read_text()
NO_MANAGER = 99  # of a script that finds no room for one
ENTER_AND_UNSHARE = 'echo $$ >"$0/cgroup.procs" && exec unshare -m -p "$@"'


@contextlib.contextmanager
def control_group():
    """Of this test alone, in the hierarchy in which systemd keeps its units; skips where there is none to be had."""
    for base in ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup"):
        group = pathlib.Path(base) / ("of-test-%d" % os.getpid())
        try:
            if (pathlib.Path(base) / "cgroup.procs").exists():
                group.mkdir()
                break
        except OSError:
            continue
    else:
        raise tap.Skip("no control group for a systemd of ours")
    try:
        yield group
    finally:
        with contextlib.suppress(AssertionError):  # what has been killed is still ending
            wait_for(lambda: not (group / "cgroup.procs").read_text(), "nobody is in the group")
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def in_namespaces(folder, script, *words, namespaces=()):
    """Runs a shell script as the first process of new namespaces (mounts and pids, and those that `unshare` names otherwise), with HOME in
    a folder of the test: (exit code, stdout, stderr). Skips without systemd or root, and when the script ends with NO_MANAGER."""
    if os.geteuid() != 0 or not os.access(MANAGER, os.X_OK) or shutil.which("unshare") is None:
        raise tap.Skip("no systemd, or not root")
    with control_group() as group:
        command = ["sh", "-c", ENTER_AND_UNSHARE, str(group), *namespaces, "--fork", "--kill-child", "sh", "-c", script, "sh", *words]
        code, out, err = run(*command, environment={"HOME": str(folder)}, timeout=180)
    if code == NO_MANAGER:
        raise tap.Skip("systemd does not come up in namespaces here: " + err.strip())
    return code, out, err


def case_of(arguments):
    """The case that a test program is to run inside of what it has made, or None: it is the one that makes it."""
    marked = [word.split("=", 1)[1] for word in arguments if word.startswith("--inside=")]
    return getattr(sys.modules["__main__"], marked[0]) if marked else None
