#!/usr/bin/env python3
"""What ofctl prints as JSON, held against the schemas that are shipped with it (supervisor/ofctl/schema): of a running instance that
has lost a worker, of copies of its segments, and of verbs that fail. Keys come in the order in which the schema has them.
Real processes. Prints TAP.

usage: ofctl_schema_test.py [NAME...]
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

from system_support import OFCTL, ROOT, Instance, run, synthetic, wait_for
import tap

SCHEMAS = ROOT / "supervisor" / "ofctl" / "schema"
NEEDS = "python3-jsonschema is not installed"

# Verb: the kind of its document, which names the schema, and the exit codes that it may have. Those of the second table work on copied
# segments too.
LIVE = {
    "doctor": ("doctor", 0, 3), "doctor --fix-hints": ("doctor", 0, 3),  # by the machine
    "top -b -n 1 -d 0.2": ("top", 0), "wait": ("result", 0), "restart --all --dry-run": ("result", 0), "shm gc": ("gc", 0),
    "config diff": ("config diff", 0), "config reload --dry-run": ("config diff", 0), "upgrade --dry-run": ("result", 0),
    "status nobody": ("result", 4), "health --max-age 1": ("health", 0, 3),  # by the moment
    "metrics --interval 0.1": ("metrics", 0), "shm hz --interval 0.1": ("hz", 0), "status -o json --wide": ("status", 0)}
BOTH = {
    "status": ("status", 0), "health": ("health", 0), "shm ls": ("segments", 0), "shm verify": ("verify", 0),
    "shm hz --interval 0.05": ("hz", 0), "breaker": ("breakers", 0), "breaker show binance/rest": ("breaker", 0),
    "metrics --interval 0": ("metrics", 0), "errors": ("errors", 0), "limits": ("limits", 0), "version": ("version", 0),
    "postmortem ls": ("postmortems", 0), "postmortem show --last": ("postmortem", 0), "config show": ("config show", 0),
    "config check": ("config check", 0), "status --schedule": ("schedules", 0), "shm dump control": ("status", 0),
    "shm dump book.0": ("book", 0), "shm dump metrics.storage": ("metrics", 0), "shm dump governor": ("limits", 0),
    "shm dump market.7": ("result", 4)}
# Of copies, where they differ: nobody is there.
COPIED = {"status": ("status", 7), "health": ("health", 7)}
# Verbs that print lines of one kind.
LINES = {"log_record": ("logs", "events"), "audit": ("events --audit",), "message": ("shm tail market.0 -n 300", "shm dump log.storage -n 5", "shm tail trace.binance -n 50")}


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


def check_verbs(jsonschema, ask, verbs):
    wrong = []
    for verb, (kind, *codes) in verbs.items():
        code, out, err = ask(*verb.split())
        assert out.strip() and "\x1b" not in out, (verb, code, out, err)
        kinds = {json.loads(line)["kind"] for line in out.splitlines()}
        if kinds != {kind} or code not in codes:
            wrong.append("ofctl %s: %s, exit code %d; expected %s, %s: %s" % (verb, kinds, code, kind, codes, out[:200]))
            continue
        for line in out.splitlines():
            check(jsonschema, line, kind, verb)
    assert not wrong, "\n".join(wrong)


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


def test_each_kind_of_document_in_the_sources_has_a_schema_and_a_verb_here():
    sources = [path for folder in ("supervisor", "supervisor/ofctl") for path in (ROOT / folder).glob("*.cpp")]
    kinds = set()
    for path in sources:
        text = path.read_text(encoding="utf-8")
        kinds |= set(re.findall(r'open_document\("([^"]+)"\)', text))
        kinds |= set(re.findall(r'\\?"version\\?":1,\\?"kind\\?":\\?"([^"\\]+)\\?"', text))
    assert {"status", "postmortem rm", "config diff", "config check"} <= kinds, kinds
    missing = [kind for kind in kinds if not (SCHEMAS / (kind.replace(" ", "_") + ".json")).is_file()]
    assert not missing, "no schema for %s" % missing
    unasked = kinds - {kind for kind, *_ in (*LIVE.values(), *BOTH.values())} - {"trace", "recording", "replay", "postmortem export", "postmortem rm"}
    assert not unasked, "no verb here prints %s" % unasked


def test_every_document_keeps_to_its_schema_live_and_copied():
    jsonschema = library()
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        wait_for(lambda: instance.metric("orderflow_rows_stored_total"), "rows are stored")
        assert instance.ofctl("kill", "storage")[0] == 0
        wait_for(lambda: json.loads(instance.ofctl("--json", "postmortem", "ls")[1])["bundles"], "a bundle is there")
        instance.wait_healthy()
        check_verbs(jsonschema, lambda *verb: instance.ofctl("--json", *verb), {**LIVE, **BOTH})
        bad = instance.folder / "bad.toml"
        bad.write_text('[rings]\nmarket_slot = 4\nlog_slots = "x"\n')
        check_verbs(jsonschema, lambda *verb: run(OFCTL, "--json", *verb, str(bad)), {"config check": ("config check", 2)})
        changed = instance.config.read_text()
        instance.config.write_text(changed + "[logger]\nformat = \"json\"\n" if "[logger]" not in changed else changed)
        check_verbs(jsonschema, lambda *verb: instance.ofctl("--json", *verb), {"config diff": ("config diff", 0)})
        instance.config.write_text(changed)
        for kind, verbs in LINES.items():
            for verb in verbs:
                lines = instance.ofctl("--json", *verb.split())[1].splitlines()
                assert lines, verb
                for line in lines:
                    check(jsonschema, line, kind, verb)
        newest = json.loads(instance.ofctl("--json", "shm", "tail", "market.0", "-n", "1")[1])
        recording = str(instance.folder / "market.rec")
        bundle = json.loads(instance.ofctl("--json", "postmortem", "ls")[1])["bundles"][-1]["id"]
        check_verbs(jsonschema, lambda *verb: instance.ofctl("--json", *verb), {
            "trace " + newest["correlation"]: ("trace", 0),
            "shm record market.0 %s --backlog -n 20" % recording: ("recording", 0),
            "shm record market.0 %s" % recording: ("result", 1),
            "shm replay %s --to %s/again" % (recording, instance.folder): ("replay", 0),
            "postmortem export --last --tar %s/bundle.tar" % instance.folder: ("postmortem export", 0)})
        copies = copies_of(instance)
        check_verbs(jsonschema, lambda *verb: run(OFCTL, "--from", copies, "--instance", instance.name, "--json", *verb), {**BOTH, **COPIED})
        market = pathlib.Path(copies) / (instance.name + ".market.0")
        data = bytearray(market.read_bytes())
        data[300] ^= 0xFF  # a byte of the header that nobody writes
        market.write_bytes(data)
        check_verbs(jsonschema, lambda *verb: run(OFCTL, "--from", copies, "--instance", instance.name, "--json", *verb), {"shm verify": ("verify", 8)})
        check_verbs(jsonschema, lambda *verb: instance.ofctl("--json", *verb), {"postmortem rm " + bundle: ("postmortem rm", 0)})
        assert instance.stop() == 0, instance.output()


def test_output_of_copies_is_the_same_byte_for_byte():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        wait_for(lambda: instance.metric("orderflow_rows_stored_total"), "rows are stored")
        copies = copies_of(instance)
        for verb in ("shm ls", "shm verify", "breaker", "version", "logs", "events", "shm tail market.0 -n 50", "metrics", "errors", "health"):
            for form in ("json", "table"):
                command = [OFCTL, "--from", copies, "--instance", instance.name, "-o", form, *verb.split()]
                texts = {subprocess.run(command, capture_output=True, timeout=60, check=False).stdout for _ in range(2)}
                assert len(texts) == 1, (verb, form, texts)
        assert instance.stop() == 0, instance.output()


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
