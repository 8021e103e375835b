# SPDX-License-Identifier: Apache-2.0
"""A snapshot that is damaged, foreign or not there is refused before any vCPU runs (R3, R5, R6)."""
import copy
import re
import struct
import time

import harness
import pytest
from harness import THAW, refused
from processes import free_port, run
from snapshot_files import RAW, SnapshotFiles, flip

WRONG_PAGE = re.compile("another digest|not [0-9]+ pages encoded")


def restore(url, lab, *sets):
    command = [THAW, "restore", url, "--set", f"machine.control={lab.path('vm.sock')}"]
    for assignment in sets:
        command += ["--set", assignment]
    return command


@pytest.fixture
def files(lab, frozen):
    return SnapshotFiles.copy(frozen.store, frozen.name, lab.path("store"))


def boundaries(kind, data):
    """The offsets at which the parts of an object begin (docs/snapshot-format.md), and the last
    byte."""
    if kind == "manifests":
        parts = [0, data.index(b'"cpu"'), data.index(b'"packs"'), data.index(b'"version"')]
    elif kind == "state":
        parts = [0, 4, *struct.unpack_from(">III", data, 8), len(data) // 2]
    elif kind == "index":
        pages = struct.unpack_from("<Q", data, 16)[0]
        parts = [0, 8, 12, 16, 24, 32, 32 + 4 * ((pages + 511) // 512)]
    else:
        parts = [0, 8, 12, 16, len(data) - 8]
    return sorted({*parts, len(data) - 1})


@pytest.mark.parametrize("kind", ["manifests", "state", "index"])
def test_damaged_object(lab, files, frozen, kind):
    data = files.read(kind)
    for offset in boundaries(kind, data):
        files.damage(kind, flip(data, offset))
        refused(65, files.id, command=restore(lab.url(frozen.name), lab))
        files.damage(kind, data[:offset])
        refused(65, files.id, command=restore(lab.url(frozen.name), lab))
    files.damage(kind, data + b"\0")
    refused(65, files.id, command=restore(lab.url(frozen.name), lab))


def test_damaged_object_on_a_server(lab, files, frozen):
    server = lab.server()
    for kind in "manifests", "state", "index":
        data = files.read(kind)
        files.damage(kind, flip(data, len(data) // 2))
        refused(65, files.id, command=restore(server.url(frozen.name), lab))
        files.damage(kind, data)


@pytest.mark.parametrize("mode", ["lazy", "eager"])
def test_damaged_head_or_length_of_a_pack(lab, files, frozen, mode):
    data = files.read("packs")
    damaged = [flip(data, offset) for offset in boundaries("packs", data)[:-1]]
    damaged += [data[:length] for length in (0, 16, 4096, 8192, len(data) - 4096, len(data) - 1)]
    for changed in damaged + [data + bytes(4096)]:
        files.damage("packs", changed)
        refused(65, files.path("packs").name,
                command=restore(lab.url(frozen.name), lab, f"restore.mode={mode}"))
    files.path("packs").unlink()
    refused(65, files.path("packs").name,
            command=restore(lab.url(frozen.name), lab, f"restore.mode={mode}"))


def with_wrong_pages(files):
    """Every page of a raw frame is one bit off, and a compressed frame begins with nonsense."""
    data = bytearray(files.read("packs"))
    for offset, size, encoding in files.frames():
        if encoding == RAW:
            for page in range(offset, offset + size, 4096):
                data[page + 4095] ^= 1
        else:
            data[offset:offset + 16] = b"\xff" * 16
    files.damage("packs", bytes(data))


def test_wrong_page_is_refused_before_an_eager_start(lab, files, frozen):
    with_wrong_pages(files)
    refused(65, files.id, "page", command=restore(lab.url(frozen.name), lab, "restore.mode=eager"))


def test_wrong_page_never_enters_the_guest(lab, files, frozen, fault_mode):
    with_wrong_pages(files)
    vm = lab.restore(lab.url(frozen.name), machine__fault_mode=fault_mode, restore__prefetch="none")
    assert vm.wait() == 65
    assert WRONG_PAGE.search(vm.messages()) and files.id in vm.messages() and vm.output == b""


@pytest.mark.parametrize("part", ["refs", "manifests"])
def test_missing_snapshot(lab, files, frozen, part):
    name = frozen.name if part == "refs" else files.id
    (files.store / part / name).unlink()
    refused(66, name, command=restore(lab.url(frozen.name), lab))
    refused(66, name, command=restore(lab.server().url(frozen.name), lab))


def test_missing_store(lab):
    refused(66, "nowhere", command=restore(lab.url("vm", store="nowhere"), lab))


def test_truncated_ref(lab, files, frozen):
    (files.store / "refs" / frozen.name).unlink()
    (files.store / "refs" / frozen.name).write_text(files.id[:-1])
    refused(65, frozen.name, command=restore(lab.url(frozen.name), lab))


# Right digests all the way, but not for this host or this program: what is changed, what is said.
FOREIGN = {
    "another CPU": (lambda m: m["cpu"].update(midr="0x00000000410fd4f0"), ["MIDR_EL1", "410fd4f0", "another CPU", "restore.cpu"]),
    "another ID register": (
        lambda m: m["cpu"]["id_registers"].update({"0x603000000013c038": "0x0"}),
        ["ID_AA64MMFR0_EL1"]),
    "another page size": (lambda m: m.update(page_size=16384), ["page_size", "16384"]),
    "another version": (lambda m: m.update(version=2), ["version is 2"]),
    "another format": (lambda m: m.update(format="other"), ["format"]),
    "another clock": (lambda m: m.update(counter_frequency_hz=24000000), ["24000000"]),
    "unknown key": (lambda m: m.update(shiny=1), ["shiny"]),
    "missing key": (lambda m: m.pop("vcpus"), ["vcpus"]),
    "too many vCPUs": (lambda m: m.update(vcpus=513), ["vcpus"]),
    "other vCPUs than the state has": (lambda m: m.update(vcpus=2), ["vCPUs"]),
    "less memory than the index has": (lambda m: m["memory"].update(size=64 << 20), ["index"]),
    "memory where there is none": (lambda m: m["memory"].update(base=(1 << 52) - 4096), ["memory"]),
    "fewer pages than the index uses": (lambda m: m["packs"][0].update(pages=1), ["index"]),
    "not canonical": (lambda m: b" " + b"{}", ["manifest"]),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_snapshot(lab, files, frozen, case):
    change, words = FOREIGN[case]
    manifest = copy.deepcopy(files.manifest)
    changed = change(manifest)
    files.publish(changed if isinstance(changed, bytes) else manifest)
    refused(65, *words, command=restore(lab.url(frozen.name), lab))


def republish(files, kind, key, data):
    files.publish({**files.manifest, key: files.put(kind, data)})


def test_index_that_is_wrong_but_well_named(lab, files, frozen):
    data = files.read("index")
    for offset in boundaries("index", data):
        republish(files, "index", "index", flip(data, offset))
        if offset < len(data) - 1:  # the last byte is within a hash, or must be zero
            refused(65, "index", command=restore(lab.url(frozen.name), lab))
        republish(files, "index", "index", data[:offset])
        refused(65, "index", command=restore(lab.url(frozen.name), lab))


def test_state_that_is_wrong_but_well_named(lab, files, frozen):
    data = files.read("state")
    for offset in boundaries("state", data):
        republish(files, "state", "state", data[:offset])
        refused(65, "state", command=restore(lab.url(frozen.name), lab))
    republish(files, "state", "state", data.replace(b"serial\0", b"sirial\0"))
    refused(65, "sirial", command=restore(lab.url(frozen.name), lab))


# KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM64_SYSREG and the encoding (api.rst, 4.68).
ID_AA64ISAR0, CLIDR = 0x603000000013c030, 0x603000000013c801


def froze_on_another_cpu(files, change):
    """What a CPU would have left that has other values in these registers."""
    cpu, state = copy.deepcopy(files.manifest["cpu"]), files.read("state")
    for number, value in change.items():
        name = f"0x{number:x}"
        old = int(cpu["id_registers"][name], 16)
        assert state.count(struct.pack("<QQ", number, old)) == 1
        state = state.replace(struct.pack("<QQ", number, old), struct.pack("<QQ", number, value))
        cpu["id_registers"][name] = f"0x{value:x}"
    files.publish({**files.manifest, "cpu": cpu, "state": files.put("state", state)})


def test_other_cpu_is_accepted_where_kvm_can(lab, files, frozen):
    """KVM lets instructions be hidden since Linux 6.7."""
    froze_on_another_cpu(files, {ID_AA64ISAR0: 0})
    refused(65, "of its ID registers, 1 differ", "ID_AA64ISAR0_EL1", "restore.cpu = accept",
            command=restore(lab.url(frozen.name), lab))
    vm = lab.restore(lab.url(frozen.name), restore__cpu="accept")
    assert frozen.is_intact_in(vm)
    vm.snapshot(lab.url("again", store="other"))
    again = SnapshotFiles(lab.path("other"), "again").manifest["cpu"]["id_registers"]
    assert int(again[f"0x{ID_AA64ISAR0:x}"], 16) == 0


def test_other_cpu_is_refused_where_kvm_cannot(lab, files, frozen):
    froze_on_another_cpu(files, {ID_AA64ISAR0: 0, CLIDR: 1 << 60})
    done = run(*restore(lab.url(frozen.name), lab, "restore.cpu=accept"), check=False)
    assert done.returncode == 65
    assert "CLIDR_EL1" in done.stderr and "does not let be changed" in done.stderr
    assert "ID_AA64ISAR0_EL1" not in done.stderr and "restore.cpu = accept" not in done.stderr


def test_fault_mode_that_this_host_lacks(lab, frozen):
    missing = set(harness.FAULT_MODES) - set(harness.available_modes())
    if not missing:
        pytest.skip("this host has every fault mode")
    for mode in missing:
        done = run(*restore(frozen.url, lab, f"machine.fault_mode={mode}"), check=False)
        assert done.returncode in (71, 77) and len(done.stderr.strip()) > 40, done.stderr
        assert done.stdout == ""


def test_server_that_is_not_there(lab):
    started = time.monotonic()
    refused(69, "cannot connect", command=restore(f"tcp://127.0.0.1:{free_port()}/vm", lab))
    assert time.monotonic() - started < 10


def test_read_only_server_stores_nothing(lab, frozen):
    server = lab.server(store=frozen.store, server__read_only="yes")
    vm = lab.restore(server.url(frozen.name))
    done = vm.thaw("snapshot", server.url("new"), check=False)
    assert done.returncode == 77 and "read only" in done.stderr
    assert frozen.is_intact_in(vm)
    vm.poweroff()


def test_snapshot_into_what_is_no_store(lab, frozen):
    other = lab.path("other")
    other.mkdir()
    (other / "file").write_text("mine")
    vm = lab.restore(frozen.url)
    done = vm.thaw("snapshot", f"dir:{other}/vm", check=False)
    assert done.returncode == 65 and "other" in done.stderr
    assert [path.name for path in other.iterdir()] == ["file"]
    assert frozen.is_intact_in(vm)
    vm.poweroff()


def test_machine_that_is_not_there(lab):
    done = run(THAW, "status", lab.path("gone.sock"), check=False)
    assert done.returncode == 69 and "gone.sock" in done.stderr
