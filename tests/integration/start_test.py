#!/usr/bin/env python3
"""What keeps an instance from starting is told in one sentence, with a documented exit code, and leaves nothing behind.
Prints TAP.

usage: start_test.py [NAME...]
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys

from system_support import BUILD, Instance, OFCTL, SUPERVISOR, WORKERS, run, synthetic, toml_of, wait_for
import tap

BAD_CONFIGURATION = 2
NO_RESOURCES = 10


def expect_refusal(instance, code, *parts, command=None):
    """It ends with this code, says exactly one sentence with all of the parts, and leaves no segment."""
    found, out, err = run(*(command or [SUPERVISOR, "run", "--config", str(instance.config)]))
    lines = [line for line in (out + err).splitlines() if line.strip()]
    assert found == code, "exit code %d, expected %d: %s" % (found, code, out + err)
    assert len(lines) == 1, "it said %d lines:\n%s" % (len(lines), out + err)
    for part in parts:
        assert part in lines[0], "%r is not in: %s" % (part, lines[0])
    assert not instance.segments(), instance.segments()


def test_a_full_dev_shm():
    # A mount namespace of its own: there /dev/shm has 4 MiB, which are less than the rings take.
    script = "mount -t tmpfs -o size=4m tmpfs /dev/shm && exec \"$@\""
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    wrapper = [*namespace, "sh", "-c", script, "sh"]
    if shutil.which("unshare") is None or run(*wrapper, "true")[0] != 0:
        raise tap.Skip("no mount namespace can be made here")
    with Instance(rings={"market_slots": 262144}) as instance:
        command = [*wrapper, SUPERVISOR, "run", "--config", str(instance.config)]
        expect_refusal(instance, NO_RESOURCES, "/dev/shm", "MiB", "No space left", command=command)


def test_a_busy_port():
    with Instance() as instance, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", instance.port))
        other.listen()
        expect_refusal(instance, NO_RESOURCES, "127.0.0.1:%d" % instance.port, "in use", "[communication] listen")


def test_a_missing_worker_program():
    with Instance(instance={"bin_dir": "."}) as instance:
        expect_refusal(instance, NO_RESOURCES, "of-logger", str(instance.folder), "bin_dir")


def test_a_worker_program_that_cannot_be_executed():
    with Instance(instance={"bin_dir": "bin"}) as instance:
        folder = instance.folder / "bin"
        folder.mkdir()
        for worker in WORKERS:
            (folder / ("of-" + worker)).write_bytes(b"\x7fELF, but not really")
            (folder / ("of-" + worker)).chmod(0o755)
        found, out, err = run(SUPERVISOR, "run", "--config", str(instance.config))
        assert found in (1, NO_RESOURCES) and "of-logger" in out + err, (found, out, err)


def test_a_data_directory_that_is_a_file():
    with Instance(instance={"data_dir": "taken"}) as instance:
        (instance.folder / "taken").write_text("a file")
        expect_refusal(instance, NO_RESOURCES, str(instance.folder / "taken"), "data_dir")


def test_a_data_directory_that_cannot_be_written():
    with Instance() as instance:
        data = instance.folder / "data"
        if os.geteuid() == 0:
            # Permissions do not hold root back; /proc does.
            instance.config.write_text(instance.config.read_text().replace('data_dir = "data"', 'data_dir = "/proc/of-data"'))
            data = pathlib.Path("/proc/of-data")
        else:
            data.chmod(0o500)
        expect_refusal(instance, NO_RESOURCES, str(data), "data_dir")


def test_a_state_directory_whose_socket_path_is_too_long():
    with Instance(instance={"state_dir": "s" * 110}) as instance:
        expect_refusal(instance, BAD_CONFIGURATION, "state_dir", "107")


def test_a_ca_file_that_is_not_there():
    with Instance(binance={"ca_file": "no-ca.pem"}) as instance:
        expect_refusal(instance, BAD_CONFIGURATION, "no-ca.pem", "ca_file")


def test_the_systems_certificates_are_found_by_hash_or_in_one_file():
    """$SSL_CERT_DIR and $SSL_CERT_FILE stand for the system's store; the workers read them inside their sandbox."""
    for kind in ("folder", "file", "neither"):
        with synthetic() as exchange, Instance(exchange) as instance:
            ca = pathlib.Path(instance.sections["binance"].pop("ca_file"))
            instance.config.write_text(toml_of(instance.sections))
            folder = instance.folder / "certificates"
            folder.mkdir()
            if kind == "folder":
                code, name, err = run("openssl", "x509", "-hash", "-noout", "-in", str(ca))
                assert code == 0, err
                (folder / "ca.pem").write_bytes(ca.read_bytes())
                (folder / (name.strip() + ".0")).symlink_to("ca.pem")
            file = "export SSL_CERT_FILE=%s" % ca if kind == "file" else "unset SSL_CERT_FILE"
            instance.start(within="export SSL_CERT_DIR=%s && %s" % (folder, file))
            instance.wait_healthy()
            log = lambda: instance.ofctl("logs", "--worker", "binance", "-n", "100")[1]
            expected = "certificate is not accepted" if kind == "neither" else "connected to "
            wait_for(lambda: expected in log(), "%s: %s" % (kind, expected))
            assert instance.stop() == 0, instance.output()


