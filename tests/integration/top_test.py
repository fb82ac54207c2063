#!/usr/bin/env python3
"""ofctl top as a person meets it: on a terminal it draws, obeys keys and gives the terminal back as it was; on a pipe it
prints tables. Real processes and a pseudo-terminal. Prints TAP.

usage: top_test.py [NAME...]
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios

from system_support import OFCTL, Instance, run, synthetic, wait_for
import tap

ENTER, LEAVE, HOME = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[H"


class Screen:
    """ofctl top on a terminal of its own, as wide and as high as is wanted."""

    def __init__(self, instance, *arguments, size=(24, 80)):
        self.ours, self.theirs = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.theirs)
        self.bytes = b""
        self.process = subprocess.Popen([OFCTL, "--instance", instance.name, "top", "-d", "0.2", *arguments],
                                        stdin=self.theirs, stdout=self.theirs, stderr=self.theirs,
                                        env={**os.environ, "TERM": "xterm"}, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)

    def resize(self, rows, columns):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.ours], [], [], 0.02)[0]:
            self.bytes += os.read(self.ours, 65536)

    def lines(self):
        """The newest whole screen, without its colours."""
        self.read()
        whole = [screen for screen in self.bytes.split(HOME)[1:] if b"\x1b[J" in screen]
        text = whole[-1].decode(errors="replace") if whole else ""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "").split("\n")

    def press(self, keys):
        os.write(self.ours, keys)

    def wait_text(self, text):
        wait_for(lambda: any(text in line for line in self.lines()), "%r is on the screen" % text, 20)

    def ended(self):
        """The exit code, after it is seen that the terminal is as it was."""
        wait_for(lambda: self.read() or self.process.poll() is not None, "top has ended", 20)
        self.read()
        assert termios.tcgetattr(self.theirs) == self.before, "the terminal is not as it was"
        assert self.bytes.count(ENTER) == self.bytes.count(LEAVE) >= 1 and b"\x1b[?25h" in self.bytes
        return self.process.returncode


def test_it_draws_the_workers_and_goes_with_q():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        with Screen(instance) as screen:
            screen.wait_text("market.0")
            lines = screen.lines()
            assert len(lines) == 24 and max(map(len, lines)) <= 80, lines
            for worker, pid in instance.pids().items():
                assert any(worker in line and str(pid) in line for line in lines), (worker, lines)
            screen.press(b"q")
            assert screen.ended() == 0


def test_a_signal_and_ctrl_c_give_the_terminal_back():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with Screen(instance) as screen:
                screen.wait_text("market.0")
                screen.process.send_signal(number)
                assert screen.ended() == 128 + number


def test_a_worker_is_restarted_only_after_a_yes():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        with Screen(instance) as screen:
            screen.wait_text("market.0")
            screen.press(b"jr")
            screen.wait_text("restart storage? y/n")
            screen.press(b"n")
            wait_for(lambda: "y/n" not in screen.lines()[-1], "the question is gone")
            assert instance.pids() == before
            screen.press(b"\x1b[Bk" + b"r")
            screen.wait_text("restart storage? y/n")
            screen.press(b"y")
            wait_for(lambda: instance.pids().get("storage", before["storage"]) != before["storage"], "storage is another process")
            instance.wait_healthy()
            assert {**instance.pids(), "storage": 0} == {**before, "storage": 0}
            screen.press(b"l")
            screen.wait_text("storage is ready")
            screen.press(b"\x1b")
            screen.press(b"d")
            screen.wait_text("drain and stop storage? y/n")
            screen.press(b"y")
            screen.wait_text("stopped")
            screen.press(b"q")
            assert screen.ended() == 0


def test_it_follows_the_size_of_the_terminal():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        with Screen(instance) as screen:
            screen.wait_text("market.0")
            screen.resize(50, 160)
            screen.process.send_signal(signal.SIGWINCH)
            wait_for(lambda: len(screen.lines()) == 50, "the screen has 50 lines")
            screen.wait_text("FURTHEST BEHIND")
            screen.press(b"q")
            assert screen.ended() == 0


def test_it_says_that_the_supervisor_is_gone_and_goes_on():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        with Screen(instance) as screen:
            screen.wait_text("market.0")
            instance.process.kill()
            instance.process.wait()
            screen.wait_text("is gone")
            screen.press(b"r")
            screen.wait_text("restart logger? y/n")
            screen.press(b"y")
            screen.wait_text("the supervisor")
            screen.press(b"q")
            assert screen.ended() == 0


def test_on_a_pipe_it_prints_as_many_tables_as_were_asked_for():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        code, out, err = instance.ofctl("top", "-b", "-n", "2", "-d", "0.3")
        assert code == 0 and not err, (code, out, err)
        assert out.count("WORKER") == 2 and "\x1b" not in out, out
        assert re.search(r"^market\.0 +\d", out, re.MULTILINE), out
        code, out, err = instance.ofctl("top", "-d", "0.3")
        assert code == 0 and out.count("WORKER") == 1, (code, out, err)
        rows = instance.ofctl_json("top", "-d", "0.5")["rings"]
        assert next(row for row in rows if row["name"] == "market.0")["messages_per_s"] > 0, rows


def test_an_instance_that_is_not_there_is_a_sentence():
    code, out, err = run(OFCTL, "--instance", "nobody-here", "top")
    assert code == 4 and "nobody-here" in out + err, (code, out, err)


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
