# SPDX-License-Identifier: Apache-2.0
"""Servers, freezes and collectors that are killed at any moment, and what the store is like
afterwards; and thawd's commands on it.  Needs no proxy."""
import json
import os
import signal
import subprocess
import time
import urllib.request

import pytest
from conftest import BENCH, make_snapshot
from processes import PATIENCE, THAWD, free_port, run, wait_for

MOMENTS = int(os.environ.get("THAW_TEST_MOMENTS", "12"))  # at which each of them is killed
LARGE = {"size": "128M", "data": "64M"}  # a thaw takes long enough to do something meanwhile
OBJECTS = ("manifests", "state", "index", "packs")


def config_for(lab, store):
    path = lab.path("gc.ini")
    path.write_text(f"[server]\nstore = {store}\n")
    return path


def make(url, number):
    """Freeze other memory each time."""
    return [str(part) for part in (BENCH, "make", url, "web", "--size", "8M", "--data",
                                   f"{2048 + 64 * number}K", "--compressible", 0)]


def kill_after(command, seconds):
    """Was it killed before its end?"""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        return True
    finally:
        process.wait()


def duration(command):
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   timeout=PATIENCE)
    return time.monotonic() - start


def files(store):
    return [f"{directory}/{name}" for directory in (*OBJECTS, "tmp")
            for name in os.listdir(f"{store}/{directory}")]


def age(store, seconds=7200):
    """Let everything in the store be old."""
    past = time.time() - seconds
    for name in files(store):
        os.utime(f"{store}/{name}", (past, past))


def check_sound(config):
    done = run(THAWD, "fsck", config, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def check_no_orphans(config, store):
    """Behind a collection, everything that is there is needed."""
    age(store)
    run(THAWD, "gc", config)
    again = run(THAWD, "gc", config, "--grace", "0s").stdout
    assert "removed 0 files" in again
    refs = len(os.listdir(f"{store}/refs"))
    assert len(os.listdir(f"{store}/manifests")) <= refs
    assert os.listdir(f"{store}/tmp") == []
    check_sound(config)


@pytest.fixture
def store(lab):
    """With a snapshot that nothing may happen to, and a name that is given anew."""
    path = lab.path("store")
    make_snapshot(path, "kept")
    run(*make(f"dir:{path}", 0))
    return path


def test_freezes_that_are_killed(lab, store):
    config = config_for(lab, store)
    kept = (store / "refs/kept").read_text()
    whole = duration(make(f"dir:{store}", 1))
    killed = 0
    for moment in range(MOMENTS):
        killed += kill_after(make(f"dir:{store}", 2 + moment), whole * moment / MOMENTS)
        check_sound(config)
        assert (store / "refs/kept").read_text() == kept
    assert killed
    check_no_orphans(config, store)


def test_servers_that_are_killed_while_they_store(lab, store):
    config = config_for(lab, store)
    server = lab.server(store=store)
    whole = duration(make(f"tcp://127.0.0.1:{server.port}", 1))
    for moment in range(MOMENTS):
        freeze = subprocess.Popen(make(f"tcp://127.0.0.1:{server.port}", 2 + moment),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole * moment / MOMENTS)
        server.kill()
        freeze.kill()
        freeze.wait()
        check_sound(config)
        server = lab.server(store=store)
    server.stop()
    check_no_orphans(config, store)


def test_collectors_that_are_killed(lab, store):
    config = config_for(lab, store)
    collect = [THAWD, "gc", str(config)]
    for number in range(1, 8):
        run(*make(f"dir:{store}", number))
    age(store)
    whole = duration([*collect, "--dry-run"])
    for moment in range(MOMENTS):
        kill_after(collect, whole * (1 + moment) / MOMENTS)
        check_sound(config)
        run(*make(f"dir:{store}", 8 + moment))
        age(store)
    check_no_orphans(config, store)


def test_collecting_beside_freezes(lab, store):
    """The grace time protects what is being stored; nothing that is published lacks anything."""
    config = config_for(lab, store)
    collector = subprocess.Popen(
        ["sh", "-c", f"while :; do {THAWD} gc {config} --grace 2s >/dev/null || exit 1; done"])
    try:
        for number in range(MOMENTS):
            run(*make(f"dir:{store}", number % 3))
            check_sound(config)
        assert collector.poll() is None
    finally:
        collector.kill()
        collector.wait()
    time.sleep(0.1)  # the last gc of the loop may still be at it
    check_no_orphans(config, store)


def test_lease_keeps_what_a_machine_thaws_from(lab):
    snapshot = make_snapshot(lab.path("store"), "web", **LARGE)
    config = config_for(lab, snapshot.store)
    server = lab.server(store=snapshot.store)
    thaw = lab.start_thaw(server.url("web"), snapshot, "--threads", "1")
    leases = snapshot.store / "leases"
    wait_for(lambda: os.listdir(leases), "no lease")
    (snapshot.store / "refs/web").unlink()
    age(snapshot.store)
    assert "1 snapshots are in use; removed 0 files" in run(THAWD, "gc", config).stdout
    assert thaw.wait() == 0, thaw.messages()
    wait_for(lambda: not os.listdir(leases), "the lease is still there")
    run(THAWD, "gc", config)
    assert not os.listdir(snapshot.store / "packs")


def test_fsck_names_what_is_hit(lab):
    snapshot = make_snapshot(lab.path("store"), "web")
    config = config_for(lab, snapshot.store)
    pack = next((snapshot.store / "packs").iterdir())
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    done = run(THAWD, "fsck", config, "--json", check=False)
    assert done.returncode == 65
    problems = json.loads(done.stdout)["problems"]
    assert [f"packs/{pack.name}"] == [p["name"] for p in problems if p["name"].startswith("packs")]
    assert all(problem["refs"] == ["web"] for problem in problems)


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
        return answer.read().decode()


def test_metrics(lab, snapshot):
    port = free_port()
    server = lab.server(store=snapshot.store, metrics__listen=f"127.0.0.1:{port}")
    assert lab.thaw(server.url("web"), snapshot, "--threads", "1", "--fill").exit_code == 0
    wait_for(lambda: json.loads(get(port, "/status"))["connections"] == 0, "connections are left")
    values = dict(line.rsplit(" ", 1) for line in get(port, "/metrics").splitlines()
                  if line[0] != "#")
    assert float(values['thawd_requests_total{type="GET"}']) > 0
    assert float(values["thawd_machines"]) == 0
    asked = sum(float(values[f'thawd_pages_total{{for="{what}"}}']) for what in ("demand", "bulk"))
    assert asked >= snapshot.data_pages
    buckets = [float(value) for name, value in values.items()
               if name.startswith('thawd_served_seconds_bucket{for="demand"')]
    assert buckets == sorted(buckets)
    assert buckets[-1] == float(values['thawd_served_seconds_count{for="demand"}'])


def test_restart_in_the_middle_of_a_thaw(lab):
    snapshot = make_snapshot(lab.path("store"), "web", **LARGE)
    server = lab.server(store=snapshot.store)
    thaw = lab.start_thaw(server.url("web"), snapshot, "--threads", "2")
    wait_for(lambda: os.listdir(snapshot.store / "leases"), "no thaw")
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    lab.server(store=snapshot.store, port=server.port)
    assert thaw.wait() == 0, thaw.messages()
