# SPDX-License-Identifier: Apache-2.0
"""Every way of touching a cold page, in every fault mode (tests/guests/bare/touch.h)."""
import os

import harness
import pytest

# Guest and its number of vCPUs.
GUESTS = {
    "load": 1,
    "store": 1,
    "pair": 1,
    "index": 1,
    "atomic": 1,
    "exclusive": 1,
    "zva": 1,
    "cache": 1,
    "prefetch": 1,
    "fetch": 1,
    "write_execute": 1,
    "walk": 1,
    "translate": 1,
    "access_flag": 1,
    "unaligned": 1,
    "simd": 1,
    "zero": 1,
    "shared": 4,
    "own": 4,
    "random": 4,
}

PAGES_PER_HOST_PAGE = os.sysconf("SC_PAGE_SIZE") // 4096


@pytest.fixture(scope="module", params=GUESTS)
def guest(request, shared_lab):
    """A guest frozen just before it touches its pages: its name, and their number."""
    name = request.param
    vm = shared_lab.boot(name, kernel=harness.GUESTS / "bare" / name, initrd=False,
                         machine__memory="16M", machine__vcpus=GUESTS[name])
    word, rest = vm.expect(r"(READY|SKIP|FAIL) ([^\r\n]+)\r?\n").groups()
    if word == b"SKIP":
        pytest.skip(rest.decode())
    assert word == b"READY", rest
    vm.snapshot(shared_lab.url(name))
    return name, int(rest)


def touch(lab, url, pages, fault_mode):
    """Thaw it; it has to find everything right, and to have faulted on every page."""
    vm = lab.restore(url, machine__fault_mode=fault_mode, restore__prefetch="none")
    vm.send("t")
    assert vm.expect(r"(OK|FAIL[^\r\n]*)\r?\n").group(1) == b"OK"
    status = vm.status()
    vm.send("o")
    assert vm.wait() == 0, vm.tail()
    by = "service" if status["fault_mode"] == "uffd" else "vcpu"
    assert status["faults"][by] >= pages // PAGES_PER_HOST_PAGE, status
    assert status["pages"]["missing"] > 0, status
    return status


def test_touch(guest, shared_lab, lab, fault_mode):
    name, pages = guest
    status = touch(lab, shared_lab.url(name), pages, fault_mode)
    assert status["fault_mode"] == fault_mode


@pytest.fixture(scope="module")
def server(shared_lab):
    return shared_lab.server()


def test_touch_over_tcp(guest, server, lab):
    name, pages = guest
    touch(lab, server.url(name), pages, "auto")
