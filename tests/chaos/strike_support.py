"""An instance under of-strike: its processes can be killed at a chosen system call, or a call be made to fail."""

import itertools
import subprocess
import threading

from system_support import BUILD, SUPERVISOR, Instance, wait_for
import tap

STRIKE = str(BUILD / "tests/chaos/of-strike")
NOT_ALLOWED = 77
PROGRAMS = {name: "of-" + name for name in ("logger", "storage", "communication", "binance")} | {"supervisor": "ofsupervisor"}


class StruckInstance(Instance):
    """Instance.process is of-strike, which passes on signals and the exit code; its death is the death of all."""

    def __init__(self, exchange=None, **sections):
        super().__init__(exchange, **sections)
        self.orders = itertools.count(1)
        self.outcomes = {}
        self.reader = None

    def start(self, within=None):
        with open(self.folder / "supervisor.out", "ab") as output:
            self.process = subprocess.Popen([STRIKE, SUPERVISOR, "run", "--config", str(self.config)], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=output, text=True)
        self.reader = threading.Thread(target=self.read_outcomes, args=(self.process.stdout,))
        self.reader.start()

    def go(self):
        """The supervisor begins; orders for its start come before."""
        self.tell("run")

    def start_and_wait(self):
        self.start()
        self.go()
        self.wait_healthy()

    def __exit__(self, *details):
        super().__exit__(*details)
        self.release()

    def release(self):
        if self.reader is not None:
            self.reader.join()
            self.process.stdin.close()
            self.process.stdout.close()
            self.reader = None

    def read_outcomes(self, stream):
        for line in stream:
            number, what, *rest = line.split()
            self.outcomes[int(number)] = (what, *rest)

    def tell(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            if self.process.wait(10) == NOT_ALLOWED:
                raise tap.Skip("processes may not be traced here") from None
            raise

    def strike(self, worker, when, calls, after, deed):
        """Gives an order (tests/chaos/order.hpp) and returns its number."""
        number = next(self.orders)
        self.tell("%d %s %s %s %d %s" % (number, PROGRAMS[worker], when, calls, after, deed))
        return number

    def outcome(self, number, seconds=30):
        """("hit", pid, call) or ("missed",) of an order; None when nothing has come of it in so long a time."""
        try:
            return wait_for(lambda: self.outcomes.get(number), "an outcome", seconds)
        except AssertionError:
            return None
