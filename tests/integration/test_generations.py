# SPDX-License-Identifier: Apache-2.0
"""Freezing what is still thawing: absent pages are inherited, never lost, never zero."""
from collections import Counter

import pytest
from proxy import Proxy
from snapshot_files import SnapshotFiles

pytestmark = pytest.mark.paging

GENERATIONS = 10


def repeated(pages):
    return [page for page, times in Counter(pages).items() if times > 1]


@pytest.fixture
def server(lab):
    return lab.server()


def test_ten_generations(lab, server, frozen):
    """Each is thawed from the one before and frozen while it is still thawing.  The data is all
    looked at in every third one; in the others most of it stays absent and is inherited."""
    proxy = lab.keep(Proxy(server.port))
    vm = lab.restore(frozen.url)
    for generation in range(GENERATIONS):
        assert vm.ask("nonce") == frozen.nonce
        assert vm.ask("touch 30") == "TOUCH 30"
        if generation % 3 == 2:
            assert vm.ask("digest").endswith(" ok")
        result = vm.snapshot(server.url(f"generation{generation}"))
        assert result["written"] > 0
        assert generation == 0 or result["inherited"] > 0
        assert not repeated(proxy.pages)
        proxy.pages.clear()
        vm = lab.restore(proxy.url(f"generation{generation}"), restore__prefetch="none")
    assert vm.ask("nonce") == frozen.nonce
    assert vm.ask("digest").endswith(" ok")
    vm.poweroff()


def test_prefetch_and_faults_install_each_page_once(lab, frozen):
    server = lab.server(store=frozen.store)
    proxy = lab.keep(Proxy(server.port))
    vm = lab.restore(proxy.url(frozen.name))
    assert frozen.is_intact_in(vm)
    status = vm.until(lambda status: status["resident"])
    pages, dropped = status["pages"], status["prefetch"]["dropped"]
    hashes = SnapshotFiles(frozen.store, frozen.name).page_hashes()
    assert sorted(set(proxy.pages)) == [page for page, digest in enumerate(hashes) if digest]
    assert pages["fetched"] == len(set(proxy.pages))
    assert len(proxy.pages) <= pages["fetched"] + dropped
    vm.poweroff()


def test_a_store_without_the_parents_packs_gets_the_absent_pages_too(lab, server, frozen):
    """Nothing was touched, so every page has to be fetched for it."""
    vm = lab.restore(frozen.url, restore__paused="yes", restore__prefetch="none")
    result = vm.snapshot(server.url("moved"))
    hashes = SnapshotFiles(frozen.store, frozen.name).page_hashes()
    assert result["inherited"] == 0
    assert result["written"] == sum(digest is not None for digest in hashes)
    assert SnapshotFiles(server.store, "moved").page_hashes() == hashes
    vm = lab.restore(server.url("moved"), restore__prefetch="none")
    assert frozen.is_intact_in(vm)
    vm.poweroff()


def test_the_parents_own_store_gets_nothing_twice(lab, frozen):
    SnapshotFiles.copy(frozen.store, frozen.name, lab.path("store"))
    vm = lab.restore(lab.url(frozen.name), restore__paused="yes", restore__prefetch="none")
    result = vm.snapshot(lab.url("child"))
    assert result["written"] == 0 and result["inherited"] > 0
    parent, child = (SnapshotFiles(lab.path("store"), name) for name in (frozen.name, "child"))
    assert child.manifest["packs"] == parent.manifest["packs"]
    assert child.manifest["parent"] == parent.id
    assert child.page_hashes() == parent.page_hashes()
