#!/usr/bin/env python3
"""What ofctl prints as JSON, held against the schemas that are shipped with it (supervisor/ofctl/schema): of a running instance that
has lost a worker, of copies of its segments, and of verbs that fail. Keys come in the order in which the schema has them.
Real processes. Prints TAP.

usage: ofctl_schema_test.py [NAME...]
"""

import json
import pathlib
import shutil
import subprocess
import sys

from system_support import OFCTL, ROOT, Instance, run, synthetic, wait_for
import tap

SCHEMAS = ROOT / "supervisor" / "ofctl" / "schema"
NEEDS = "python3-jsonschema is not installed"

# Verbs whose document names its schema by its kind; those of the second list work on copied segments too.
LIVE = ("doctor", "doctor --fix-hints", "top -b -n 1 -d 0.2", "wait", "restart --all --dry-run", "shm gc", "config diff", "status nobody",
        "health --max-age 1", "metrics --interval 0.1", "shm hz --interval 0.1", "status -o json --wide")
BOTH = ("status", "health", "shm ls", "shm verify", "shm hz --interval 0.05", "breaker", "breaker show binance/rest", "metrics --interval 0", "errors",
        "limits", "version", "postmortem ls", "postmortem show --last", "config show", "config check", "status --schedule", "shm dump control",
        "shm dump book.0", "shm dump metrics.storage", "shm dump governor", "shm dump market.7")
# Those that end in an error, whose document says so.
FAIL = {"status nobody", "shm dump market.7"}
# Verbs that print lines of one kind.
LINES = {"record": ("logs", "events"), "audit": ("events --audit",), "message": ("shm tail market.0 -n 300", "shm dump log.storage -n 5", "shm tail trace.binance -n 50")}


def library():
    try:
        import jsonschema
    except ImportError:
        raise tap.Skip(NEEDS) from None
    return jsonschema


def schema(kind):
    path = SCHEMAS / (kind.replace(" ", "_") + ".json")
    assert path.is_file(), "no schema for %r" % kind
    return json.loads(path.read_text(encoding="utf-8"))


def faults_of_order(value, rules, where="$"):
    """Keys that do not stand in the order of the schema's properties."""
    if isinstance(value, list):
        return [fault for i, item in enumerate(value) for fault in faults_of_order(item, rules.get("items", {}), "%s[%d]" % (where, i))]
    if not isinstance(value, dict):
        return []
    known = list(rules.get("properties", {}))
    places = [known.index(key) for key in value if key in known]
    faults = [] if places == sorted(places) else ["%s: %s" % (where, list(value))]
    return faults + [fault for key, item in value.items() for fault in faults_of_order(item, rules.get("properties", {}).get(key, {}), where + "." + key)]


def no_key_twice(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), "a key comes twice: %s" % keys
    return dict(pairs)


def check(jsonschema, text, kind, about):
    document = json.loads(text, object_pairs_hook=no_key_twice)
    rules = schema(kind or document["kind"])
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(rules).iter_errors(document))
    assert error is None, "ofctl %s: %s: %s" % (about, error.json_path, error.message)
    faults = faults_of_order(document, rules)
    assert not faults, "ofctl %s: not in the order of the schema: %s" % (about, faults[:3])
    return rules["title"]


def check_verbs(jsonschema, ask, verbs, failing=frozenset()):
    for verb in verbs:
        code, out, err = ask(*verb.split())
        assert out.strip() and "\x1b" not in out, (verb, code, out, err)
        for line in out.splitlines():
            check(jsonschema, line, None, verb)
            assert ("error" in json.loads(line)) == (verb in failing), (verb, code, line)


def copies_of(instance):
    copies = instance.folder / "copies"
    copies.mkdir()
    for path in instance.segments():
        shutil.copy(path, copies)
    return str(copies)


def test_each_schema_is_one_and_refuses_what_it_does_not_know():
    jsonschema = library()
    paths = sorted(SCHEMAS.glob("*.json"))
    assert len(paths) > 25, paths
    for path in paths:
        rules = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(rules)
        assert rules["title"].startswith(("ofctl", "a line of ofctl", "verbs")), path
        assert not jsonschema.Draft202012Validator(rules).is_valid({"version": 2}), path
        assert "additionalProperties" in rules and rules["required"], path


def test_every_document_keeps_to_its_schema_live_and_copied():
    jsonschema = library()
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        wait_for(lambda: instance.metric("orderflow_rows_stored_total"), "rows are stored")
        assert instance.ofctl("kill", "storage")[0] == 0
        wait_for(lambda: json.loads(instance.ofctl("--json", "postmortem", "ls")[1])["bundles"], "a bundle is there")
        instance.wait_healthy()
        check_verbs(jsonschema, lambda *verb: instance.ofctl("--json", *verb), LIVE + BOTH, FAIL)
        bad = instance.folder / "bad.toml"
        bad.write_text('[rings]\nmarket_slot = 4\nlog_slots = "x"\n')
        check_verbs(jsonschema, lambda *verb: run(OFCTL, "--json", *verb, str(bad)), ("config check",))
        changed = instance.config.read_text()
        instance.config.write_text(changed + "[logger]\nformat = \"json\"\n" if "[logger]" not in changed else changed)
        check_verbs(jsonschema, lambda *verb: instance.ofctl("--json", *verb), ("config diff",))
        instance.config.write_text(changed)
        for kind, verbs in LINES.items():
            for verb in verbs:
                lines = instance.ofctl("--json", *verb.split())[1].splitlines()
                assert lines, verb
                for line in lines:
                    check(jsonschema, line, kind, verb)
        newest = json.loads(instance.ofctl("--json", "shm", "tail", "market.0", "-n", "1")[1])
        recording = str(instance.folder / "market.rec")
        check_verbs(jsonschema, lambda *verb: instance.ofctl("--json", *verb), (
            "trace " + newest["correlation"], "shm record market.0 %s --backlog -n 20" % recording,
            "shm replay %s --to %s/again" % (recording, instance.folder), "postmortem export --last --tar %s/bundle.tar" % instance.folder))
        copies = copies_of(instance)
        check_verbs(jsonschema, lambda *verb: run(OFCTL, "--from", copies, "--instance", instance.name, "--json", *verb), BOTH, FAIL)
        market = pathlib.Path(copies) / (instance.name + ".market.0")
        data = bytearray(market.read_bytes())
        data[8192] ^= 0xFF
        market.write_bytes(data)
        check_verbs(jsonschema, lambda *verb: run(OFCTL, "--from", copies, "--instance", instance.name, "--json", *verb), ("shm verify",))
        newest = instance.ofctl_json("postmortem", "ls")["bundles"][0]["id"]
        check_verbs(jsonschema, lambda *verb: instance.ofctl("--json", *verb), ("postmortem rm " + newest,))
        assert instance.stop() == 0, instance.output()


def test_output_of_copies_is_the_same_byte_for_byte():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        wait_for(lambda: instance.metric("orderflow_rows_stored_total"), "rows are stored")
        copies = copies_of(instance)
        for verb in ("shm ls", "shm verify", "breaker", "version", "logs", "events", "shm tail market.0 -n 50", "metrics", "errors", "health"):
            for form in ("json",) if verb == "errors" else ("json", "table"):  # its table has ages
                command = [OFCTL, "--from", copies, "--instance", instance.name, "-o", form, *verb.split()]
                texts = {subprocess.run(command, capture_output=True, timeout=60, check=False).stdout for _ in range(2)}
                assert len(texts) == 1, (verb, form, texts)
        assert instance.stop() == 0, instance.output()


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
