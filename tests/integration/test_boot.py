# SPDX-License-Identifier: Apache-2.0
"""A machine boots, its devices work, and it ends as its guest says."""
import hashlib
import shutil
import time
from datetime import datetime

import harness
import pytest
from harness import GUESTS, THAW
from processes import run, wait_for

DISK = "console=ttyS0 quiet panic=-1 root=/dev/vda"


def make_disk(lab):
    """A disk without a file system; witness uses its last 64 KiB."""
    disk = lab.path("disk.img")
    disk.write_bytes(bytes(1 << 20))
    return disk


@pytest.mark.parametrize("vcpus", [1, 2, 4, 8])
def test_every_vcpu_comes_up(lab, vcpus):
    vm = lab.boot(machine__vcpus=vcpus).ready()
    assert vm.ask("cpus") == f"CPUS {vcpus}"
    assert vm.ask("load on") == f"LOAD {vcpus} ok"
    assert vm.ask("digest").endswith(" ok")
    assert vm.ask("load off").endswith(" ok")
    vm.poweroff()


@pytest.fixture(scope="module")
def vm(shared_lab):
    """One machine with every device."""
    disk = make_disk(shared_lab)
    return shared_lab.boot(machine__vcpus=2, disk__data__path=disk).ready()


def test_timer_and_interrupts(vm):
    uptime, interrupts = vm.number("uptime"), vm.number("irq")
    assert vm.number("tick") >= 10_000
    assert vm.number("uptime") > uptime
    assert vm.number("irq") > interrupts


def test_clock_shows_wall_time(vm):
    """The kernel has set it from the RTC."""
    before = time.time()
    assert before - 5 <= vm.number("time") <= time.time() + 1


def test_random_numbers(vm):
    first, second = vm.ask("rng"), vm.ask("rng")
    assert first.startswith("RNG ") and second.startswith("RNG ") and first != second


def test_disk_keeps_what_is_written(vm, shared_lab):
    digest = vm.ask("disk write")
    assert digest.endswith(" ok") and vm.ask("disk verify") == digest
    disk = shared_lab.path("disk.img").read_bytes()
    assert any(disk[-65536:]) and not any(disk[:-65536])


def test_no_rng_unless_wanted_and_no_write_to_a_read_only_disk(lab):
    disk = make_disk(lab)
    vm = lab.boot(rng__enabled="no", disk__data__path=disk, disk__data__read_only="yes").ready()
    assert vm.ask("rng").startswith("ERROR rng")
    assert vm.ask("disk write").startswith("ERROR disk")
    assert not any(disk.read_bytes())
    vm.poweroff()


def log_in(vm):
    vm.expect(r"\(none\) login: ")
    vm.send("root\n")
    vm.expect(r"# ")


def test_root_file_system_boots_to_a_login(lab):
    disk = shutil.copy(GUESTS / "rootfs.ext4", lab.path("root.ext4"))
    vm = lab.boot(kernel__cmdline=f"{DISK} rw", disk__root__path=disk)
    log_in(vm)
    vm.send("echo kept >/root/file && sync && cat /root/file\n")
    vm.expect(r"\nkept\r\n")
    vm.poweroff()

    vm = lab.boot(kernel__cmdline=f"{DISK} rw", disk__root__path=disk, name="again")
    log_in(vm)
    vm.send("cat /root/file\n")
    vm.expect(r"\nkept\r\n")
    vm.poweroff()


def test_read_only_root_file_system_boots_to_a_login(lab):
    disk = GUESTS / "rootfs.ext4"
    before = hashlib.sha256(disk.read_bytes()).digest()
    vm = lab.boot(kernel__cmdline=f"{DISK} ro", disk__root__path=disk, disk__root__read_only="yes")
    log_in(vm)
    vm.send("touch /file || echo refused\n")
    vm.expect(r"\nrefused\r\n")
    vm.poweroff()
    assert hashlib.sha256(disk.read_bytes()).digest() == before


@pytest.mark.skipif(not harness.STOCK_KERNEL, reason="THAW_STOCK_KERNEL is not set")
def test_stock_kernel(lab):
    vm = lab.boot(kernel=harness.STOCK_KERNEL, machine__vcpus=2, machine__memory="256M",
                  kernel__initrd=GUESTS / "stock" / "initrd.cpio.gz",
                  disk__data__path=make_disk(lab)).ready()
    assert vm.ask("cpus") == "CPUS 2"
    assert vm.ask("disk write").endswith(" ok")
    assert vm.ask("rng").startswith("RNG ")
    before = time.time()
    rtc = datetime.fromisoformat(vm.ask("rtc").removeprefix("RTC ") + "+00:00")
    assert before - 2 <= rtc.timestamp() <= time.time() + 1
    vm.poweroff()


def test_reboot_ends_with_32(lab):
    vm = lab.boot().ready()
    assert vm.ask("reboot") == "BYE"
    assert vm.wait() == 32
    assert "asked for a reset" in vm.messages()


def test_panic_ends_as_the_reset_that_panic_asks_for(lab):
    """A kernel with panic=-1 resets; nothing tells the monitor why."""
    vm = lab.boot().ready()
    assert vm.ask("crash") == "BYE"
    assert vm.wait() == 32
    assert b"Kernel panic" in vm.output


def test_serial_output_to_a_file(lab):
    log = lab.path("serial.log")
    vm = lab.boot(serial__output="file", serial__file=log)
    wait_for(lambda: log.exists() and "READY nonce=" in log.read_text(), "no READY in the file")
    vm.thaw("stop")
    assert vm.wait() == 0
    assert not vm.output


def test_printed_configuration_reads_back_the_same(tmp_path):
    config = tmp_path / "vm.ini"
    config.write_text("[machine]\nvcpus = 3\n[kernel]\nimage = Image\n[disk.a]\npath = a.img\n"
                      "read_only = yes\n")
    printed = run(THAW, "run", config, "--set", "machine.memory=64M", "--print-config").stdout
    assert "vcpus = 3" in printed and "memory = 64M" in printed
    config.write_text(printed)
    assert run(THAW, "run", config, "--print-config").stdout == printed


def test_checking_a_configuration_starts_nothing(tmp_path):
    config = tmp_path / "vm.ini"
    config.write_text("[kernel]\nimage = no such file\n")
    done = run(THAW, "run", config, "--check-config")
    assert done.stdout == "" and done.stderr == ""
