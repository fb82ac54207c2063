"""What the chaos cases share: chance from a printed seed, and processes found by the instance that they serve."""

import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from system_support import BUILD, EXCHANGE, WORKERS, Exchange, alive  # noqa: E402,F401


# Of the stand-in exchange: an instance that is started this often would be shut out for good.
WITHOUT_LIMITS = ("--weight-per-minute", "1000000", "--connections-per-5-minutes", "1000000")


def chance():
    """A source of chance; its seed is printed, and $OF_SEED repeats it."""
    seed = int(os.environ.get("OF_SEED") or random.SystemRandom().getrandbits(32))
    say("seed %d (OF_SEED=%d repeats it)" % (seed, seed))
    return random.Random(seed)


def say(text):
    """A line for the reader of the log; TAP ignores it."""
    print("# " + text, flush=True)


def count(usual):
    """How often a case does what it does: its figure, times $OF_CHAOS (1)."""
    return max(1, int(usual * float(os.environ.get("OF_CHAOS") or 1)))


def after(seconds):
    """A condition for wait_for that holds when so much time has passed."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def market(rate):
    """A stand-in exchange with about so many messages a second."""
    return Exchange(EXCHANGE, "--synthetic", "--seed", "7", "--rate", str(rate))


def processes_of(instance):
    """Workers of the instance that exist now, whoever their parent is: {pid: program}."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit() or not alive(int(folder.name)):
            continue
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--instance" in words and instance.name.encode() in words:
            found[int(folder.name)] = words[0].decode()
    return found


def bundles(instance):
    """What each death has left (POSTMORTEM.md)."""
    return instance.ofctl_json("postmortem", "ls")["bundles"]


def open_files(pid):
    return len(list(pathlib.Path("/proc/%d/fd" % pid).iterdir()))


def resident_kb(pid):
    for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def cpu_ms(pid):
    return int(pathlib.Path("/proc/%d/schedstat" % pid).read_text().split()[0]) // 1_000_000


def send(pid, number):
    """Whether there was somebody to take it."""
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


# A shell that runs us in the background has these ignored, and whoever we start would inherit that.
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
