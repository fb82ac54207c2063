#!/usr/bin/env python3
"""What is configured and why, what a changed file would do, and which keys there are: ofctl config show, diff, schema and
explain, against running, dead and absent instances. Prints TAP.

usage: config_views_test.py [NAME...]
"""

import json
import stat
import sys
import tomllib

from system_support import OFCTL, ROOT, Instance, run, synthetic, toml_of
import tap

EXAMPLE = ROOT / "deploy/config/orderflow.toml"


def rewrite(instance, /, **sections):
    for name, keys in sections.items():
        instance.sections.setdefault(name, {}).update(keys)
    instance.config.write_text(toml_of(instance.sections))


def shown(answer):
    return {(row["section"], row["key"]): row for row in answer["keys"]}


def test_show_says_what_is_in_force_though_the_file_has_changed_and_the_instance_died():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        running = instance.folder / "state" / "config.running"
        assert stat.S_IMODE(running.stat().st_mode) == 0o600
        before = shown(instance.ofctl_json("config", "show"))
        lines = instance.config.read_text().splitlines()
        name = before["instance", "name"]
        assert name["value"] == instance.name and lines[name["line"] - 1].startswith("name = "), name
        assert before["logger", "level"]["origin"] == "default" and before["logger", "level"]["value"] == "info"
        rewrite(instance, logger={"level": "error"})
        assert shown(instance.ofctl_json("config", "show")) == before
        instance.process.kill()
        instance.process.wait()
        assert shown(instance.ofctl_json("config", "show")) == before


def test_a_reload_changes_what_is_in_force():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        rewrite(instance, logger={"level": "warn"}, supervisor={"stop_timeout_ms": 9000})
        diff = instance.ofctl_json("config", "diff")
        assert {row["key"]: (row["running"], row["file"]) for row in diff["changed"]} == {
            "logger.level": ("info", "warn"), "supervisor.stop_timeout_ms": (10000, 9000)}, diff
        assert diff["reload"] == {"supervisor": "at once", "logger": "restarted", "storage": "unchanged",
                                  "communication": "unchanged", "binance": "unchanged"}, diff
        before = instance.pids()
        code, out, err = instance.ofctl("config", "reload")
        assert code == 0 and "logger restarted" in out and "storage unchanged" in out, (code, out, err)
        instance.wait_healthy()
        after = instance.pids()
        assert {name for name in after if after[name] != before[name]} == {"logger"}, (before, after)
        assert shown(instance.ofctl_json("config", "show"))["logger", "level"]["value"] == "warn"
        assert instance.ofctl_json("config", "diff")["changed"] == []
        assert instance.stop() == 0, instance.output()


def test_diff_says_what_would_be_refused_and_what_is_wrong():
    with synthetic() as exchange, Instance(exchange) as instance:
        instance.start_and_wait()
        rewrite(instance, rings={"log_slots": 2048})
        code, out, err = instance.ofctl("config", "diff")
        assert code == 1 and "[rings] needs a stop and a start" in out and "+ 2048" in out, (code, out, err)
        rewrite(instance, rings={"log_slots": 3})
        code, out, err = instance.ofctl("config", "diff")
        assert code == 2 and "a power of two" in out + err, (code, out, err)
        assert instance.stop() == 0, instance.output()


def test_what_show_prints_of_a_file_is_a_configuration_that_means_the_same():
    with Instance() as instance:
        code, text, err = run(OFCTL, "config", "show", str(instance.config))
        assert code == 0, (code, text, err)
        assert max(map(len, text.splitlines())) < 200
        again = instance.folder / "again.toml"
        again.write_text(text)
        code, second, err = run(OFCTL, "config", "show", str(again))
        assert code == 0 and tomllib.loads(second) == tomllib.loads(text), (code, second, err)
        only = tomllib.loads(run(OFCTL, "config", "show", "--only-set", str(instance.config))[1])
        assert only == tomllib.loads(instance.config.read_text()), only


def test_the_schema_knows_each_key_of_the_example_and_its_default():
    code, out, err = run(OFCTL, "config", "schema", "--json")
    assert code == 0, (code, out, err)
    schema = json.loads(out)
    keys = [line[2:] if line.startswith("# ") and " = " in line and line[2:].split(" = ")[0].isidentifier() else line
            for line in EXAMPLE.read_text(encoding="utf-8").splitlines()]
    types = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list}

    def compare(table, node, path):
        for name, value in table.items():
            assert name in node["properties"], "%s.%s is not in the schema" % (path, name)
            rule = node["properties"][name]
            if isinstance(value, dict):
                compare(value, rule, "%s.%s" % (path, name))
            else:
                assert isinstance(value, types[rule["type"]]), (path, name, value, rule)
                assert "enum" not in rule or value in rule["enum"], (path, name, value, rule)
                assert rule.get("minimum", value) <= value <= rule.get("maximum", value), (path, name, value, rule)
                assert rule["description"], (path, name)

    compare(tomllib.loads("\n".join(keys)), schema, "")
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) >= {"instance", "rings", "binance", "storage", "logger", "communication"}


def test_the_schema_as_text_and_one_key_explained():
    code, out, err = run(OFCTL, "config", "schema")
    assert code == 0 and out.count("[") > 12 and "batch_rows_max = " in out, (code, out, err)
    code, out, err = run(OFCTL, "config", "explain", "logger.level")
    assert code == 0 and '"info"' in out and "of-logger" in out and "debug" in out, (code, out, err)
    code, out, err = run(OFCTL, "config", "explain", "failures_max")
    assert code == 0 and "supervisor.restart.failures_max" in out and "supervisor.storage.failures_max" in out, out
    code, out, err = run(OFCTL, "config", "explain", "logger.levle")
    assert code == 4 and "did you mean logger.level" in err, (code, out, err)


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
