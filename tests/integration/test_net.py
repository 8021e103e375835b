# SPDX-License-Identifier: Apache-2.0
"""Machines on a network: a bridge in a namespace of the test's own, with a tap for each machine."""
import hashlib
import itertools
import os
import subprocess

import harness
import pytest
from harness import CMDLINE, GUESTS
from processes import PATIENCE, run

HOST, GUEST = "10.77.0.1", "10.77.0.2"
NET = {"kernel__cmdline": f"{CMDLINE} witness.net={GUEST}/24"}
MAC = "52:54:00:12:34:56"


class Network:
    """A bridge with the address HOST and persistent taps tap0 and tap1."""
    numbers = itertools.count()

    def __init__(self):
        self.name = f"thaw-{os.getpid()}-{next(self.numbers)}"
        self.within = ["ip", "netns", "exec", self.name]
        subprocess.run(["modprobe", "-qa", "tun", "bridge"], check=False)

    def __enter__(self):
        run("ip", "netns", "add", self.name)
        self.run("ip", "link", "add", "bridge", "type", "bridge")
        for tap in "tap0", "tap1":
            self.run("ip", "tuntap", "add", tap, "mode", "tap")
            self.run("ip", "link", "set", tap, "master", "bridge", "up")
        self.run("ip", "address", "add", f"{HOST}/24", "dev", "bridge")
        self.run("ip", "link", "set", "bridge", "up")
        return self

    def __exit__(self, *exception):
        run("ip", "netns", "delete", self.name)

    def run(self, *command, **options):
        return run(*self.within, *command, **options)

    def get(self, path, *options):
        return self.run("curl", "-sS", "--fail", "-m", PATIENCE, *options, f"http://{GUEST}/{path}")


@pytest.fixture
def network():
    with Network() as network:
        yield network


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def serves(network, lab):
    """Both directions: what the guest has, and what it says of what it got."""
    page = lab.path("page")
    network.get("busybox", "-o", page)
    assert page.stat().st_size > 1 << 20
    told = network.get("cgi-bin/sha256", "--data-binary", f"@{page}").stdout
    assert told.split()[0] == sha256(page)
    return sha256(page)


@pytest.mark.parametrize("kernel", ["small", "stock"])
def test_guest_serves_on_its_network(lab, network, kernel):
    options = {}
    if kernel == "stock":
        if not harness.STOCK_KERNEL:
            pytest.skip("THAW_STOCK_KERNEL is not set")
        options = {"kernel": harness.STOCK_KERNEL, "machine__memory": "256M",
                   "kernel__initrd": GUESTS / "stock" / "initrd.cpio.gz"}
    vm = lab.boot(within=network.within, net__lan__tap="tap0", net__lan__mac=MAC,
                  **NET, **options).ready()
    serves(network, lab)
    assert MAC in network.run("ip", "neighbour", "show", GUEST).stdout
    vm.poweroff()
