"""A wall clock and a disk that belong to one instance alone, so that a test can do to them what it likes."""

import errno
import os
import pathlib
import struct
import subprocess

from chaos_support import BUILD
import tap

LIBRARY = BUILD / "tests/chaos/libshifted_clock.so"
# The same programs with a shared C library: nothing can be preloaded into a static one.
PRELOADABLE = BUILD / "tests/chaos/preloadable"
DISK_MB = 24


class ShiftedClock:
    """What the processes of an instance are to take for the wall clock: `shift` seconds off the machine's."""

    def __init__(self, instance):
        instance.program = str(PRELOADABLE / "ofsupervisor")
        self.instance = instance
        self.path = instance.folder / "shift"
        self.shift = 0
        self.set(0)

    def __enter__(self):
        """Whoever is started meanwhile has this clock, and its children with it."""
        os.environ.update({"LD_PRELOAD": str(LIBRARY), "OF_CLOCK_SHIFT": str(self.path)})
        return self

    def __exit__(self, *_):
        for name in ("LD_PRELOAD", "OF_CLOCK_SHIFT"):
            os.environ.pop(name, None)

    def check(self):
        """Once all run: each of them has this clock."""
        for name, pid in {**self.instance.pids(), "supervisor": self.instance.process.pid}.items():
            assert str(LIBRARY) in pathlib.Path("/proc/%d/maps" % pid).read_text(), "%s has the clock of the machine" % name

    def set(self, seconds):
        self.shift = seconds
        with open(self.path, "r+b" if self.path.exists() else "w+b") as file:  # in place: it is mapped
            file.write(struct.pack("<q", round(seconds * 1_000_000_000)))


class SmallDisk:
    """A file system of its own for the data of an instance, and a ballast file that leaves it so many bytes."""

    def __init__(self, instance):
        self.folder = instance.folder / "data"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % DISK_MB, "tmpfs", str(self.folder)], capture_output=True, text=True)
        if mounted.returncode != 0:
            raise tap.Skip("no file system may be mounted here: " + mounted.stderr.strip())
        self.ballast = self.folder / "ballast"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.folder)], check=True)

    def free(self):
        state = os.statvfs(self.folder)
        return state.f_bavail * state.f_frsize

    def leave(self, left):
        """Fills it up, but for so many bytes (whole pages, as the kernel counts)."""
        with open(self.ballast, "wb") as ballast:
            while (more := self.free() - left) > 0:
                try:
                    os.posix_fallocate(ballast.fileno(), ballast.tell(), min(1 << 20, more))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    return  # storage has been faster
                ballast.seek(0, os.SEEK_END)

    def relieve(self):
        self.ballast.unlink(missing_ok=True)
