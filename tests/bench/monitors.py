# SPDX-License-Identifier: Apache-2.0
"""thaw and QEMU with the same guest (tests/guests/throughput), for tests/bench/qemu.

QEMU runs as its users run it for speed without further tuning: KVM, the host's CPU, virtio devices on
the same transport as thaw's (MMIO, virtio 1), the host's page cache for the disk (cache=writeback, as
thaw does), a tap without vhost (off in thaw too), and nothing that was not asked for (-nodefaults).
"""
from harness import GUESTS, KERNEL, Machine
from processes import Process

INITRD = GUESTS / "throughput.cpio"


class Guest:
    """What both have: a console with the guest's commands on it."""

    def booted(self):
        self.expect("INIT\r?\n")
        return self

    def seconds(self, words):
        """How long a command took by the guest's clock."""
        start = len(self.output)
        self.send(words + "\n")
        answer = self.expect(r"(DONE|ERROR) ([^\r\n]*)\r?\n", start)
        assert answer.group(1) == b"DONE", answer.group(2)
        return int(answer.group(2)) / 1e9

    def poweroff(self):
        self.send("poweroff\n")
        assert self.wait() == 0, self.tail()


class Thaw(Guest, Machine):
    @classmethod
    def start(cls, directory, mib, disk=None, tap=None, name="thaw"):
        sets = {"machine__memory": f"{mib}M", "kernel__initrd": INITRD,
                "kernel__cmdline": "console=ttyS0 quiet panic=-1"}
        if disk:
            sets["disk__data__path"] = disk
        if tap:
            sets["net__lan__tap"] = tap
        return cls.boot(directory, name, initrd=False, **sets)


class Qemu(Guest, Process):
    @classmethod
    def start(cls, directory, mib, disk=None, tap=None):
        command = ["qemu-system-aarch64", "-M", "virt,accel=kvm,gic-version=host", "-cpu", "host",
                   "-smp", 1, "-m", mib, "-nodefaults", "-display", "none", "-serial", "stdio",
                   "-no-reboot", "-global", "virtio-mmio.force-legacy=false", "-kernel", KERNEL,
                   "-initrd", INITRD, "-append", "console=ttyAMA0 quiet panic=-1"]
        if disk:
            command += ["-drive", f"if=none,id=data,file={disk},format=raw,cache=writeback",
                        "-device", "virtio-blk-device,drive=data"]
        if tap:
            command += ["-netdev", f"tap,id=lan,ifname={tap},script=no,downscript=no,vhost=off",
                        "-device", "virtio-net-device,netdev=lan"]
        return cls(command, f"{directory}/qemu.log")


MONITORS = {"thaw": Thaw, "qemu": Qemu}
