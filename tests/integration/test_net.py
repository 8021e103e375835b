# SPDX-License-Identifier: Apache-2.0
"""Machines on a network: taps on a bridge in a namespace of the test's own."""
import hashlib
import os
import subprocess
import time

import harness
import pytest
from harness import CMDLINE, GUESTS
from networks import GUEST, Network
from processes import PATIENCE, wait_for

NET = {"kernel__cmdline": f"{CMDLINE} witness.net={GUEST}/24"}
MAC = "52:54:00:12:34:56"


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


class Transfers:
    """The same once each way, both begun, and slow: for longer than a freeze takes."""
    RATE = 40_000

    def __init__(self, network, lab):
        page, self.got = lab.path("page"), lab.path("got")
        self.bytes = page.stat().st_size
        limit = ["--limit-rate", str(self.RATE)]
        self.down = network.start("busybox", *limit, "-o", self.got)
        self.up = network.start("cgi-bin/sha256", *limit, "--data-binary", f"@{page}")
        wait_for(lambda: self.bytes_here() > 2 * self.RATE, "nothing comes")

    def bytes_here(self):
        return self.got.stat().st_size if self.got.exists() else 0

    def are_under_way(self):
        return self.bytes_here() < self.bytes and self.up.poll() is None

    def arrive(self, digest):
        assert self.down.wait(PATIENCE) == 0 and sha256(self.got) == digest
        told, _ = self.up.communicate(timeout=PATIENCE)
        assert self.up.returncode == 0 and told.decode().split()[0] == digest


def test_transfers_go_on_after_a_thaw_on_another_tap(lab, network):
    """One each way is under way at the freeze; neither end notices more than a pause."""
    vm = lab.boot(within=network.within, net__lan__tap="tap0", **NET).ready()
    digest = serves(network, lab)
    transfers = Transfers(network, lab)
    vm.snapshot(lab.url("net"))
    assert transfers.are_under_way()
    thawed = lab.restore(lab.url("net"), name="thawed", within=network.within,
                         net__lan__tap="tap1", restore__prefetch="none")
    transfers.arrive(digest)
    thawed.poweroff()


def test_thawed_guest_announces_itself(lab, network):
    """Nobody speaks to it, and yet the bridge learns where it is now."""
    vm = lab.boot(within=network.within, net__lan__tap="tap0", net__lan__mac=MAC, **NET).ready()
    serves(network, lab)
    assert network.tap_of(MAC) == "tap0"
    vm.snapshot(lab.url("net"))
    thawed = lab.restore(lab.url("net"), name="thawed", within=network.within, net__lan__tap="tap1")
    wait_for(lambda: network.tap_of(MAC) == "tap1", "no announcement")
    serves(network, lab)
    thawed.poweroff()


def test_limits_are_kept(lab, network):
    vm = lab.boot(within=network.within, net__lan__tap="tap0",
                  net__lan__receive_bytes_per_second="512K",
                  net__lan__transmit_bytes_per_second="1M", **NET).ready()
    page = lab.path("page")
    for arguments, rate in ((["busybox", "-o", page], 1 << 20),
                            (["cgi-bin/sha256", "--data-binary", f"@{page}"], 512 << 10)):
        started = time.monotonic()
        network.get(*arguments)
        took = time.monotonic() - started
        assert took > 0.9 * page.stat().st_size / rate - 0.1
    vm.poweroff()


@pytest.fixture
def vhost():
    subprocess.run(["modprobe", "-qa", "tun", "vhost_net"], check=False)
    if not os.path.exists("/dev/vhost-net"):
        pytest.skip("this kernel has no vhost-net")
    return {"net__lan__vhost": "yes"}


def uses_vhost(vm):
    return vm.status()["net"]["lan"]["vhost"]


def test_the_kernel_moves_the_frames(lab, network, vhost):
    vm = lab.boot(within=network.within, net__lan__tap="tap0", **vhost, **NET).ready()
    serves(network, lab)
    assert uses_vhost(vm)
    vm.thaw("pause")
    assert not uses_vhost(vm)
    vm.thaw("resume")
    serves(network, lab)
    assert uses_vhost(vm)
    vm.poweroff()


