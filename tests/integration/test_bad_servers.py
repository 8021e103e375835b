# SPDX-License-Identifier: Apache-2.0
"""A server that sends wrong pages, short replies or garbage: never a wrong byte in the guest."""
import itertools

import pytest
from proxy import DATA_HEADER, HEADER, Cut, Proxy
from snapshot_files import flip

PAGES = HEADER + DATA_HEADER  # where the pages of a DATA begin


@pytest.fixture
def thaw(lab, frozen):
    """Thaw through a proxy that treats DATA number n, from 0, as tamper(n, message) says."""
    server = lab.server(store=frozen.store)

    def start(tamper, **sets):
        count = itertools.count()
        proxy = lab.keep(Proxy(server.port, lambda message: tamper(next(count), message)))
        patience = {"remote__stall_timeout": "3s", "remote__fault_deadline": "1s"}
        return lab.restore(proxy.url(frozen.name), **{**patience, **sets})
    return start


def cut(message, length):
    raise Cut(message[:length])


# Offsets within a DATA of one page: its first, a middle and its last byte.
WRONG_PAGES = [PAGES, PAGES + 2048, PAGES + 4095]


@pytest.mark.parametrize("offset", WRONG_PAGES)
def test_wrong_page_ends_the_machine(thaw, frozen, offset):
    vm = thaw(lambda n, message: flip(message, offset) if n == 40 else message, restore__fill="no")
    vm.send("digest\n")
    assert vm.wait() == 65
    assert "another digest" in vm.messages()
    assert b"bad" not in vm.output


def test_wrong_page_in_the_fill_ends_the_machine(thaw):
    vm = thaw(lambda n, message: flip(message, len(message) - 1) if n == 40 else message,
              restore__paused="yes")
    assert vm.wait() == 65
    assert "another digest" in vm.messages() and vm.output == b""


def test_wrong_page_is_refused_before_an_eager_start(thaw):
    vm = thaw(lambda n, message: flip(message, PAGES) if n == 10 else message,
              restore__mode="eager")
    assert vm.wait() == 65
    assert "another digest" in vm.messages() and vm.output == b""


# What is done to single answers, after which the page is asked for again.
TROUBLES = {
    "nothing but the end": lambda message: cut(message, 0),
    "half a header": lambda message: cut(message, HEADER // 2),
    "no pages": lambda message: cut(message, PAGES),
    "half a page": lambda message: cut(message, PAGES + 2048),
    "all but the last byte": lambda message: cut(message, len(message) - 1),
    "bad magic": lambda message: flip(message, 0),
    "bad type": lambda message: flip(message, 4),
    "bad length": lambda message: flip(message, 9),
    "bad id": lambda message: flip(message, 16),
    "bad checksum": lambda message: flip(message, 28),
    "another page": lambda message: flip(message, HEADER),
    "more pages": lambda message: flip(message, HEADER + 8),
    "an unknown encoding": lambda message: flip(message, HEADER + 12),
    "garbage": lambda message: bytes(range(256)) * 20,
    "an answer too many": lambda message: message + message,
}


def test_single_troubles_are_survived(thaw, frozen):
    """One after the other in one thaw, far enough apart that each is a single one."""
    troubles = list(TROUBLES.values())

    def tamper(n, message):
        trouble, rest = divmod(n - 50, 20)
        if rest == 0 and 0 <= trouble < len(troubles):
            return troubles[trouble](message)
        return message

    vm = thaw(tamper, restore__fill="no", remote__stall_timeout="60s")
    assert frozen.is_intact_in(vm)
    # Each DATA that was not taken costs a new connection; "an answer too many" too.
    assert vm.status()["remote"]["reconnects"] >= len(troubles)
    assert vm.status()["remote"]["stalled_ms"] == 0
    vm.poweroff()


@pytest.mark.parametrize("trouble, exit_code", [("half a page", 69), ("garbage", 76),
                                                ("more pages", 76)])
def test_lasting_trouble_ends_the_machine(thaw, trouble, exit_code):
    vm = thaw(lambda n, message: message if n < 40 else TROUBLES[trouble](message),
              restore__fill="no")
    vm.send("digest\n")
    assert vm.wait() == exit_code
    assert b"bad" not in vm.output
