# SPDX-License-Identifier: Apache-2.0
"""Guests that break every rule (tests/guests/bare/hostile): the device asks for a reset, the other
devices work on, and thaw neither ends nor hangs."""
import fcntl
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


def boot_race(lab):
    return boot(lab, "race", machine__vcpus=2, disk__d__read_only="yes")


def calm(vm, command):
    """It has done that, and all of its devices work."""
    start = len(vm.output)
    vm.send(command)
    vm.status()
    assert vm.expect(r"(CALM|FAIL[^\r\n]*)\r?\n", start).group(1) == b"CALM"


def test_races(lab):
    """Devices are reset at work, and their rings are written to meanwhile."""
    vm = boot_race(lab)
    calm(vm, "r")
    calm(vm, "w")
    power_off(vm)


def private_kib(vm):
    """Memory of the monitor; the guest's is shared."""
    for line in open(f"/proc/{vm.process.pid}/status", encoding="ascii"):
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise AssertionError("no RssAnon")


def test_storms(lab):
    """Kicks, registers, violations and serial output without end cost neither memory nor log."""
    vm = boot_race(lab)
    fcntl.fcntl(vm.process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    calm(vm, "f")
    calm(vm, "s")
    memory, lines = private_kib(vm), vm.messages().count("\n")
    calm(vm, "s")
    assert private_kib(vm) < memory + 128
    assert lines < 64 and vm.messages().count("\n") < lines + 16, vm.messages()
    power_off(vm)


def boot_processor(lab, vcpus):
    vm = lab.boot(kernel=harness.GUESTS / "bare" / "hostile_processor", initrd=False,
                  machine__memory="16M", machine__vcpus=vcpus)
    vm.expect("READY")
    return vm


def test_calls_and_vcpus(lab):
    """Bad calls to the firmware, vCPUs started badly, jumps and table walks to where nothing is;
    a machine whose vCPUs are lost can be frozen and thawed."""
    vm = boot_processor(lab, 4)
    vm.send("p")
    assert vm.expect(r"(OK|FAIL[^\r\n]*)\r?\n").group(1) == b"OK"
    vm.snapshot(lab.url("lost"))
    power_off(lab.restore(lab.url("lost")))


# In the order of the guest's table.
ACCESSES = ["load_pair", "store_pair", "load_pre_indexed", "load_post_indexed",
            "store_post_indexed", "load_vector", "load_exclusive", "add_atomic", "zero_block"]


@pytest.mark.parametrize("access", ACCESSES)
def test_access_that_cannot_be_emulated(access, lab):
    """The processor does not say what such an instruction moves where: the machine ends with 33."""
    vm = boot_processor(lab, 1)
    vm.send(chr(ord("a") + ACCESSES.index(access)))
    pc = vm.expect(r"AT (0x[0-9a-f]+)\r?\n").group(1).decode()
    assert vm.wait() == 33, vm.tail()
    assert f"vCPU 0 at pc {pc}: an access outside RAM" in vm.messages()
    assert b"BACK" not in vm.output
