"""A control group for a test, and memory that a process is made to need. For tests that may divide the host's groups."""

import contextlib
import errno
import os
import pathlib
import struct

from system_support import wait_for
import tap

PAGE = os.sysconf("SC_PAGE_SIZE")


def hierarchy(controller):
    """Where a controller's groups are made, and whether in cgroup v2."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, folder, kind, options = line.split()[:4]
        if kind == "cgroup" and controller in options.split(","):
            return pathlib.Path(folder), False
        if kind == "cgroup2" and controller in (pathlib.Path(folder) / "cgroup.subtree_control").read_text().split():
            return pathlib.Path(folder), True
    raise tap.Skip("no %s cgroup here" % controller)


class Group:
    """A group of one controller, for the time of a `with`; whoever is in it at the end must be ending."""

    def __init__(self, controller):
        root, self.unified = hierarchy(controller)
        self.folder = root / ("of-test-%d-%s" % (os.getpid(), controller))

    def __enter__(self):
        try:
            self.folder.mkdir()
        except OSError as error:
            raise tap.Skip("this user may not make a group: %s" % error) from None
        return self

    def __exit__(self, *_):
        wait_for(lambda: not self.read("cgroup.procs").strip(), "the group is empty")
        self.folder.rmdir()

    def read(self, name):
        return (self.folder / name).read_text()

    def write(self, name, value):
        (self.folder / name).write_text(str(value))

    def add(self, pid):
        self.write("cgroup.procs", pid)


class MemoryGroup(Group):
    def __init__(self):
        super().__init__("memory")

    def limit(self, size):
        """In bytes; None for no limit."""
        if self.unified:
            self.write("memory.max", "max" if size is None else size)
            return
        try:
            self.write("memory.limit_in_bytes", -1 if size is None else size)
        except OSError as error:  # it has taken some meanwhile, which cannot be taken from it
            if error.errno != errno.EBUSY:
                raise
            self.write("memory.limit_in_bytes", self.usage())

    def usage(self):
        return int(self.read("memory.current" if self.unified else "memory.usage_in_bytes"))

    def kills(self):
        """How many processes of the group the kernel has killed for want of memory."""
        text = self.read("memory.events" if self.unified else "memory.oom_control")
        return next(int(line.split()[1]) for line in text.splitlines() if line.split()[0] == "oom_kill")


def untouched_pages(pid):
    """Addresses of a process's own pages that it has never written to: they have no memory yet."""
    with open("/proc/%d/pagemap" % pid, "rb", buffering=0) as pagemap:
        for line in pathlib.Path("/proc/%d/maps" % pid).read_text().splitlines():
            words = line.split()
            begin, end = (int(word, 16) for word in words[0].split("-"))
            if words[1] != "rw-p" or words[4] != "0":
                continue
            pagemap.seek(begin // PAGE * 8)
            entries = pagemap.read((end - begin) // PAGE * 8)
            for number, (entry,) in enumerate(struct.iter_unpack("<Q", entries)):
                if not entry >> 62 & 3:  # neither in memory nor swapped
                    yield begin + number * PAGE


def make_need_memory(pid):
    """A page that reads as zeros becomes one of zeros: nothing changes but that it takes memory, which the process is charged for."""
    with contextlib.suppress(OSError), open("/proc/%d/mem" % pid, "r+b", buffering=0) as memory:
        memory.seek(next(untouched_pages(pid)))
        memory.write(b"\0")
