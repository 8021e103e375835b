# SPDX-License-Identifier: Apache-2.0
"""What was frozen goes on after a thaw: every fault mode, store and number of vCPUs."""
import os
import shutil
import time

import pytest
from harness import GUESTS, Frozen
from processes import wait_for
from snapshot_files import SnapshotFiles

TRANSPORTS = ["dir", "tcp"]
PARTS = ["total", "wait", "network", "verify", "install"]


@pytest.fixture(scope="module")
def server(shared_lab):
    return shared_lab.server()


class Busy(Frozen):
    """A witness frozen at work: all vCPUs loaded, a disk in use."""

    @classmethod
    def freeze(cls, lab, server, vcpus):
        name = f"busy{vcpus}"
        disk = lab.path(f"{name}.img")
        disk.write_bytes(bytes(1 << 20))
        vm = lab.boot(name, machine__vcpus=vcpus, disk__data__path=disk).ready()
        self = cls(lab.path("store"), name, vm.ask("nonce"), vm.ask("digest"))
        self.vcpus = vcpus
        self.disk = disk
        assert vm.ask("load on") == f"LOAD {vcpus} ok"
        self.disk_digest = vm.ask("disk write")
        asked = time.monotonic()
        self.interrupts, self.uptime = vm.number("irq"), vm.number("uptime")
        vm.snapshot(self.url if vcpus == 1 else server.url(name))
        self.ran_on = time.monotonic() - asked  # at most
        self.tcp_url = server.url(name)
        return self

    def thaw(self, lab, transport, **sets):
        disk = shutil.copy(self.disk, lab.path("disk.img"))
        self.thawed = time.monotonic()
        return lab.restore(self.url if transport == "dir" else self.tcp_url,
                           disk__data__path=disk, **sets)

    def check(self, vm):
        assert self.is_intact_in(vm)
        uptime = vm.number("uptime")
        assert self.uptime <= uptime
        assert uptime <= self.uptime + self.ran_on + time.monotonic() - self.thawed
        assert vm.ask("cpus") == f"CPUS {self.vcpus}"
        assert vm.number("tick") >= 10_000
        assert vm.number("irq") > self.interrupts
        assert vm.ask("rng").startswith("RNG ")
        assert vm.ask("disk verify") == self.disk_digest
        assert vm.ask("disk write").endswith(" ok") and vm.ask("disk verify").endswith(" ok")
        assert vm.ask("load off").endswith(" ok")


@pytest.fixture(scope="module", params=[1, 4], ids=["1vcpu", "4vcpus"])
def busy(request, shared_lab, server):
    return Busy.freeze(shared_lab, server, request.param)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_lazy_thaw_goes_on(lab, busy, transport, fault_mode):
    vm = busy.thaw(lab, transport, machine__fault_mode=fault_mode, restore__prefetch="none")
    busy.check(vm)
    vm.thaw("pause")  # or a fault might come between two figures
    status = vm.status()
    vm.thaw("resume")
    vm.poweroff()
    pages, faults = status["pages"], status["faults"]
    assert status["fault_mode"] == fault_mode and not status["resident"]
    assert faults["service" if fault_mode == "uffd" else "vcpu"] > 0 and faults["device"] > 0
    assert pages["missing"] > 0 and pages["fetched"] > 512  # the data alone is 2 MiB
    assert pages["fetched"] + pages["zero"] + pages["missing"] == pages["total"]
    total, *parts = (status["latency_us"][part] for part in PARTS)
    assert 0 < total["p50"] <= total["p90"] <= total["p99"] <= total["max"]
    assert all(part["samples"] <= total["samples"] and part["p50"] <= total["max"] for part in parts)
    assert parts[1]["samples"] == parts[2]["samples"] > 0  # what came was checked
    assert bool(status["remote"]) == (transport == "tcp")
    check_figures(status, busy)


def check_figures(status, busy):
    """What an operator sees adds up."""
    faults, vcpus, times = (status[key] for key in ("faults", "vcpu_faults", "timeline_ms"))
    assert len(vcpus) == busy.vcpus
    assert sum(vcpu["faults"] for vcpu in vcpus) == faults["vcpu"]
    assert all((vcpu["blocked_ms"] > 0) == (vcpu["faults"] + vcpu["waited"] > 0) for vcpu in vcpus)
    assert times == sorted(times) and 0 < len(times) <= 128
    assert all(present == demand and prefetched == 0 for _, present, demand, prefetched in times)
    if status["remote"]:
        fetched = sum(server["fetches"] for server in status["remote"]["servers"])
        faults_fetched = status["latency_us"]["network"]["samples"]
        assert 0 < faults_fetched <= fetched
        # A longer page of the host may take several answers: each ends where zeros begin.
        assert faults_fetched == fetched or os.sysconf("SC_PAGESIZE") > 4096
        assert status["remote"]["stalled_total_ms"] == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_eager_thaw_goes_on(lab, busy, transport):
    vm = busy.thaw(lab, transport, restore__mode="eager")
    busy.check(vm)
    assert "fault_mode" not in vm.status()
    vm.poweroff()


