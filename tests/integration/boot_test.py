"""A machine that boots: systemd as PID 1 in namespaces, on a layer over this machine's files, runs the unit of deploy/systemd as it is
shipped and as its README installs it. Prints TAP.

usage: boot_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import stat
import sys
import tempfile

from system_support import BUILD, OPENER, ROOT, WORKERS, alive, free_port, run, synthetic, toml_of, wait_for
from systemd_support import KEEP, MANAGER, case_of, in_namespaces
import tap

PROGRAMS = ("supervisor/ofsupervisor", "supervisor/ofctl/ofctl", "supervisor/autopsy/of-autopsy",
            *("workers/%s/of-%s" % (name, name) for name in WORKERS))
# The machine has these files and those below, its own processes, /run, /tmp, /dev/shm and control groups, and the network of this one.
BOOT = """
home=$1 source=$2 root=$1/layer/root
shift 2
fail() { echo "$1" >&2; exit ${2:-99}; }
mount --make-rprivate / && mkdir "$home/layer" && mount -t tmpfs tmpfs "$home/layer" && mkdir "$home/layer/upper" "$home/layer/work" "$root" || fail "no mounts"
mount -t overlay overlay -o "lowerdir=/,upperdir=$home/layer/upper,workdir=$home/layer/work" "$root" || fail "no overlay"
mount -t proc proc "$root/proc" && mount -t sysfs -o ro sysfs "$root/sys" || fail "no proc, no sysfs"
mount --bind "$root/proc/sys" "$root/proc/sys" && mount -o remount,bind,ro "$root/proc/sys" || fail "a kernel that can be set"
for folder in run tmp dev sys/fs/cgroup; do mount -t tmpfs -o mode=755 tmpfs "$root/$folder" || fail "no tmpfs"; done
chmod 1777 "$root/tmp" && mkdir -m 1777 "$root/dev/shm" && mount -t tmpfs tmpfs "$root/dev/shm" || fail "no shared memory"
if [ -e /sys/fs/cgroup/cgroup.procs ]; then mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup" || fail "no control groups"; else
  mkdir "$root/sys/fs/cgroup/systemd" && mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd" || fail "no control groups"; fi
