"""Workers that outlive their supervisor: it is killed again and again, and a manager of ours starts the next one with what it was
given to keep. CHAOS.md has the table. Prints TAP.

usage: keep_test.py [NAME...]        runs all cases, or those whose names contain one of NAME
"""

import os
import platform
import signal
import subprocess
import sys
import time

from chaos_support import WORKERS, bundles, chance, count, market, processes_of, say, send
from keeper import Keeper, KeptInstance
from store_support import check_store, settle, wait_until_stored
from system_support import OFCTL, SUPERVISOR, Instance, alive, run, synthetic, toml_of, wait_for
import tap

# PIDFD_INFO_EXIT: how a process ended that was not our child.
KERNEL_TELLS = tuple(int(word) for word in platform.release().split("-")[0].split(".")[:2]) >= (6, 15)


def start_again(instance):
    instance.start()
    instance.wait_healthy()
    return instance.pids()


def lives(instance):
    """{worker: (incarnation, restarts)}"""
    return {name: (row["incarnation"], row["restarts"]) for name, row in instance.workers().items()}


def stop_and_look(instance):
    assert instance.stop() == 0, instance.output()
    assert not instance.keeper.names(), "left in the store: %s" % instance.keeper.names()
    assert not processes_of(instance)


def kill_one(instance, name):
    before = instance.pids()
    send(before[name], signal.SIGKILL)
    wait_for(lambda: instance.pids().get(name, before[name]) != before[name], name + " is back")
    instance.wait_healthy()
    after = instance.pids()
    assert {each for each in WORKERS if after[each] != before[each]} == {name}, (before, after)


def test_workers_go_on_when_their_supervisor_is_killed_again_and_again():
    dice = chance()
    gaps = []
    with market(500) as exchange, Keeper() as keeper, KeptInstance(keeper, exchange) as instance:
        instance.start_and_wait()
        wait_until_stored(instance, exchange)
        pids = instance.pids()
        for number in range(count(20)):
            before = lives(instance)
            instance.kill_supervisor()
            killed = time.monotonic()
            time.sleep(dice.uniform(0, 0.2))
            assert all(alive(pid) for pid in pids.values()), "a worker ended with its supervisor"
            assert start_again(instance) == pids, (pids, instance.pids())
            gaps.append(time.monotonic() - killed)
            assert lives(instance) == before and sorted(processes_of(instance)) == sorted(pids.values())
            assert "; workers outlive it" in instance.ofctl("status")[1]
            if number % 5 == 4:
                kill_one(instance, dice.choice(WORKERS))
                pids = instance.pids()
        say("without a supervisor for at most %d ms" % (max(gaps) * 1000))
        assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
        played = settle(instance, exchange)
        stop_and_look(instance)
        stored, named = check_store(instance, played)
        say("%d ids are stored, %d are named as missing" % (stored, named))
        assert keeper.lines.count("READY=1") == count(20) + 1


def test_a_worker_that_dies_meanwhile_is_replaced_at_the_next_start():
    with market(500) as exchange, Keeper() as keeper, KeptInstance(keeper, exchange) as instance:
        instance.start_and_wait()
        wait_until_stored(instance, exchange)
        for victim in WORKERS:
            before = instance.pids()
            instance.kill_supervisor()
            send(before[victim], signal.SIGKILL)
            wait_for(lambda: not alive(before[victim]), victim + " has ended")
            instance.start()
            wait_for(lambda: instance.pids().get(victim, before[victim]) != before[victim], victim + " is back")
            instance.wait_healthy()
            after = instance.pids()
            assert {name for name in WORKERS if after[name] != before[name]} == {victim}, (before, after)
            row = instance.workers()[victim]
            assert row["restarts"] == 1 and row["last_exit"] in ("signal 9", "" if KERNEL_TELLS else "unknown"), row
        played = settle(instance, exchange)
        stop_and_look(instance)
        check_store(instance, played)


