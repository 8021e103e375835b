# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a command line, a configuration or what it names is refused with its exit
code and a message that says what and where."""
import struct

import pytest
from harness import KERNEL, THAW, refused
from processes import THAWD, run, underscores


# ---- configuration ----

CONFIGURATIONS = {
    "unknown key": ("[machine]\n\nvcpu = 2\n", "vm.ini:3", "did you mean", "vcpus"),
    "unknown section": ("[machin]\nvcpus = 2\n", "vm.ini:1", "did you mean", "machine"),
    "key twice": ("[machine]\nvcpus = 2\nmemory = 64M\nvcpus = 3\n", "vm.ini:4", "vcpus", "2"),
    "line too long": (f"[kernel]\nimage = {'x' * 200}\n", "vm.ini:2", "198"),
    "key before a section": ("vcpus = 2\n", "vm.ini:1"),
    "not a size": ("[machine]\nmemory = lots\n", "vm.ini:2", "memory"),
    "size beyond its unit": ("[machine]\nmemory = 99999999999999T\n", "vm.ini:2", "memory"),
    "odd size": ("[machine]\nmemory = 17000001\n", "vm.ini:2", "memory"),
    "size too small": ("[machine]\nmemory = 1M\n", "vm.ini:2", "memory"),
    "too many vCPUs": ("[machine]\nvcpus = 4096\n", "vm.ini:2", "vcpus"),
    "no vCPUs": ("[machine]\nvcpus = 0\n", "vm.ini:2", "vcpus"),
    "unknown fault mode": ("[machine]\nfault_mode = magic\n", "vm.ini:2", "exit", "uffd"),
    "NUL": ("[machine]\nname = a\0b\n", "vm.ini:2"),
    "disk without path": ("[disk.a]\nread_only = yes\n", "disk.a.path"),
    "a disk twice": ("[disk.a]\npath = x\n[disk.b]\npath = x\n", "disk.b.path"),
    "no kernel": ("[machine]\nvcpus = 1\n", "kernel.image"),
}


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_configuration(tmp_path, case):
    text, *words = CONFIGURATIONS[case]
    config = tmp_path / "vm.ini"
    config.write_text(text)
    refused(78, *words, command=[THAW, "run", config])


def test_missing_configuration(tmp_path):
    refused(66, "gone.ini", command=[THAW, "run", tmp_path / "gone.ini"])


def test_override(tmp_path):
    config = tmp_path / "vm.ini"
    config.write_text("")
    refused(78, "machine.vcpu", "vcpus",
            command=[THAW, "run", config, "--set", "machine.vcpu=2"])


def test_server_configuration(tmp_path):
    config = tmp_path / "thawd.ini"
    config.write_text(f"[server]\nstore = {tmp_path}/store\nlisten = 0.0.0.0:0\n")
    refused(78, "insecure", command=[THAWD, config])
    config.write_text("[server]\nstores = x\n")
    refused(78, "thawd.ini:2", "did you mean", command=[THAWD, config])


USAGES = [
    [],
    ["fly"],
    ["run"],
    ["run", "a.ini", "b.ini"],
    ["run", "a.ini", "--json"],
    ["restore", "nowhere"],
    ["restore", "ftp://host/name"],
    ["restore", "tcp://host/name"],
    ["restore", "dir:/store/na%me"],
    ["snapshot", "vm"],
]


@pytest.mark.parametrize("arguments", USAGES, ids=" ".join)
def test_usage(arguments):
    done = run(THAW, *arguments, check=False)
    assert done.returncode == 64, done.stderr


# ---- what a machine boots, and its neighbours ----

def boot(tmp_path, **sets):
    config = tmp_path / "vm.ini"
    config.write_text(f"[machine]\nmemory = 128M\ncontrol = {tmp_path}/vm.sock\n")
    command = [THAW, "run", config]
    for key, value in underscores(sets).items():
        command += ["--set", f"{key}={value}"]
    return command


def test_missing_kernel(tmp_path):
    refused(66, "gone", command=boot(tmp_path, kernel__image=tmp_path / "gone"))


def test_missing_initrd(tmp_path):
    refused(66, "gone", command=boot(tmp_path, kernel__image=KERNEL,
                                     kernel__initrd=tmp_path / "gone"))


def test_kernel_that_is_none(tmp_path):
    text = tmp_path / "text"
    text.write_text("not a kernel\n" * 100)
    refused(65, "text", command=boot(tmp_path, kernel__image=text))


def test_kernel_cut_within_its_header(tmp_path):
    image = tmp_path / "image"
    with open(KERNEL, "rb") as kernel:
        image.write_bytes(kernel.read(40))
    refused(65, "image", command=boot(tmp_path, kernel__image=image))


def test_kernel_too_large_for_memory(tmp_path):
    """The header of an arm64 Image says how much memory it takes (booting.rst, "Call the kernel
    image")."""
    header = struct.pack("<IIQQQQQQII", 0x14000010, 0, 0, 1 << 30, 10, 0, 0, 0, 0x644d5241, 0)
    image = tmp_path / "image"
    image.write_bytes(header + bytes(4096))
    refused(65, "image", "memory", command=boot(tmp_path, kernel__image=image))


def test_initrd_too_large_for_memory(tmp_path):
    initrd = tmp_path / "initrd"
    with open(initrd, "wb") as file:
        file.truncate(256 << 20)
    refused(65, "initrd", command=boot(tmp_path, kernel__image=KERNEL, kernel__initrd=initrd))


def test_host_whose_kvm_is_none(tmp_path):
    command = " ".join(map(str, boot(tmp_path, kernel__image=KERNEL)))
    refused(71, "/dev/kvm", command=["unshare", "--mount", "sh", "-c",
                                     f"mount --bind /dev/null /dev/kvm && exec {command}"])


def test_missing_disk(tmp_path):
    refused(66, "gone", command=boot(tmp_path, kernel__image=KERNEL,
                                     disk__a__path=tmp_path / "gone"))


def test_disk_and_name_of_a_running_machine(lab, tmp_path):
    disk = lab.path("disk.img")
    disk.write_bytes(bytes(1 << 20))
    vm = lab.boot(disk__a__path=disk).ready()
    refused(69, "disk.img", "another machine", command=boot(
        tmp_path, kernel__image=KERNEL, disk__a__path=disk,
        machine__control=tmp_path / "other.sock"))
    refused(78, "another machine", command=boot(tmp_path, kernel__image=KERNEL,
                                                machine__control=vm.socket))
    assert vm.ask("disk write").endswith(" ok")