def test_the_kernel_gives_way_to_a_live_freeze(lab, network, vhost):
    """What comes in meanwhile is in the snapshot, and the frames are the kernel's again after."""
    vm = lab.boot(within=network.within, net__lan__tap="tap0", **vhost, **NET).ready()
    digest = serves(network, lab)
    for generation in range(3):
        page, got = lab.path("page"), lab.path("got")
        down = network.start("busybox", "-o", got)
        up = network.start("cgi-bin/sha256", "--data-binary", f"@{page}")
        vm.snapshot(lab.url(f"live{generation}"), then="resume")
        assert down.wait(PATIENCE) == 0 and sha256(got) == digest
        told, _ = up.communicate(timeout=PATIENCE)
        assert up.returncode == 0 and told.decode().split()[0] == digest
        serves(network, lab)
        assert uses_vhost(vm)
    vm.thaw("stop")
    thawed = lab.restore(lab.url("live2"), name="thawed", within=network.within,
                         net__lan__tap="tap1", restore__prefetch="none")
    assert thawed.ask("digest").endswith(" ok")
    serves(network, lab)
    thawed.poweroff()


@pytest.mark.parametrize("then", ["no", "yes"])
def test_transfers_go_on_with_and_without_vhost(lab, network, vhost, then):
    """The kernel takes over in the middle of them, when every page is here and not before."""
    vm = lab.boot(within=network.within, net__lan__tap="tap0", **vhost, **NET).ready()
    digest = serves(network, lab)
    transfers = Transfers(network, lab)
    vm.snapshot(lab.url("net"))
    thawed = lab.restore(lab.url("net"), name="thawed", within=network.within,
                         net__lan__tap="tap1", net__lan__vhost=then)
    thawed.until(lambda status: status["resident"])
    transfers.arrive(digest)
    serves(network, lab)
    assert uses_vhost(thawed) == (then == "yes")
    thawed.poweroff()


def test_the_kernel_waits_for_the_last_page(lab, network, vhost):
    vm = lab.boot(within=network.within, net__lan__tap="tap0", **NET).ready()
    serves(network, lab)
    vm.snapshot(lab.url("net"))
    thawed = lab.restore(lab.url("net"), name="thawed", within=network.within,
                         net__lan__tap="tap1", restore__prefetch="none", **vhost)
    serves(network, lab)
    assert thawed.status()["pages"]["missing"] and not uses_vhost(thawed)
    thawed.poweroff()


def starting(lab, network, **sets):
    """What a machine says that does not start, and its exit code."""
    vm = lab.boot(name="refused", within=network.within, **sets)
    return vm.wait(), vm.messages()


def test_taps_that_cannot_be_used(lab, network):
    vm = lab.boot(within=network.within, net__lan__tap="tap0").ready()
    for tap, code, words in (("tap0", 69, "in use by another machine"),
                             ("bridge", 78, "is no tap device"),
                             ("tap%d", 78, "no name of an interface")):
        exit_code, messages = starting(lab, network, net__lan__tap=tap)
        assert exit_code == code and words in messages, messages
    vm.snapshot(lab.url("net"))
    thawed = lab.restore(lab.url("net"), name="thawed")
    assert thawed.wait() == 78 and "--set net.lan.tap=TAP" in thawed.messages()


def test_a_host_without_the_driver(lab):
    """Nothing stands in /dev/net, as before the module is loaded."""
    without = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /dev/net && exec "$@"', "sh"]
    vm = lab.boot(within=without, net__lan__tap="tap0")
    assert vm.wait() == 71 and 'load the driver with "modprobe tun"' in vm.messages()


def test_tap_that_does_not_exist_is_made(lab, network):
    vm = lab.boot(within=network.within, net__lan__tap="mine").ready()
    assert "mine" in network.run("ip", "link", "show").stdout
    vm.poweroff()
    assert "mine" not in network.run("ip", "link", "show").stdout
