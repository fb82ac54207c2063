#!/usr/bin/env python3
"""Every mistake in a configuration file is named with its line, by `ofsupervisor check`, `ofsupervisor run` and `ofctl config
check`, which all end with 2 and start nothing. Prints TAP.

usage: config_test.py [NAME...]
"""

import glob
import json
import pathlib
import sys
import tempfile

from system_support import OFCTL, ROOT, SUPERVISOR, run
import tap

# What follows the first line of a file; the line and column of the mistake, and a part of the sentence.
MISTAKES = [
    # syntax
    ('[instance', 2, 10, "not closed"),
    ('[instance]\nname', 3, 5, "= and a value"),
    ('[instance]\nname = ', 3, 8, "value after = is missing"),
    ('[instance]\nname = mine', 3, 8, "needs quotes"),
    ('[instance]\nname = "mine', 3, 13, "closing"),
    ('[rings]\nlog_slots = 512\nlog_slots = 512', 4, 1, "given twice; first on line 3"),
    ('[rings]\n[trace]\n[rings]', 4, 1, "given twice; first on line 2"),
    # names
    ('name = "mine"', 2, 1, "it belongs in [instance]"),
    ('[instnace]\nname = "mine"', 2, 1, 'did you mean [instance]'),
    ('[instance]\nnme = "mine"', 3, 1, 'did you mean "name"'),
    ('[instance]\nlisten = "127.0.0.1:1"', 3, 1, 'unknown key "listen"'),
    ('[supervisor.restrat]\nfailures_max = 3', 2, 1, "[supervisor.restart]"),
    ('[logger]\nfromat = "json"', 3, 1, 'did you mean "format"'),
    ('[storage]\nbatch_rows = 5', 3, 1, 'unknown key "batch_rows"'),
    ('[binance]\nsymbol = ["BTCUSDT"]', 3, 1, 'did you mean "symbols"'),
    ('[communication]\nport = 8080', 3, 1, 'unknown key "port"'),
    # the supervisor's values
    ('[instance]\nname = "a b"', 3, 8, "letters, digits"),
    ('[instance]\nname = ""', 3, 8, "letters, digits"),
    ('[instance]\nstate_dir = ""', 3, 13, "a path"),
    ('[supervisor]\nready_timeout_ms = 5', 3, 20, "from 100 to 600000, found 5"),
    ('[supervisor]\nready_timeout_ms = "5000"', 3, 20, "write it without quotes"),
    ('[supervisor]\nfinish_hook = "/no/such/program"', 3, 15, "a program that can be executed"),
    ('[supervisor.storage]\nfinish_hook = "true"', 3, 15, "absolute path"),
    ('[supervisor]\nwait = "slep"', 3, 8, 'did you mean "sleep"'),
    ('[supervisor.restart]\njitter_percent = 101', 3, 18, "from 0 to 100, found 101"),
    ('[supervisor.restart]\ndelay_min_ms = 500\ndelay_max_ms = 400', 4, 16, "must not be below delay_min_ms"),
    ('[rings]\nmarket_slots = 10000', 3, 16, "a power of two from 8192"),
    ('[rings]\nlog_slots = 4096.0', 3, 13, "a power of two"),
    ('[trace]\nsample = -1', 3, 10, "from 0"),
    ('[breaker]\nfailures = 33', 3, 12, "from 0 to 32, found 33"),
    ('[breaker]\nopen_ms = 500\nopen_max_ms = 400', 4, 15, "must not be below open_ms"),
    ('[breaker]\nprobe = 2', 3, 1, 'did you mean "probes"'),
    # the workers' values
    ('[binance]\nsymbols = []', 3, 11, "found 0"),
    ('[binance]\nsymbols = "BTCUSDT"', 3, 11, 'write ["BTCUSDT"]'),
    ('[binance]\nsymbols = ["BTCUSDT", "BTCUSDT"]', 3, 23, 'repeats "BTCUSDT"'),
    ('[binance]\nsymbols = ["btcusdt"]', 3, 12, "in capitals"),
    ('[binance]\nstream_url = "https://example.com"', 3, 14, "wss://HOST"),
    ('[binance]\nrest_url = "example.com"', 3, 12, "https://HOST"),
    ('[binance]\nreconnect_min_ms = 900\nreconnect_max_ms = 800', 4, 20, "must not be below reconnect_min_ms"),
    ('[binance]\nrepair = "yes"', 3, 10, "true or false"),
    ('[storage]\nbatch_rows_max = 0', 3, 18, "from 1 to 100000, found 0"),
    ('[storage]\nsynchronous = "off"', 3, 15, '"normal", "full"'),
    ('[logger]\nlevel = "verbose"', 3, 9, '"debug", "info", "warn", "error"'),
    ('[logger]\nrotate_bytes = 100', 3, 16, "from 4096"),
    ('[communication]\nlisten = "localhost:8080"', 3, 10, "numeric address"),
    ('[communication]\nlisten = "127.0.0.1:99999"', 3, 10, "ADDRESS:PORT"),
    ('[communication]\nclients_max = 0', 3, 15, "from 1"),
]


class File:
    """A configuration file whose first line is a comment."""

    def __init__(self, text):
        self.directory = tempfile.TemporaryDirectory(prefix="of-config-")
        self.path = str(pathlib.Path(self.directory.name) / "of.toml")
        pathlib.Path(self.path).write_text("# a test\n" + text + "\n", encoding="utf-8")

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        self.directory.cleanup()