def test_a_second_supervisor_of_the_same_instance():
    with Instance() as instance:
        instance.start_and_wait()
        pids = instance.pids()
        found, out, err = run(SUPERVISOR, "run", "--config", str(instance.config))
        assert found == NO_RESOURCES and str(instance.process.pid) in err and len(err.splitlines()) == 1, (found, out, err)
        assert instance.pids() == pids, "the second start disturbed the first"
        assert instance.stop() == 0


def test_a_segment_that_is_somebody_elses():
    with Instance() as instance:
        path = pathlib.Path("/dev/shm/%s.control" % instance.name)
        path.write_bytes(b"somebody else's" * 1000)
        path.chmod(0o644)
        found, out, err = run(SUPERVISOR, "run", "--config", str(instance.config))
        assert found == NO_RESOURCES and "rm %s" % path in err and "0644" in err and len(err.splitlines()) == 1, (found, out, err)
        assert instance.segments() == [str(path)] and path.read_bytes() == b"somebody else's" * 1000, "it was changed"


def test_a_damaged_segment_of_nobody_is_replaced():
    with Instance() as instance:
        path = pathlib.Path("/dev/shm/%s.control" % instance.name)
        path.touch(0o600)
        path.write_bytes(b"not a segment at all" * 1000)
        instance.start_and_wait()
        assert path.read_bytes()[:20] != b"not a segment at all", "it was used as it was"
        wait_for(lambda: "is not a segment" in instance.ofctl("logs")[1], "the log says what was replaced")
        assert instance.stop() == 0


VERSION = 3
# What a control page may be that is none of this build: name, change of its bytes, what is said of it, and ofctl's exit code.
HEADER = {"magic": 0, "version": 8, "kind": 12, "hash": 16, "bytes": 24, "state": 896}
FOREIGN = (
    ("the version before", lambda page: put(page, "version", VERSION - 1), "version %d, this program knows %d" % (VERSION - 1, VERSION), 9),
    ("the version after", lambda page: put(page, "version", VERSION + 1), "version %d, this program knows %d" % (VERSION + 1, VERSION), 9),
    ("another layout", lambda page: put(page, "hash", 0x1234567890abcdef, 8), "1234567890abcdef", 9),
    ("another magic", lambda page: put(page, "magic", 0x11223344), "magic", 8),
    ("the other byte order", lambda page: bytes(page[7::-1]) + page[8:12][::-1] + page[12:], "magic", 8),
    ("a size that is not its file's", lambda page: put(page, "bytes", 4096, 8), "claims 4096", 8),
    ("half initialised", lambda page: put(page, "state", 0), "never finished", 8),
    ("zero length", lambda page: b"", "0 bytes", 8),
    ("shorter than a header", lambda page: page[:100], "100 bytes", 8),
    ("cut behind its header", lambda page: page[:16384], "has 16384 bytes", 8),
    ("longer than it claims", lambda page: page + bytes(4096), "bytes but claims", 8),
    ("nothing but zeros", lambda page: bytes(len(page)), "magic 0", 8),
)


def put(page, field, value, width=4):
    at = HEADER[field]
    return page[:at] + value.to_bytes(width, "little") + page[at + width:]


def test_a_control_page_of_another_build_is_read_by_nobody_and_both_versions_are_told():
    with Instance() as instance:
        instance.start_and_wait()
        path = pathlib.Path("/dev/shm/%s.control" % instance.name)
        page = path.read_bytes()
        instance.process.kill()
        instance.process.wait()
        wait_for(lambda: not instance.seen.living(), "the workers have ended")
        for name, change, told, code in FOREIGN:
            path.touch(0o600)
            path.write_bytes(change(page))
            found, out, err = instance.ofctl("status")
            assert found == code and told in out + err, (name, found, out, err)
            # The supervisor takes none of it over: its creator is gone, so it makes a new one, and says why.
            instance.start_and_wait()
            wait_for(lambda: any("was replaced" in line and told in line for line in instance.ofctl("logs")[1].splitlines()), name + " is told")
            assert instance.stop() == 0, instance.output()


def test_a_supervisor_that_is_interrupted_while_it_starts_leaves_nothing():
    with Instance() as instance:
        instance.start()
        wait_for(instance.segments, "the first segment")
        instance.process.send_signal(signal.SIGINT)
        code = instance.process.wait(60)
        assert code in (0, 130), (code, instance.output())
        assert not instance.segments(), instance.segments()


def test_each_program_explains_itself():
    programs = [SUPERVISOR, OFCTL] + [str(BUILD / "workers" / kind / ("of-" + kind)) for kind in WORKERS]
    for program in programs:
        code, out, _ = run(program, "--help")
        assert code == 0 and len(out.splitlines()) > 5 and out.count("Exit codes:") == 1, (program, code, out)
        code, out, err = run(program, "--no-such-option")
        assert code == 2 and "--no-such-option" in out + err, (program, code, out, err)


def test_the_help_of_what_is_configured_has_its_sections():
    helps = [([SUPERVISOR, "run", "--help"], "[supervisor.restart]")]
    helps += [([str(BUILD / "workers" / kind / ("of-" + kind)), "--help"], "[%s]" % kind) for kind in WORKERS]
    for command, section in helps:
        code, out, _ = run(*command)
        assert code == 0 and 0 < out.find(section) < out.find("Exit codes:"), (command, code, out)


def test_a_worker_that_is_started_by_hand_says_who_starts_it():
    for kind in WORKERS:
        found, out, err = run(str(BUILD / "workers" / kind / ("of-" + kind)))
        assert found == 2 and "ofsupervisor" in err and len(err.splitlines()) == 1, (kind, found, out, err)


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
