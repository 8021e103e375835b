# SPDX-License-Identifier: Apache-2.0
"""A Debian guest with work to do (tests/guests/workload/jobs.py) moves between two hosts of one
network, where its clients and the server of its snapshots are, too."""
import contextlib
import itertools
import os
import socket
from collections import namedtuple

import handler
import harness
import pytest
from networks import GUEST, HOST, Network
from processes import wait_for
from redis import Redis

pytestmark = pytest.mark.jobs

GENERATIONS = 10
PAGE_BYTES, RATE = 4 << 20, 120_000  # it takes longer than a freeze
FUNCTION_PORT, REDIS_PORT = 5000, 6379
BOOT = {"initrd": False, "machine__memory": "256M", "machine__vcpus": 2, "balloon__enabled": "yes",
        "kernel__cmdline": "console=ttyS0 quiet panic=-1 root=/dev/vda ro init=/init "
                           f"program=/jobs.py address={GUEST}/24"}

Place = namedtuple("Place", "lan hosts server")


@pytest.fixture
def place(lab):
    with contextlib.ExitStack() as stack:
        lan, *hosts = [stack.enter_context(Network(address))
                       for address in (HOST, "10.77.0.11", "10.77.0.12")]
        for host in hosts:
            lan.join(host)
        server = lab.server(address=HOST, within=lan.within, server__insecure="yes")
        yield Place(lan, itertools.cycle(hosts), server)


def host_side(lab, host, name):
    """What a machine has of the host that it runs on."""
    scratch = lab.path("scratch")
    if not scratch.exists():
        scratch.write_bytes(bytes(16 << 20))
    return {"name": name, "within": host.within, "net__lan__tap": "tap0",
            "vsock__path": lab.path(f"{name}.vsock"), "disk__root__path": os.environ["THAW_WORKLOAD"],
            "disk__root__read_only": "yes", "disk__scratch__path": scratch}


def boot(lab, place):
    vm = lab.boot(**BOOT, **host_side(lab, next(place.hosts), "first"))
    vm.expect("READY")
    return vm


def thaw(lab, place, url, name, **sets):
    return lab.restore(url, restore__prefetch="none", **host_side(lab, next(place.hosts), name), **sets)


class Clients:
    """What the guest is asked to do, and what it must answer."""

    def __init__(self, lab, lan):
        self.lan, self.page = lan, lab.path("page")
        self.page.write_bytes(os.urandom(PAGE_BYTES))
        self.lan.get("page", "-T", self.page)
        self.old = self.redis()

    def is_page(self, path):
        return path.read_bytes() == self.page.read_bytes()

    def web(self, path, name="page"):
        self.lan.get(name, "-o", path)
        assert self.is_page(path)

    def redis(self):
        """A connection of its own."""
        with self.lan.entered():
            return Redis(socket.create_connection((GUEST, REDIS_PORT), timeout=60))

    def database(self, generation):
        """Data of all generations, over the connection of the first one and over a new one."""
        new = self.redis()
        assert self.old.call("SET", f"key{generation}", f"value{generation}") == b"+OK"
        for redis in self.old, new:
            for each in range(generation + 1):
                assert redis.call("GET", f"key{each}") == f"value{each}".encode()
        assert new.call("INCR", "count") == f":{generation + 1}".encode()

    def function(self, path, word):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(str(path))
            connection.sendall(f"CONNECT {FUNCTION_PORT}\n{word}\n".encode())
            with connection.makefile("r") as answers:
                assert answers.readline().startswith("OK ")
                assert answers.readline().strip() == handler.handle(word)


def test_ten_moves(lab, place):
    """Each thaw is lazy, in one fault mode after the other, with every kind of device."""
    modes = itertools.cycle(harness.available_modes())
    vm = boot(lab, place)
    clients = Clients(lab, place.lan)
    for generation in range(GENERATIONS + 1):
        clients.web(lab.path("got"))
        clients.database(generation)
        clients.function(lab.path(f"{vm.name}.vsock"), f"word{generation}")
        if generation == GENERATIONS:
            break
        url = place.server.url(f"move{generation}")
        vm.snapshot(url)
        vm = thaw(lab, place, url, f"move{generation}", machine__fault_mode=next(modes))
    status = vm.status()
    assert status["faults"]["vcpu"] > 0 and not status["resident"]
    vm.poweroff()


@pytest.mark.parametrize("then", ["stop", "resume"])
def test_a_freeze_under_load_loses_nothing(lab, place, then):
    """A disk is written to and checked, and a file is sent each way."""
    vm = boot(lab, place)
    clients = Clients(lab, place.lan)
    got = lab.path("got")
    vm.send("load\n")
    down = place.lan.start("page", "--limit-rate", str(RATE), "-o", got)
    up = place.lan.start("up", "--limit-rate", str(RATE), "-T", clients.page)
    wait_for(lambda: got.exists() and got.stat().st_size > RATE, "nothing comes")
    vm.snapshot(place.server.url("loaded"), then=then)
    assert down.poll() is None and up.poll() is None and b"LOAD" not in vm.output
    if then == "stop":
        vm = thaw(lab, place, place.server.url("loaded"), "thawed")
    assert vm.expect(r"LOAD (\d+)").group(1) == b"0"
    assert down.wait(120) == 0 and clients.is_page(got)
    assert up.wait(120) == 0
    clients.web(got, "up")
    vm.poweroff()
