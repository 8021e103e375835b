# SPDX-License-Identifier: Apache-2.0
"""Sound answers at the wrong time, or with the pages of something else."""
import pytest
import wire
from conftest import make_snapshot
from outcomes import ended, survived
from proxy import lasting, once
from servers import url_of
from wire import DATA, GET, OPEN, PAGE


def test_page_of_another_place(lab, server, snapshot):
    """The bytes of the page that was sent before."""
    before = []

    def act(link, message):
        before.append(message.payload[-PAGE:])
        old = before[0]
        link.answer(message.but(payload=message.payload[:-PAGE] + old))
    outcome = lab.thaw(lab.proxy(server, lasting(DATA, act, nth=5)).url(snapshot.name), snapshot)
    ended(outcome, 65, "another digest")


def test_page_of_zeros(lab, server, snapshot):
    def act(link, message):
        link.answer(message.but(payload=message.payload[:-PAGE] + bytes(PAGE)))
    outcome = lab.thaw(lab.proxy(server, lasting(DATA, act, nth=5)).url(snapshot.name), snapshot)
    ended(outcome, 65, "another digest")


def test_late_answer(lab, server, snapshot):
    """It comes on the next connection, before the answer to what was asked there."""
    late = []

    def hold(link, message):
        late.append(message)

    def deliver(link, message):
        link.answer(bytes(late.pop()) + bytes(message) if late else message)
    held = once(DATA, hold, nth=5)

    def script(link, message):
        if message.kind == DATA and held.hits:
            deliver(link, message)
        else:
            held(link, message)
    outcome = lab.thaw(lab.proxy(server, script).url(snapshot.name), snapshot)
    survived(outcome)
    assert not late and "an answer to another request" in outcome.messages


def test_answers_to_what_was_not_asked(lab, server, snapshot):
    """The proxy asks for another page than the client."""
    def act(link, message):
        first, count = wire.ranges_of(message)[0]
        other = (first + 1) % 1024
        link.send(message.but(payload=message.payload[:8] + other.to_bytes(8, "little") +
                              count.to_bytes(4, "little")))
    outcome = lab.thaw(lab.proxy(server, lasting(GET, act, nth=5)).url(snapshot.name), snapshot)
    ended(outcome, 76, "not asked for")


@pytest.fixture
def other(lab):
    """Of the same size, with other bytes."""
    return make_snapshot(lab.path("other"), "web", compressible=10)


def other_id(snapshot):
    return bytes.fromhex((snapshot.store / "refs" / snapshot.name).read_text().split()[0])


def test_pages_of_another_snapshot(lab, server, snapshot, other):
    """They are sound there; the link goes there behind OPEN, which is answered as it should be."""
    strange = lab.server(store=other.store)
    digest = other_id(other)
    opens = []

    def act(link, message):
        if message.kind == OPEN and message.payload != digest:
            opens.append(message.payload)
            message = message.but(payload=digest)
        elif message.kind == wire.OPEN_OK:
            message = message.but(payload=opens[-1] + message.payload[32:])
        elif message.kind not in (wire.HELLO, wire.HELLO_OK, GET, DATA):
            raise AssertionError(message)
        link.send(message)
    liar = lab.proxy(strange, act)
    bad = url_of(server.port, liar.port, name=snapshot.name)
    outcome = lab.thaw(bad, snapshot, "--threads", "4", remote__hedge="off",
                       remote__fault_deadline="20s")
    survived(outcome)
    assert opens and "not used any more" in outcome.messages, outcome.messages


def test_reordered_answers_in_bulk(lab, large_server, large_snapshot):
    """Parts of one answer may come in any order, but for the last."""
    held, swaps = [], []

    def act(link, message):
        if message.kind != DATA or message.flags & wire.LAST:
            link.answer(b"".join(map(bytes, held)))
            held.clear()
            link.send(message)
        elif held:
            link.answer(bytes(message) + bytes(held.pop()))
            swaps.append(message)
        else:
            held.append(message)
    proxy = lab.proxy(large_server, act)
    survived(lab.thaw(proxy.url(large_snapshot.name), large_snapshot, "--threads", "1", "--pages",
                      "1", "--fill"))
    assert swaps