def test_a_manager_that_keeps_only_names_of_the_living_is_enough():
    """One that drops the pidfds of the dead, as systemd before 246 does."""
    with synthetic() as exchange, Keeper() as keeper, KeptInstance(keeper, exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        instance.kill_supervisor()
        send(before["storage"], signal.SIGKILL)
        wait_for(lambda: not alive(before["storage"]), "storage has ended")
        keeper.drop("storage.")
        instance.start()
        wait_for(lambda: instance.pids().get("storage", before["storage"]) != before["storage"], "storage is back")
        instance.wait_healthy()
        assert instance.workers()["storage"]["last_exit"] == "unknown", instance.workers()
        kill_one(instance, "storage")
        stop_and_look(instance)


def test_a_supervisor_that_is_killed_in_its_start_leaves_one_set_of_workers():
    dice = chance()
    with synthetic() as exchange, Keeper() as keeper, KeptInstance(keeper, exchange) as instance:
        for _ in range(count(20)):
            instance.start()
            time.sleep(dice.uniform(0, 0.15))
            instance.kill_supervisor()
        pids = start_again(instance)
        wait_for(lambda: sorted(processes_of(instance)) == sorted(pids.values()), "nobody else is there")
        for name in WORKERS:
            kill_one(instance, name)
        assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
        stop_and_look(instance)


def test_what_a_reload_and_an_upgrade_have_changed_is_kept():
    with synthetic() as exchange, Keeper() as keeper, KeptInstance(keeper, exchange) as instance:
        instance.start_and_wait()
        instance.sections.setdefault("storage", {})["batch_rows_max"] = 100
        instance.config.write_text(toml_of(instance.sections))
        code, out, err = instance.ofctl("config", "reload")
        assert code == 0, (code, out, err)
        pids = instance.pids()
        instance.config.write_text("no configuration at all")  # what is in force counts
        instance.kill_supervisor()
        assert start_again(instance) == pids
        assert instance.ofctl_json("status")["config_generation"] == 2
        assert "config.2" in keeper.names() and "config.1" not in keeper.names()
        instance.config.write_text(toml_of(instance.sections))
        wait_for(lambda: bundles(instance), "the post mortem of the supervisor is written: an upgrade is refused while one is")
        assert instance.ofctl("upgrade")[0] == 0
        instance.wait_healthy()
        assert instance.pids() == pids
        instance.kill_supervisor()
        assert start_again(instance) == pids
        kill_one(instance, "logger")
        code, out, err = instance.ofctl("stop", "storage")
        assert code == 0, (code, out, err)
        instance.kill_supervisor()
        instance.start()
        wait_for(lambda: instance.ofctl("status")[0] == 3, "the supervisor is there")
        assert instance.workers()["storage"]["state"] == "stopped", "an operator has stopped it"
        assert instance.ofctl("start", "storage")[0] == 0
        stop_and_look(instance)


def not_running_by_it(instance):
    """Workers that do not run, or run by another configuration than the one in force."""
    status = instance.ofctl_json("status")
    return [row for row in status["workers"] if row["state"] != "running" or row["config_generation"] != status["config_generation"]]


def test_a_reload_that_is_cut_off_leaves_one_configuration():
    dice = chance()
    with synthetic() as exchange, Keeper() as keeper, KeptInstance(keeper, exchange) as instance:
        instance.start_and_wait()
        ahead = 0
        for number in range(count(8)):
            instance.sections["trace"]["sample"] = 2 + number  # every worker is restarted for it
            instance.config.write_text(toml_of(instance.sections))
            reload = subprocess.Popen([OFCTL, "--instance", instance.name, "config", "reload"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(dice.uniform(0.1, 0.8))
            instance.kill_supervisor()
            reload.wait()
            status = instance.ofctl_json("status")
            ahead += any(row["config_generation"] > status["config_generation"] for row in status["workers"])
            start_again(instance)

            try:
                wait_for(lambda: not not_running_by_it(instance), "all run by the configuration in force")
            except AssertionError:
                raise AssertionError("not by the configuration in force: %s" % not_running_by_it(instance)) from None
            assert sorted(processes_of(instance)) == sorted(instance.pids().values())
        say("%d of %d reloads were cut off when workers ran by them; generation %d is in force" %
            (ahead, count(8), instance.ofctl_json("status")["config_generation"]))
        stop_and_look(instance)


def test_a_configuration_that_does_not_fit_begins_anew():
    with market(500) as exchange, Keeper(23) as keeper, KeptInstance(keeper, exchange) as instance:
        instance.start_and_wait()
        wait_until_stored(instance, exchange)
        before = set(instance.pids().values())
        instance.kill_supervisor()
        instance.sections["rings"]["trace_slots"] = 32768
        instance.config.write_text(toml_of(instance.sections))
        after = start_again(instance)
        assert len(after) == 4 and not before & set(after.values())
        assert not [pid for pid in before if alive(pid)], "workers of the former configuration"
        wait_for(lambda: "everything begins anew: [rings] was changed" in instance.log(), "the log says why")
        assert start_after_kill(instance) == after, "these are kept again"
        played = settle(instance, exchange)
        stop_and_look(instance)
        check_store(instance, played)


def start_after_kill(instance):
    instance.kill_supervisor()
    return start_again(instance)


def test_a_segment_that_is_gone_begins_anew():
    with synthetic() as exchange, Keeper() as keeper, KeptInstance(keeper, exchange) as instance:
        instance.start_and_wait()
        for segment in ("market.0", "governor"):
            before = set(instance.pids().values())
            instance.kill_supervisor()
            os.unlink("/dev/shm/%s.%s" % (instance.name, segment))
            after = start_again(instance)
            assert not before & set(after.values()) and not [pid for pid in before if alive(pid)], segment
        stop_and_look(instance)


def test_a_supervisor_killed_while_it_mends_begins_anew():
    """Some workers have the broken segment mapped still, and none of them may be taken for well."""
    with synthetic() as exchange, Keeper() as keeper, KeptInstance(keeper, exchange) as instance:
        instance.start_and_wait()
        before = instance.pids()
        send(before["communication"], signal.SIGSTOP)  # it does not let go, so the mending goes on
        os.truncate("/dev/shm/%s.market.0" % instance.name, 0)
        wait_for(lambda: "market.0 is broken, and was made anew" in instance.log(), "the supervisor mends", 60)
        instance.kill_supervisor()
        send(before["communication"], signal.SIGCONT)
        after = start_again(instance)
        assert not set(before.values()) & set(after.values()), (before, after)
        assert not [pid for pid in before.values() if alive(pid)], "a worker of the broken segment"
        assert instance.ofctl("shm", "verify")[0] == 0, instance.ofctl("shm", "verify")
        stop_and_look(instance)


def test_workers_end_when_the_manager_keeps_nothing_any_more():
    with synthetic() as exchange, Keeper() as keeper, KeptInstance(keeper, exchange) as instance:
        instance.start_and_wait()
        pids = instance.pids()
        instance.kill_supervisor()
        code, out, _ = instance.ofctl("status")
        assert code == 7 and "is gone; workers wait for the next" in out and all(alive(pid) for pid in pids.values()), (code, out)
        assert "4 workers wait for the next supervisor" in instance.ofctl("doctor")[1]
        keeper.discard()
        wait_for(lambda: not any(alive(pid) for pid in pids.values()), "all drain and end")
        instance.start_and_wait()
        assert not set(pids.values()) & set(instance.pids().values())
        stop_and_look(instance)


def test_keep_is_refused_where_nobody_keeps_anything():
    with synthetic() as exchange:
        with Instance(exchange, supervisor={"orphans": "keep"}) as instance:
            code, _, err = run(SUPERVISOR, "run", "--config", str(instance.config))
            assert code == 2 and 'orphans = "keep"' in err and "NOTIFY_SOCKET" in err and len(err.splitlines()) == 1, (code, err)
        for room in (0, 20):
            with Keeper(room) as keeper, KeptInstance(keeper, exchange) as instance:
                instance.start()
                assert instance.process.wait(60) == 2, instance.output()
                assert "FileDescriptorStoreMax=" in instance.output() and len(instance.output().splitlines()) == 1, instance.output()
                assert not keeper.names() and not instance.segments() and not processes_of(instance)


def test_keep_cannot_be_switched_while_the_instance_runs():
    with synthetic() as exchange, Keeper() as keeper, KeptInstance(keeper, exchange) as instance:
        instance.start_and_wait()
        pids = instance.pids()
        instance.sections["supervisor"]["orphans"] = "end"
        instance.config.write_text(toml_of(instance.sections))
        code, out, err = instance.ofctl("config", "reload")
        assert code == 1 and "supervisor.orphans" in out + err and instance.pids() == pids, (code, out, err)
        stop_and_look(instance)


if __name__ == "__main__":
    tap.main((sys.modules[__name__],), sys.argv[1:])
