# SPDX-License-Identifier: Apache-2.0
"""What one thaw touches first is brought before the next one touches it."""
import pytest
from snapshot_files import SnapshotFiles


def demand(status):
    faults = status["faults"]
    return faults["vcpu"] + faults["device"] + faults["service"]


@pytest.fixture(params=["dir", "tcp"])
def url(request, lab, frozen):
    SnapshotFiles.copy(frozen.store, frozen.name, lab.path("store"))
    if request.param == "dir":
        return lab.url(frozen.name)
    return lab.server(store=lab.path("store")).url(frozen.name)


def test_second_thaw_finds_its_pages_there(lab, frozen, url):
    name = "first-" + url[:3]
    vm = lab.restore(url, restore__prefetch="none", restore__record=name)
    assert frozen.is_intact_in(vm)
    first = demand(vm.status())
    vm.poweroff()
    vm = lab.restore(url, restore__prefetch="workingset", restore__working_set=name,
                     restore__prefetch_first="3600s")
    assert frozen.is_intact_in(vm)
    status = vm.status()
    prefetch = status["prefetch"]
    assert prefetch["set"] > 0
    assert prefetch["brought"] + prefetch["late"] <= prefetch["set"]
    assert demand(status) <= first * 0.1
    vm.poweroff()


def test_prefetch_while_the_machine_runs(lab, frozen, url):
    name = "race-" + url[:3]
    vm = lab.restore(url, restore__prefetch="none", restore__record=name)
    assert frozen.is_intact_in(vm)
    vm.poweroff()
    vm = lab.restore(url, restore__prefetch="all", restore__working_set=name)
    assert frozen.is_intact_in(vm)
    vm.until(lambda status: status["resident"])
    assert frozen.is_intact_in(vm)
    vm.poweroff()
