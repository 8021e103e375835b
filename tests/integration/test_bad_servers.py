# SPDX-License-Identifier: Apache-2.0
"""A server that sends wrong pages, short replies or garbage: never a wrong byte in the guest."""
import pytest
from proxy import Proxy, behind, change, cut_at, each, flip, lasting, once
from wire import DATA, DATA_PREFIX, HEADER

PAGES = HEADER + DATA_PREFIX  # where the pages of a DATA begin


@pytest.fixture
def thaw(lab, frozen):
    """Thaw through a proxy with this script."""
    server = lab.server(store=frozen.store)

    def start(script, **sets):
        proxy = lab.keep(Proxy(server.port, script))
        patience = {"remote__stall_timeout": "3s", "remote__fault_deadline": "1s"}
        return lab.restore(proxy.url(frozen.name), **{**patience, **sets})
    return start


# Offsets within a DATA of one page: its first, a middle and its last byte.
WRONG_PAGES = [PAGES, PAGES + 2048, PAGES + 4095]


@pytest.mark.parametrize("offset", WRONG_PAGES)
def test_wrong_page_ends_the_machine(thaw, frozen, offset):
    vm = thaw(once(DATA, flip(offset), 40), restore__prefetch="none")
    vm.send("digest\n")
    assert vm.wait() == 65
    assert "another digest" in vm.messages()
    assert b"bad" not in vm.output


def test_wrong_page_in_the_fill_ends_the_machine(thaw):
    vm = thaw(once(DATA, flip(-1), 40), restore__paused="yes")
    assert vm.wait() == 65
    assert "another digest" in vm.messages() and vm.output == b""


def test_wrong_page_is_refused_before_an_eager_start(thaw):
    vm = thaw(once(DATA, flip(PAGES), 10), restore__mode="eager")
    assert vm.wait() == 65
    assert "another digest" in vm.messages() and vm.output == b""


# What is done to single answers, after which the page is asked for again.
TROUBLES = {
    "nothing but the end": cut_at(0),
    "half a header": cut_at(HEADER // 2),
    "no pages": cut_at(PAGES),
    "half a page": cut_at(PAGES + 2048),
    "all but the last byte": cut_at(-1),
    "bad magic": flip(0),
    "bad type": flip(4),
    "bad length": flip(9),
    "bad id": flip(16),
    "bad checksum": flip(28),
    "another page": flip(HEADER + 8),
    "more pages": flip(HEADER + 16),
    "an unknown encoding": flip(HEADER),
    "garbage": change(lambda message: bytes(range(256)) * 20),
    "an answer too many": behind(lambda message: message),
}


def test_single_troubles_are_survived(thaw, frozen):
    """One after the other in one thaw, far enough apart that each is a single one."""
    script = each(DATA, list(TROUBLES.values()), nth=50, step=20)
    vm = thaw(script, restore__prefetch="none", remote__stall_timeout="60s")
    assert frozen.is_intact_in(vm)
    # Each DATA that was not taken costs a new connection; "an answer too many" too.
    assert vm.status()["remote"]["reconnects"] >= len(TROUBLES)
    assert vm.status()["remote"]["stalled_ms"] == 0
    vm.poweroff()


@pytest.mark.parametrize("trouble, exit_code", [("half a page", 69), ("garbage", 76),
                                                ("more pages", 76)])
def test_lasting_trouble_ends_the_machine(thaw, trouble, exit_code):
    vm = thaw(lasting(DATA, TROUBLES[trouble], 40), restore__prefetch="none")
    vm.send("digest\n")
    assert vm.wait() == exit_code
    assert b"bad" not in vm.output