for device in null zero full random urandom tty; do touch "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device" || fail "no devices"; done
mkdir "$root/dev/pts" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts" && ln -s pts/ptmx "$root/dev/ptmx" || fail "no terminals"
for folder in "$home" "$source"; do mkdir -p "$root$folder" && mount --bind "$folder" "$root$folder" || fail "no binds" 1; done
cp "$@" "$root/usr/bin/" && cp "$home"/units/* "$root/etc/systemd/system/" || fail "no files" 1
ln -s /dev/null "$root/etc/systemd/system/timers.target"  # what this machine does every day
cd "$root" && mkdir -p of-before && pivot_root . of-before || fail "no other root"  # a chroot may have no user namespaces
exec env -i container=test "PATH=$PATH" sh -c 'umount -l /of-before && exec MANAGER --system --unit=test.target --log-target=journal' >"$home/console" 2>&1
""".replace("MANAGER", MANAGER)
TARGET = "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=case.service\n"
CASE = """[Unit]
After=basic.target
SuccessAction=poweroff-immediate
FailureAction=poweroff-immediate
[Service]
Type=oneshot
Environment=OF_BUILD_DIR={build} PYTHONPATH={path} PYTHONDONTWRITEBYTECODE=1
ExecStart={python} {program} --inside={case} {home}
StandardOutput=append:{home}/said
StandardError=append:{home}/said
"""
UNIT = "orderflow@boot"
CONFIG = pathlib.Path("/etc/orderflow/boot.toml")
FOLDERS = ("/run/orderflow/boot", "/var/lib/orderflow/boot", "/var/log/orderflow/boot")
DONE = "all is as it should be\n"


def boot(case, **sections):
    """Boots with an instance's configuration, runs a case of this file there, and powers off."""
    with tempfile.TemporaryDirectory(prefix="of-boot-") as folder, synthetic() as exchange:
        home = pathlib.Path(folder)
        (home / "units").mkdir()
        (home / "units/test.target").write_text(TARGET)
        (home / "units/case.service").write_text(CASE.format(build=BUILD, path=":".join(sys.path), python=sys.executable,
                                                             program=pathlib.Path(__file__).resolve(), case=case.__name__, home=home))
        shutil.copy(exchange.about["ca_file"], home / "ca.pem")
        state, data, log = FOLDERS
        (home / "boot.toml").write_text(toml_of({
            "instance": {"name": "boot", "state_dir": state, "data_dir": data, "log_dir": log},
            "supervisor": {"heartbeat_timeout_ms": 3000, **sections.get("supervisor", {})},
            "binance": {"symbols": ["BTCUSDT", "ETHUSDT"], "stream_url": exchange.about["stream_url"], "rest_url": exchange.about["rest_url"],
                        "ca_file": "/etc/orderflow/ca.pem"},
            "communication": {"listen": "127.0.0.1:%d" % free_port()}}))
        programs = [str(BUILD / program) for program in PROGRAMS]
        err = in_namespaces(home, BOOT, folder, str(ROOT), *programs, namespaces=("-C", "-u", "-i"))[2]
        said, console = ((home / name).read_text() if (home / name).exists() else "" for name in ("said", "console"))
        assert said.endswith(DONE), said + console + err


def systemctl(*words):
    code, out, err = run("systemctl", *words)
    return code, (out + err).strip()


def shown(name):
    return run("systemctl", "show", UNIT, "-p", name, "--value")[1].strip()


def status():
    return json.loads(run("ofctl", "--instance", "boot", "--json", "status")[1])


def pids():
    return {row["name"]: row["pid"] for row in status()["workers"] if row["alive"]}


def replaced(worker, before):
    return pids().get(worker, before[worker]) != before[worker]


def well():
    return shown("ActiveState") == "active" and run("ofctl", "--instance", "boot", "health")[0] == 0


def install(home):
    """What deploy/systemd/README.md says, with the configuration of this test."""
    shipped = ROOT / "deploy/systemd"
    for source, target in ((shipped / "orderflow@.service", "/etc/systemd/system/"), (shipped / "orderflow.sysusers", "/etc/sysusers.d/orderflow.conf"),
                           (shipped / "orderflow.tmpfiles", "/etc/tmpfiles.d/orderflow.conf")):
        assert run("install", "-D", "-m", "644", str(source), target)[0] == 0, source
    assert run("systemd-sysusers")[0] == 0
    made = run("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/orderflow.conf")
    assert made[0] == 0, made
    for name in ("boot.toml", "ca.pem"):
        assert run("install", "-m", "644", str(home / name), "/etc/orderflow/")[0] == 0, name
    assert systemctl("daemon-reload")[0] == 0


def journal():
    return "\n" + run("journalctl", "--no-pager", "--output=cat", "-n", "30")[1]


def start():
    code, text = systemctl("start", UNIT)
    assert code == 0, text + journal()
    assert well(), run("ofctl", "--instance", "boot", "health")


def process_status(pid):
    lines = pathlib.Path("/proc/%d/status" % pid).read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def bundle(cause):
    """The newest post mortem, once it says this cause."""
    def newest():
        code, out, _ = run("ofctl", "--instance", "boot", "postmortem", "show", "--last")
        return out if code == 0 and cause in out else None
    return wait_for(newest, "a post mortem says " + cause)


def api(path):
    """None without an answer."""
    listen = re.search(r'listen = "(.+)"', CONFIG.read_text())[1]
    try:
        with OPENER.open("http://%s%s" % (listen, path), timeout=10) as answer:
            return json.load(answer)
    except OSError:
        return None


def check_neighbours():
    """Workers know of each other what ofctl knows, although each is shut in and /proc shows it none of the others."""
    wait_for(lambda: api("/api/health"), "each worker is alive for communication")
    wait_for(lambda: (api("/api/trades?symbol=BTCUSDT&limit=1") or {}).get("trades"), "storage answers communication")


def ended(before):
    assert (shown("ActiveState"), shown("Result")) == ("inactive", "success"), systemctl("status", UNIT)
    assert not [pid for pid in before.values() if alive(pid)] and not list(pathlib.Path("/dev/shm").glob("boot.*"))


def inside_the_unit(home):
    install(home)
    start()
    user = pwd.getpwnam("orderflow").pw_uid
    before = pids()
    assert len(before) == len(WORKERS), before
    for pid in (*before.values(), int(shown("MainPID"))):
        lines = process_status(pid)
        assert lines["Uid"].split()[1] == str(user) and lines["NoNewPrivs"] == "1" and lines["CapEff"] == "0" * 16, (pid, lines)
    assert all(stat.S_IMODE(os.stat(folder).st_mode) == 0o700 and os.stat(folder).st_uid == user for folder in FOLDERS)
    assert "4 of 4 workers run" in shown("StatusText"), shown("StatusText")
    doctor = run("ofctl", "--instance", "boot", "doctor")
    assert "FAIL" not in doctor[1], doctor

    os.kill(before["storage"], signal.SIGKILL)
    bundle("signal 9")
    os.kill(before["binance"], signal.SIGSTOP)
    assert "run_worker" in bundle("hang"), bundle("hang")  # its stack
    wait_for(lambda: well() and replaced("binance", before), "all are back")
    check_neighbours()
    assert shown("NRestarts") == "0"

    code, text = systemctl("reload", UNIT)
    assert code == 0, text + journal()
    good = CONFIG.read_text()
    CONFIG.write_text(good + "[nonsense]\n")
    assert systemctl("reload", UNIT)[0] != 0 and shown("ActiveState") == "active"
    CONFIG.write_text(good)

    before = pids()
    os.kill(int(shown("MainPID")), signal.SIGKILL)
    wait_for(lambda: shown("NRestarts") == "1" and well(), "systemd has started it again")
    assert not [pid for pid in before.values() if alive(pid)]
    before = pids()
    os.kill(int(shown("MainPID")), signal.SIGSTOP)
    wait_for(lambda: shown("NRestarts") == "2" and well(), "the watchdog has ended it, and systemd has started it again")
    assert not [pid for pid in before.values() if alive(pid)]
    before = pids()
    assert systemctl("stop", UNIT)[0] == 0
    ended(before)


def inside_the_drop_in(home):
    install(home)
    drop_in = pathlib.Path("/etc/systemd/system/%s.service.d/keep.conf" % UNIT)
    drop_in.parent.mkdir()
    drop_in.write_text(KEEP)
    systemctl("daemon-reload")
    start()
    before = pids()
    for turn in range(1, 4):
        os.kill(int(shown("MainPID")), signal.SIGKILL)
        wait_for(lambda: shown("NRestarts") == str(turn) and well(), "the next supervisor runs")
        assert pids() == before, (before, pids())
    os.kill(before["storage"], signal.SIGKILL)
    wait_for(lambda: well() and replaced("storage", before), "storage is back")
    check_neighbours()
    before = pids()
    assert systemctl("stop", UNIT)[0] == 0
    ended(before)


def test_the_unit_as_shipped_runs_restarts_reloads_and_stops_on_a_machine_that_boots():
    boot(inside_the_unit)


def test_workers_outlive_their_supervisor_there_with_the_drop_in_as_shipped():
    boot(inside_the_drop_in, supervisor={"orphans": "keep"})


if __name__ == "__main__":
    inside = case_of(sys.argv[1:])
    if inside is None:
        tap.main((sys.modules[__name__],), sys.argv[1:])
    inside(pathlib.Path(sys.argv[2]))
    print(DONE, end="", flush=True)
