# SPDX-License-Identifier: Apache-2.0
"""Sound answers at the wrong time, or with the pages of something else."""
import wire
from outcomes import ended, survived
from proxy import lasting, once
from wire import DATA, GET, PAGE


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