def connections_to(port):
    """Established ones, of anybody here."""
    lines = open("/proc/net/tcp", encoding="ascii").read().splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(field[2].endswith(f":{port:04X}") and field[3] == "01" for field in fields)


def test_filled_machine_needs_its_server_no_more(lab, frozen, fault_mode):
    server = lab.server(store=frozen.store)
    vm = lab.restore(server.url(frozen.name), machine__fault_mode=fault_mode)
    watched = vm.thaw("status", "--watch").stdout.splitlines()
    assert watched[-1].endswith("every page is here")
    assert all(" MiB here " in line and " faults/s " in line for line in watched[:-1])
    pages = vm.until(lambda status: status["resident"])["pages"]
    assert pages["missing"] == 0 and pages["fetched"] + pages["zero"] == pages["total"]
    wait_for(lambda: not connections_to(server.port), "connections stay open")
    assert not [fd for fd in vm.descriptors() if "userfaultfd" in fd]
    assert "every page is here" in vm.messages()
    assert server.stop() == 0
    assert frozen.is_intact_in(vm)
    vm.poweroff()


def test_lazily_thawed_memory_equals_eagerly_thawed(lab, busy):
    """Neither guest runs, so every page of the three snapshots has to be the same."""
    hashes = SnapshotFiles(busy.store, busy.name).page_hashes()
    assert len(hashes) == 32768
    for mode in "lazy", "eager":
        vm = busy.thaw(lab, "tcp", restore__mode=mode, restore__paused="yes")
        if mode == "lazy":
            vm.until(lambda status: status["resident"])
        assert vm.status()["state"] == "paused"
        vm.snapshot(lab.url("again", store=mode))
        assert SnapshotFiles(lab.path(mode), "again").page_hashes() == hashes


def test_paused_thaw_waits_for_resume(lab, frozen):
    vm = lab.restore(frozen.url, restore__paused="yes")
    vm.send("nonce\n")
    vm.until(lambda status: status["resident"])
    assert vm.status()["faults"]["vcpu"] == 0 and vm.output == b""
    vm.thaw("resume")
    vm.expect(frozen.nonce)
    assert vm.status()["state"] == "running"
    vm.poweroff()


def test_machine_goes_on_after_its_snapshot(lab):
    vm = lab.boot().ready()
    before = vm.ask("digest")
    vm.snapshot(lab.url("one"), then="resume")
    assert vm.ask("digest") == before
    vm.snapshot(lab.url("two"), then="pause")
    assert vm.status()["state"] == "paused"
    vm.thaw("resume")
    assert vm.ask("touch 10") == "TOUCH 10"
    vm.poweroff()
    again = lab.restore(lab.url("one"), name="again")
    assert again.ask("digest") == before
    again.poweroff()


def test_sixteen_vcpus_page_for_themselves(lab):
    """As many as a machine may have; the guest of the fault benchmark needs no scheduler."""
    vm = lab.boot(kernel=GUESTS / "bare" / "paging", initrd=False, machine__memory="32M",
                  machine__vcpus=16)
    vm.send("fill 320\n")
    vm.expect(r"READY 16 \d+")
    vm.snapshot(lab.url("sixteen"))
    vm = lab.restore(lab.url("sixteen"), restore__prefetch="none")
    vm.send("go 20\n")
    vm.expect(r"DONE 16 320 ")
    vm.send("off\n")
    assert vm.wait() == 0


def test_zero_pages_cost_nothing(frozen):
    """128 MiB of memory of which the guest has used a part."""
    snapshot = SnapshotFiles(frozen.store, frozen.name)
    pages = sum(digest is not None for digest in snapshot.page_hashes())
    assert 512 < pages < 16384
    assert snapshot.manifest["packs"][0]["pages"] == pages
    assert snapshot.path("packs").stat().st_size < 4096 * (pages + 1)


@pytest.mark.quick
def test_boot_freeze_to_a_server_and_thaw(lab):
    server = lab.server()
    vm = lab.boot().ready()
    nonce, digest = vm.ask("nonce"), vm.ask("digest")
    vm.snapshot(server.url("vm"))
    thawed = lab.restore(server.url("vm"), name="thawed", restore__prefetch="none")
    assert thawed.ask("nonce") == nonce
    assert thawed.ask("digest") == digest
    assert thawed.status()["pages"]["missing"] > 0
    thawed.poweroff()
    assert server.stop() == 0
