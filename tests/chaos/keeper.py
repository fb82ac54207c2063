"""A service manager for tests, as much of systemd as keeping descriptors needs: a notify socket, a store, and starts with what is in it."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading

from system_support import SUPERVISOR, Instance

# Moves what it inherits to 3, 4, ... and becomes the program: the same process, as LISTEN_PID demands.
LAUNCH = """
import fcntl, os, sys
given, names, command = [int(word) for word in sys.argv[1].split(",") if word], sys.argv[2], sys.argv[3:]
aside = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 300) for fd in given]
os.closerange(3, 300)
for place, fd in enumerate(aside, 3):
    os.dup2(fd, place)
if given:
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(given)), LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""


class Keeper:
    """Takes what the supervisor sends, in a thread of its own: it may be waited for."""

    def __init__(self, room=64):
        self.folder = tempfile.TemporaryDirectory(prefix="of-keeper-")
        self.path = self.folder.name + "/notify"
        self.room = room
        self.lines = []
        self.stored = []  # (name, descriptor), the newest first, as systemd hands them out
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as last:
            last.sendto(b"END", self.path)
        self.thread.join()
        self.socket.close()
        self.discard()
        self.folder.cleanup()

    def listen(self):
        while True:
            text, descriptors, _, _ = socket.recv_fds(self.socket, 4096, 16)
            if text == b"END":
                return
            with self.lock:
                self.take(text.decode().splitlines(), descriptors)

    def take(self, lines, descriptors):
        self.lines += lines
        fields = dict(line.split("=", 1) for line in lines if "=" in line)
        name = fields.get("FDNAME", "stored")
        if fields.get("FDSTORE") == "1":
            while descriptors and len(self.stored) < self.room:
                self.stored.insert(0, (name, descriptors.pop(0)))
        if fields.get("FDSTOREREMOVE") == "1":
            self.remove(lambda each: each == name)
        for descriptor in descriptors:
            os.close(descriptor)

    def remove(self, which):
        for name, descriptor in self.stored:
            if which(name):
                os.close(descriptor)
        self.stored = [each for each in self.stored if not which(each[0])]

    def drop(self, beginning):
        """All whose names begin so."""
        with self.lock:
            self.remove(lambda name: name.startswith(beginning))

    def names(self):
        with self.lock:
            return sorted(name for name, _ in self.stored)

    def discard(self):
        """As systemd does when a service has ended for good."""
        self.drop("")

    def launch(self, command, output):
        with self.lock:
            stored = list(self.stored)
            words = [sys.executable, "-c", LAUNCH, ",".join(str(fd) for _, fd in stored), ":".join(name for name, _ in stored)]
            return subprocess.Popen(words + command, stdout=output, stderr=output, pass_fds=[fd for _, fd in stored],
                                    env={**os.environ, "NOTIFY_SOCKET": self.path})


class KeptInstance(Instance):
    """Started by a Keeper, again and again; its workers outlive their supervisor."""

    def __init__(self, keeper, exchange, **sections):
        sections.setdefault("supervisor", {}).setdefault("orphans", "keep")
        super().__init__(exchange, **sections)
        self.keeper = keeper

    def start(self, within=None):
        assert within is None
        with open(self.folder / "supervisor.out", "ab") as output:
            self.process = self.keeper.launch([SUPERVISOR, "run", "--config", str(self.config)], output)

    def kill_supervisor(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        return "".join(path.read_text() for path in (self.folder / "log").iterdir())
