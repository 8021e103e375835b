# SPDX-License-Identifier: Apache-2.0
"""What one thaw touches first is brought before the next one touches it."""
import json

import pytest
from harness import THAW
from processes import run
from snapshot_files import SnapshotFiles

pytestmark = pytest.mark.paging


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
    assert "recall" not in vm.status()["prefetch"]
    vm.poweroff()
    vm = lab.restore(url, restore__prefetch="workingset", restore__working_set=name,
                     restore__prefetch_first="3600s")
    assert frozen.is_intact_in(vm)
    status = vm.status()
    prefetch = status["prefetch"]
    assert prefetch["set"] > 0
    assert prefetch["brought"] + prefetch["late"] <= prefetch["set"]
    assert demand(status) <= first * 0.1
    assert prefetch["recall"] == pytest.approx(
        prefetch["brought"] / (prefetch["brought"] + demand(status)))
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


def record(lab, frozen, url, name):
    """What one thaw looks at first."""
    vm = lab.restore(url, restore__prefetch="none", restore__record=name)
    assert frozen.is_intact_in(vm)
    vm.poweroff()


def wanted(url, name, hashes):
    """The pages of a working set, in order, that have data."""
    shown = json.loads(run(THAW, "workingset", "show", url, name, "--json").stdout)
    return [page["page"] for page in shown["pages"] if hashes[page["page"]]]


def test_copy_lays_the_working_set_out_first(lab, frozen, url):
    name = "copied-" + url[:3]
    record(lab, frozen, url, name)
    copy = lab.url("copy", "other")
    run(THAW, "copy", url, copy, "--working-set", name)
    files = SnapshotFiles(lab.path("other"), "copy")
    pages = wanted(copy, name, files.page_hashes())
    assert pages and files.first_pages(len(pages)) == pages
    vm = lab.restore(copy, restore__prefetch="workingset", restore__working_set=name,
                     restore__prefetch_first="3600s")
    assert frozen.is_intact_in(vm)
    assert demand(vm.status()) <= len(pages) * 0.1
    vm.poweroff()


def refrozen(lab, frozen, **sets):
    """A thaw, frozen again into another store, so that every page is written."""
    vm = lab.restore(lab.url(frozen.name), **sets)
    assert frozen.is_intact_in(vm)
    vm.snapshot(lab.url("next", "other"))
    return SnapshotFiles(lab.path("other"), "next")


@pytest.mark.parametrize("way", ["recorded", "prefetched"])
def test_freeze_lays_the_working_set_out_first(lab, frozen, way):
    SnapshotFiles.copy(frozen.store, frozen.name, lab.path("store"))
    if way == "recorded":
        sets = {"restore__prefetch": "none", "restore__record": "again"}
    else:
        record(lab, frozen, lab.url(frozen.name), "again")
        sets = {"restore__prefetch": "workingset", "restore__working_set": "again"}
    files = refrozen(lab, frozen, **sets)
    pages = wanted(lab.url(frozen.name), "again", files.page_hashes())
    assert pages and files.first_pages(len(pages)) == pages
    vm = lab.restore(lab.url("next", "other"))
    assert frozen.is_intact_in(vm)
    vm.poweroff()
