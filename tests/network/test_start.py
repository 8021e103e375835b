# SPDX-License-Identifier: Apache-2.0
"""Servers that fail while a machine starts: what is tried again, and what ends it at once."""
import itertools
import threading

import pytest
import wire
from outcomes import ended, survived
from proxy import Nth, cut_at, flip, lasting, once, reset_at, vanish_at
from servers import url_of
from wire import HEADER, HELLO_OK, OBJECT, OPEN_OK, RESOLVE_OK

OBJECT_PREFIX = 16
OBJECTS = {"manifest": 0, "state": 1, "index": 2}  # in this order
ANSWERS = {"HELLO_OK": HELLO_OK, "RESOLVE_OK": RESOLVE_OK, "OBJECT": OBJECT, "OPEN_OK": OPEN_OK}
by_traffic = pytest.mark.parametrize("options", [["--threads", "3"], ["--threads", "3", "--fill"]],
                                     ids=["demand", "with fill"])


def some(kind, act, first, count):
    return Nth(kind, lambda n: act if first <= n < first + count else None)


def leave(link, message):
    """Refuse connections from now on."""
    link.send(message)
    link.proxy.refuse()


def leave_for_a_second(link, message):
    leave(link, message)
    threading.Timer(1, link.proxy.listen).start()


# Everything has been loaded on the first connection; those for pages come behind it.
FLAPS = {
    "cuts HELLO": some(HELLO_OK, cut_at(HEADER), 1, 5),
    "resets HELLO": some(HELLO_OK, reset_at(0), 1, 5),
    "cuts OPEN": some(OPEN_OK, cut_at(HEADER), 0, 5),
    "resets OPEN": some(OPEN_OK, reset_at(0), 0, 5),
    "breaks the protocol": some(OPEN_OK, flip(0), 0, 1),
    "does not answer": some(OPEN_OK, vanish_at(0), 0, 3),
    "is gone": once(OBJECT, leave_for_a_second, nth=OBJECTS["index"]),
}


@by_traffic
@pytest.mark.parametrize("flap", FLAPS)
def test_pages_wait_for_a_flapping_server(lab, server, snapshot, options, flap):
    script = FLAPS[flap]
    script.count, script.hits = itertools.count(), 0
    survived(lab.thaw(lab.proxy(server, script).url(snapshot.name), snapshot, *options))
    assert script.hits


@by_traffic
def test_pages_do_not_wait_for_ever(lab, server, snapshot, options):
    script = once(OBJECT, leave, nth=OBJECTS["index"])
    outcome = lab.thaw(lab.proxy(server, script).url(snapshot.name), snapshot, *options,
                       remote__stall_timeout="1s")
    ended(outcome, 69, "no answer for", within=1)


@pytest.mark.parametrize("trouble", [vanish_at(0), vanish_at(HEADER + 1), cut_at(0), flip(0)],
                         ids=["silence", "silence in it", "cut", "protocol"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_the_other_server_answers(lab, server, snapshot, answer, trouble):
    """Also when the stall timeout is an hour, as each gets but a part of the fault deadline."""
    bad = lab.proxy(server, lasting(ANSWERS[answer], trouble, nth=0))
    survived(lab.thaw(url_of(bad.port, server.port, name=snapshot.name), snapshot,
                      remote__fault_deadline="2s", remote__stall_timeout="3600s"))


def damaged(place):
    """One byte behind the offset of an OBJECT."""
    return some(OBJECT, flip(HEADER + OBJECT_PREFIX + 40), place, 1)


@pytest.mark.parametrize("what", OBJECTS)
def test_damaged_object_is_read_elsewhere(lab, server, snapshot, what):
    bad = lab.proxy(server, damaged(OBJECTS[what]))
    outcome = lab.thaw(url_of(bad.port, server.port, name=snapshot.name), snapshot)
    survived(outcome)
    assert "not used any more" in outcome.messages
    assert not bad.pages


@pytest.mark.parametrize("what", OBJECTS)
def test_server_that_says_it_is_damaged(lab, server, snapshot, what):
    def act(link, message):
        link.answer(wire.error(65, number=message.number))
    bad = lab.proxy(server, some(OBJECT, act, OBJECTS[what], 1))
    survived(lab.thaw(url_of(bad.port, server.port, name=snapshot.name), snapshot))
    assert not bad.pages


@pytest.mark.parametrize("what", OBJECTS)
def test_object_that_is_damaged_everywhere(lab, server, snapshot, what):
    # The second is asked for nothing that the first has given already.
    bad = [lab.proxy(server, damaged(place)) for place in (OBJECTS[what], 0)]
    outcome = lab.thaw(url_of(*(proxy.port for proxy in bad), name=snapshot.name), snapshot)
    ended(outcome, 65, "does not have the bytes of its name")