def expect(text, line, column, part, *command):
    with File(text) as path:
        code, out, err = run(*command, path)
    said = out + err
    assert code == 2, "%r: exit code %d: %s" % (text, code, said)
    lines = [each for each in said.splitlines() if each.startswith("%s:%d:%d: " % (path, line, column))]
    assert lines and part in lines[0], "%r: expected %d:%d with %r, it said:\n%s" % (text, line, column, part, said)
    assert len(said.splitlines()) == 1, "%r: one mistake, but it said:\n%s" % (text, said)


def test_each_mistake_is_named_with_its_line_and_ends_the_check_with_2():
    assert len(MISTAKES) >= 30
    faults = []
    for mistake in MISTAKES:
        try:
            expect(*mistake, SUPERVISOR, "check", "--config")
        except AssertionError as fault:
            faults.append(str(fault))
    assert not faults, "\n".join(faults)


def test_run_refuses_a_mistake_of_each_program_and_starts_nothing():
    before = set(glob.glob("/dev/shm/*"))
    for section in ("instance", "binance", "storage", "logger", "communication"):
        mistake = next(mistake for mistake in MISTAKES if mistake[0].startswith("[%s]" % section))
        expect(*mistake, SUPERVISOR, "run", "--config")
    ours = [path for path in set(glob.glob("/dev/shm/*")) - before if "/orderflow." in path]
    assert not ours, ours


def test_ofctl_config_check_says_the_same():
    expect(*MISTAKES[9], OFCTL, "config", "check")


def test_all_mistakes_of_a_file_are_printed_at_once_in_the_order_of_their_lines():
    text = '[logger]\nlevel = "loud"\n[binance]\nsymbols = []\n[rings]\nlog_slots = 3\n[nothing]\nx = 1'
    with File(text) as path:
        code, out, _ = run(SUPERVISOR, "check", "--config", path)
    places = [line.split(": ")[0].removeprefix(path) for line in out.splitlines()]
    assert (code, places) == (2, [":3:9", ":5:11", ":7:13", ":8:1"]), (code, out)


def test_a_worker_program_that_does_not_answer_is_named_with_the_reason():
    reasons = {"kill -9 $$": "was ended by a signal", "head -c 200000 /dev/zero | tr '\\0' x": "said more than 65536 bytes",
               "echo why; exit 9": "failed with code 9: why"}
    for script, reason in reasons.items():
        with tempfile.TemporaryDirectory() as folder:
            for name in ("logger", "storage", "communication", "binance"):
                program = pathlib.Path(folder) / ("of-" + name)
                program.write_text("#!/bin/sh\n%s\n" % script)
                program.chmod(0o755)
            path = pathlib.Path(folder) / "orderflow.toml"
            path.write_text('[instance]\nbin_dir = "."\n')
            code, out, err = run(SUPERVISOR, "check", "--config", str(path))
            assert code not in (0, 2) and "of-logger was asked about the configuration, and " + reason in err, (script, code, out, err)


def test_the_check_speaks_json():
    with File("[rings]\nlog_slots = 3") as path:
        code, out, _ = run(SUPERVISOR, "check", "--config", path, "--json")
    answer = json.loads(out)
    assert code == 2 and answer["valid"] is False and len(answer["problems"]) == 1, out
    assert (answer["problems"][0]["line"], answer["problems"][0]["column"]) == (3, 13), out


def test_a_file_that_is_not_there_is_one_sentence():
    code, out, err = run(SUPERVISOR, "run", "--config", "/nowhere/of.toml")
    assert code == 2 and len((out + err).splitlines()) == 1 and "No such file" in out + err, (code, out, err)


def test_the_example_file_is_valid_with_each_of_its_keys_taken_in():
    example = (ROOT / "deploy/config/orderflow.toml").read_text(encoding="utf-8")
    lines = example.splitlines()
    keys = [line[2:] if line.startswith("# ") and " = " in line and line[2:].split(" = ")[0].isidentifier() else line for line in lines]
    assert sum(a != b for a, b in zip(lines, keys)) > 35, "the example has lost its keys"
    for text in (example, "\n".join(keys)):
        with File(text) as path:
            code, out, err = run(SUPERVISOR, "check", "--config", path)
        assert code == 0, out + err


def test_the_example_file_has_every_key_with_its_default():
    with File("") as path:
        code, _, _ = run(SUPERVISOR, "check", "--config", path)
    assert code == 0
    example = (ROOT / "deploy/config/orderflow.toml").read_text(encoding="utf-8")
    programs = [(SUPERVISOR, "run")] + [(str(pathlib.Path(SUPERVISOR).parents[1] / "workers" / kind / ("of-" + kind)),)
                                         for kind in ("binance", "storage", "logger", "communication")]
    entries = []
    for program in programs:
        _, out, _ = run(*program, "--help")
        for line in out.splitlines():
            words = line.split()
            if line.startswith("  ") and len(words) > 2 and words[0].isidentifier() and words[1] == "=":
                value = line.split(" = ", 1)[1]
                value = value.split("]")[0] + "]" if value.startswith("[") else value.split()[0].rstrip(",")
                entries.append("# %s = %s" % (words[0], value))
    missing = [entry for entry in entries if entry not in example]
    assert len(entries) > 35 and not missing, (len(entries), missing)


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
