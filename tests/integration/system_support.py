"""A whole instance for a test: own folder, own name, own ports; nothing of it is left when the test ends."""

import glob
import itertools
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "exchange"), str(ROOT / "tests" / "support")]
from exchange_client import Exchange, wait_for  # noqa: E402

BUILD = pathlib.Path(os.environ.get("OF_BUILD_DIR") or ROOT / "build").resolve()
SUPERVISOR = str(BUILD / "supervisor/ofsupervisor")
OFCTL = str(BUILD / "supervisor/ofctl/ofctl")
EXCHANGE = str(BUILD / "tests/exchange/of-exchange")
WORKERS = ("logger", "storage", "communication", "binance")
PATIENCE_S = 60
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
numbers = itertools.count(1)

# Forgives each death at once, so that a test may kill as it likes.
FORGIVING = {"first_delay_ms": 0, "delay_min_ms": 10, "delay_max_ms": 200, "healthy_after_ms": 1, "failures_max": 1000000}


def free_port():
    """Of those that the kernel gives to nobody who asks for any port: a worker that is down for a while finds its own free again."""
    low, high = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    others = [port for port in range(10000, 65536) if not low <= port <= high] or list(range(low, high + 1))
    while True:
        port = secrets.choice(others)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def toml_of(sections):
    """{"section": {"key": value}} as TOML; JSON writes texts, numbers, truths and lists of them in the same way."""
    return "".join("[%s]\n%s\n" % (name, "".join("%s = %s\n" % (key, json.dumps(value)) for key, value in keys.items()))
                   for name, keys in sections.items())


def run(*command, environment=None, timeout=PATIENCE_S):
    """Runs a program to its end: (exit code, stdout, stderr)."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout, done.stderr


def stat_of(pid):
    """The fields of /proc/PID/stat from the third (the state) on; none when there is no such process."""
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(") ", 1)[1].split()
    except (OSError, IndexError):
        return []


def process_state(pid):
    """The state letter of a process, or None when there is none."""
    fields = stat_of(pid)
    return fields[0] if fields else None


def process_start(pid):
    """When it began, in ticks since the boot: with its number, nobody else's; None when there is none."""
    fields = stat_of(pid)
    return int(fields[19]) if fields else None


def alive(pid):
    return process_state(pid) not in (None, "Z", "X")


class Seen:
    """Processes that must be gone at the end. A number may have passed to a stranger since."""

    def __init__(self):
        self.starts = {}

    def __ior__(self, pids):
        self.starts.update({pid: process_start(pid) for pid in pids})
        return self

    def living(self):
        return [pid for pid, start in self.starts.items() if start is not None and alive(pid) and process_start(pid) == start]


class Instance:
    """A configuration in a folder of its own, and the supervisor that runs it (self.process)."""

    program = SUPERVISOR

    def __init__(self, exchange=None, **sections):
        self.directory = tempfile.TemporaryDirectory(prefix="of-system-")
        self.folder = pathlib.Path(self.directory.name)
        # A pid is nobody's alone: there are pid namespaces.
        self.name = "system-%d-%d-%s" % (os.getpid(), next(numbers), secrets.token_hex(2))
        self.port = free_port()
        self.config = self.folder / "orderflow.toml"
        self.process = None
        self.seen = Seen()
        for part in ("state", "data", "log"):
            (self.folder / part).mkdir()
        self.sections = {
            "instance": {"name": self.name, "governor": self.name, "state_dir": "state", "data_dir": "data", "log_dir": "log"},
            "supervisor.restart": dict(FORGIVING),
            "rings": {"market_slots": 16384, "log_slots": 1024, "trace_slots": 65536},
            "trace": {"sample": 1},
            "binance": {"symbols": ["BTCUSDT", "ETHUSDT"], "reconnect_min_ms": 20, "reconnect_max_ms": 1000},
            "communication": {"listen": "127.0.0.1:%d" % self.port},
        }
        if exchange is not None:
            about = {"stream_url": "stream_url", "rest_url": "rest_url", "ca_file": "ca_file"}
            self.sections["binance"].update({key: exchange.about[name] for key, name in about.items()})
        for name, keys in sections.items():
            self.sections.setdefault(name, {}).update(keys)
        self.config.write_text(toml_of(self.sections))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in self.seen.living():
            os.kill(pid, signal.SIGKILL)
        for path in self.segments():
            os.unlink(path)
        self.directory.cleanup()

    def start(self, within=None):
        """`within` is shell to run first, in the same process."""
        command = [self.program, "run", "--config", str(self.config)]
        if within is not None:
            command = ["/bin/sh", "-c", within + ' && exec "$@"', "sh"] + command
        output = open(self.folder / "supervisor.out", "ab")
        self.process = subprocess.Popen(command, stdout=output, stderr=output)
        output.close()

    def start_and_wait(self):
        self.start()
        self.wait_healthy()

    def wait_healthy(self):
        def healthy():
            assert self.process.poll() is None, "ofsupervisor ended: " + self.output()
            return self.ofctl("health")[0] == 0
        wait_for(healthy, "all workers run", PATIENCE_S)
        self.seen |= set(self.pids().values())

    def output(self):
        return (self.folder / "supervisor.out").read_text()

    def ofctl(self, *arguments):
        return run(OFCTL, "--instance", self.name, *arguments)

    def ofctl_json(self, *arguments):
        """What it printed as JSON, whatever its exit code."""
        code, out, err = self.ofctl("--json", *arguments)
        try:
            return json.loads(out)
        except ValueError:
            raise AssertionError("ofctl %s ended with %d: %s%s" % (" ".join(arguments), code, out, err)) from None

    def workers(self):
        return {row["name"]: row for row in self.ofctl_json("status")["workers"]}

    def pids(self):
        return {name: row["pid"] for name, row in self.workers().items() if row["alive"]}

    def api(self, path):
        with OPENER.open("http://127.0.0.1:%d%s" % (self.port, path), timeout=10) as answer:
            return json.load(answer)

    def answer(self, path):
        """(HTTP status, JSON) of a request, whatever the status."""
        try:
            return 200, self.api(path)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def metric(self, name):
        """The sum of a metric's samples in /metrics, over all labels; None before the first."""
        with OPENER.open("http://127.0.0.1:%d/metrics" % self.port, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        values = [float(line.rsplit(" ", 1)[1]) for line in lines if line.split(" ")[0].split("{")[0] == name]
        return sum(values) if values else None

    def segments(self):
        return sorted(glob.glob("/dev/shm/%s.*" % self.name))

    def stop(self):
        """SIGTERM, and everything must be gone; the exit code."""
        self.seen |= set(self.pids().values())
        self.process.terminate()
        code = self.process.wait(PATIENCE_S)
        left = self.seen.living()
        assert not left, "processes left behind: %s" % left
        assert not self.segments(), "segments left behind: %s" % self.segments()
        return code


def programs_with(instance, kind, script):
    """A folder of worker programs, of which one is a script."""
    folder = instance.folder / "bin"
    folder.mkdir(exist_ok=True)
    for name in WORKERS:
        target = folder / ("of-" + name)
        target.unlink(missing_ok=True)
        if name == kind:
            target.write_text(script)
            target.chmod(0o755)
        else:
            target.symlink_to(BUILD / "workers" / name / ("of-" + name))
    return str(folder)


def synthetic(*arguments):
    return Exchange(EXCHANGE, "--synthetic", "--seed", "7", "--rate", "300", *arguments)
