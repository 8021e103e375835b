# SPDX-License-Identifier: Apache-2.0
"""Guests that break every rule (tests/guests/bare/hostile): the device asks for a reset, the other
devices work on, and thaw neither ends nor hangs."""
import os
import subprocess

import harness
import pytest

DISK = b"\x5a" * 65536


def tap():
    """A tap can only be made by root."""
    subprocess.run(["modprobe", "-q", "tun"], check=False)
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        return {}
    return {"net__n__tap": f"hostile{os.getpid()}"}


def host_side(lab):
    """What the devices stand on, for a boot and for a thaw."""
    disk = lab.path("disk.img")
    disk.write_bytes(DISK)
    return {"disk__d__path": disk, "vsock__path": lab.path("v"), **tap()}


def boot(lab, guest, **sets):
    """A machine with every device."""
    vm = lab.boot(guest, kernel=harness.GUESTS / "bare" / f"hostile_{guest}", initrd=False,
                  machine__memory="16M", rng__enabled="yes", balloon__enabled="yes",
                  **host_side(lab), **sets)
    vm.expect("READY")
    return vm


def attack(vm, *others):
    """It runs all of its attacks, on all virtio devices and on others."""
    vm.send("t")
    assert vm.expect(r"(OK|FAIL[^\r\n]*)\r?\n").group(1) == b"OK"
    for device in ["blk", "rng", "vsock", "balloon", *(["net"] if tap() else []), *others]:
        assert f"SURVIVED {device}".encode() in vm.output
    assert vm.status()["state"] == "running"
    assert "must reset it" in vm.messages()


def power_off(vm):
    vm.send("o")
    assert vm.wait() == 0, vm.tail()


def survives(vm):
    attack(vm)
    power_off(vm)


ATTACKS = ["queue", "requests"]


@pytest.mark.parametrize("guest", ATTACKS)
def test_attacks(guest, lab):
    survives(boot(lab, guest))


@pytest.fixture(scope="module", params=ATTACKS)
def frozen_attacks(request, shared_lab):
    """A guest frozen before its first attack."""
    boot(shared_lab, request.param).snapshot(shared_lab.url(request.param))
    return shared_lab.url(request.param)


def test_attacks_from_cold_pages(frozen_attacks, lab, fault_mode):
    survives(lab.restore(frozen_attacks, machine__fault_mode=fault_mode, restore__prefetch="none",
                         **host_side(lab)))


def test_registers(lab):
    """What the guest leaves in them can be frozen, and thawed."""
    vm = boot(lab, "registers")
    attack(vm, "serial", "rtc", "vmgenid", "gic", "nothing")
    vm.snapshot(lab.url("registers"))
    thawed = lab.restore(lab.url("registers"), **host_side(lab))
    thawed.send("o")
    thawed.expect("BYE")
    assert thawed.wait() == 0, thawed.tail()
