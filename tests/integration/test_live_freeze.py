# SPDX-License-Identifier: Apache-2.0
"""Freezing a machine that goes on: it runs while its memory is written, and nothing is torn."""
import pytest
from processes import run
from harness import THAW

pytestmark = pytest.mark.paging


def thaw_and_check(lab, url, vm, name):
    """A thaw of what vm was at the snapshot, whose witness knew all its data."""
    twin = lab.restore(url, name=name, restore__prefetch="none")
    assert twin.ask("nonce") == vm.ask("nonce")
    assert twin.ask("digest").endswith(" ok")
    return twin


@pytest.mark.parametrize("log", ["no", "yes"])
def test_a_guest_that_writes_all_the_time(lab, log):
    vm = lab.boot(machine__vcpus=2, snapshot__dirty_log=log).ready()
    assert vm.ask("load on").endswith(" ok")
    for generation in range(3):
        url = lab.url(f"live{generation}")
        result = vm.snapshot(url, then="resume")
        assert 0 < result["pause_ms"] < result["total_ms"]
        twin = thaw_and_check(lab, url, vm, f"twin{generation}")
        assert twin.ask("load off").endswith(" ok")
        twin.poweroff()
    assert vm.ask("load off").endswith(" ok")
    vm.poweroff()


def test_a_further_snapshot_looks_only_at_what_was_written(lab):
    vm = lab.boot(snapshot__dirty_log="yes").ready()
    first = vm.snapshot(lab.url("first"), then="resume")
    assert vm.ask("touch 50") == "TOUCH 50"
    second = vm.snapshot(lab.url("second"), then="resume")
    assert 40 < second["written"] < first["written"] / 4
    assert second["same"] > first["written"] / 2
    assert second["bytes_written"] < first["bytes_written"] / 4
    run(THAW, "inspect", lab.url("second"), "--verify")
    thaw_and_check(lab, lab.url("second"), vm, "twin").poweroff()
    vm.snapshot(lab.url("third"), then="stop")
    lab.restore(lab.url("third"), name="last").poweroff()


def test_a_further_snapshot_in_another_store_is_whole(lab):
    vm = lab.boot(snapshot__dirty_log="yes").ready()
    first = vm.snapshot(lab.url("first"), then="resume")
    other = f"dir:{lab.path('other')}/second"
    second = vm.snapshot(other, then="resume")
    assert second["written"] >= first["written"] * 0.9 and not second["same"]
    thaw_and_check(lab, other, vm, "twin").poweroff()
    vm.poweroff()


def test_what_devices_write_is_in_the_next_snapshot(lab):
    disk = lab.path("disk")
    disk.write_bytes(bytes(1 << 20))
    vm = lab.boot(disk__root__path=disk, snapshot__dirty_log="yes").ready()
    assert vm.ask("disk write").endswith(" ok")
    vm.snapshot(lab.url("first"), then="resume")
    assert vm.ask("disk read").endswith(" ok")
    assert vm.ask("rng").startswith("RNG ")
    vm.snapshot(lab.url("second"), then="stop")
    twin = lab.restore(lab.url("second"), name="twin", disk__root__path=disk)
    assert twin.ask("disk verify").endswith(" ok")
    assert twin.ask("rng").startswith("RNG ")
    twin.poweroff()


def test_a_machine_that_is_still_thawing(lab, frozen, fault_mode):
    server = lab.server(store=lab.path("store"))
    run(THAW, "copy", frozen.url, server.url("base"))
    vm = lab.restore(server.url("base"), restore__prefetch="none", snapshot__dirty_log="yes",
                     machine__fault_mode=fault_mode)
    assert vm.ask("nonce") == frozen.nonce
    for generation in range(2):
        assert vm.ask("touch 30") == "TOUCH 30"
        url = server.url(f"generation{generation}")
        result = vm.snapshot(url, then="resume")
        assert result["inherited"] > 0 and result["written"] < 1000
        twin = lab.restore(url, name=f"twin{generation}", restore__prefetch="none")
        assert twin.ask("nonce") == frozen.nonce
        assert twin.ask("digest").endswith(" ok")
        twin.poweroff()
    vm.poweroff()


def test_a_failed_freeze_leaves_the_machine_and_its_log(lab):
    vm = lab.boot(snapshot__dirty_log="yes").ready()
    vm.snapshot(lab.url("first"), then="resume")
    assert vm.ask("touch 50") == "TOUCH 50"
    assert vm.thaw("snapshot", "tcp://127.0.0.1:1/no", check=False).returncode == 69
    packs = lab.path("store/packs")
    assert vm.ask("touch 50") == "TOUCH 50"
    second = vm.snapshot(lab.url("second"), then="resume")
    assert 80 < second["written"]
    assert len(list(packs.iterdir())) == 2
    thaw_and_check(lab, lab.url("second"), vm, "twin").poweroff()
    vm.poweroff()
