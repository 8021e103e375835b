# SPDX-License-Identifier: Apache-2.0
"""What a restore may have otherwise than the frozen machine, and what it may not."""
import shutil
from pathlib import Path

import pytest
from harness import THAW, refused
from processes import wait_for
from snapshot_files import SnapshotFiles


class Furnished:
    """A machine with a disk that it writes to and one that it only reads."""

    def __init__(self, lab):
        self.store = lab.path("store")
        self.url = f"dir:{self.store}/furnished"
        self.disks = {name: lab.path(f"{name}.img") for name in ("data", "fixed")}
        for disk in self.disks.values():
            disk.write_bytes(bytes(1 << 20))
        vm = lab.boot("furnished", disk__data__path=self.disks["data"],
                      disk__fixed__path=self.disks["fixed"], disk__fixed__read_only="yes").ready()
        self.disk_digest = vm.ask("disk write")
        vm.snapshot(self.url)

    def sets(self):
        return {f"disk.{name}.path": disk for name, disk in self.disks.items()}

    def command(self, control, overrides):
        """A restore with overrides, of which None takes one out that is needed."""
        command = [THAW, "restore", self.url, "--set", f"machine.control={control}"]
        for key, value in {**self.sets(), **overrides}.items():
            if value is not None:
                command += ["--set", f"{key}={value}"]
        return command


@pytest.fixture(scope="module")
def furnished(shared_lab):
    return Furnished(shared_lab)


REFUSED = {
    "vCPUs": ({"machine.vcpus": 2}, "machine.vcpus", "leave the key out"),
    "memory": ({"machine.memory": "256M"}, "machine.memory", "leave the key out", "cgroup"),
    "no rng": ({"rng.enabled": "no"}, "rng.enabled", "leave the key out"),
    "disk that is not placed": ({"disk.fixed.path": None}, "disk.fixed.path=PATH"),
    "disk that it has not": ({"disk.more.path": "/dev/null"}, "disk.more", "leave it out"),
    "disk that may not be written": ({"disk.data.read_only": "yes"}, "disk.data.read_only",
                                     "copy"),
    "one image twice": ({"disk.data.path": "fixed.img"}, "disk.fixed.path", "disk.data.path"),
    "file without its output": ({"serial.file": "log"}, "serial.output"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(furnished, tmp_path, case):
    overrides, *words = REFUSED[case]
    paths = {key: furnished.disks["fixed"] if value == "fixed.img" else value
             for key, value in overrides.items()}
    refused(78, *words, command=furnished.command(tmp_path / "vm.sock", paths))


def test_other_gic_is_refused(furnished, tmp_path):
    other = {"v2": "v3", "v3": "v2"}[SnapshotFiles(furnished.store, "furnished").manifest["gic"]]
    refused(78, "machine.gic", "leave the key out",
            command=furnished.command(tmp_path / "vm.sock", {"machine.gic": other}))


@pytest.mark.parametrize("name", ["data", "fixed"])
def test_disk_of_another_size_is_refused(furnished, tmp_path, name):
    disk = tmp_path / "other.img"
    disk.write_bytes(bytes(2 << 20))
    refused(78, f"disk.{name}.path", "other.img", "4096 sectors", "2048", "copy",
            command=furnished.command(tmp_path / "vm.sock", {f"disk.{name}.path": disk}))


def test_configuration_of_the_frozen_machine_is_accepted(lab, furnished):
    """What agrees with the snapshot may be said; the disks may be elsewhere."""
    data = shutil.copy(furnished.disks["data"], lab.path("elsewhere.img"))
    vm = lab.restore(furnished.url, machine__vcpus=1, machine__memory="128M", rng__enabled="yes",
                     disk__data__path=data, disk__fixed__path=furnished.disks["fixed"],
                     disk__fixed__read_only="yes")
    assert vm.ask("disk verify") == furnished.disk_digest
    assert vm.ask("disk write") != furnished.disk_digest
    vm.poweroff()
    assert Path(data).read_bytes() != furnished.disks["data"].read_bytes()


def test_console_to_a_file(lab):
    """Frozen while the kernel boots, so that it has something to say."""
    vm = lab.boot(kernel__cmdline="console=ttyS0 panic=-1 witness.mib=2")
    vm.expect("Linux version")
    vm.snapshot(lab.url("booting"))
    log = lab.path("console.log")
    vm = lab.restore(lab.url("booting"), serial__output="file", serial__file=log)
    wait_for(lambda: log.exists() and b"READY nonce=" in log.read_bytes(), "no READY in the file")
    assert vm.output == b""
    vm.thaw("stop")
    assert vm.wait() == 0


def test_no_console(lab, frozen):
    vm = lab.restore(frozen.url, serial__output="none")
    vm.until(lambda status: status["state"] == "running")
    vm.thaw("stop")
    assert vm.wait() == 0 and vm.output == b""


def test_two_clones_of_one_name(lab, frozen, tmp_path):
    vm = lab.restore(frozen.url)
    vm.until(lambda status: status["state"] == "running")
    refused(78, "another machine answers there", "name",
            command=[THAW, "restore", frozen.url, "--set", f"machine.control={vm.socket}"])
    assert frozen.is_intact_in(vm)
    vm.poweroff()
