# SPDX-License-Identifier: Apache-2.0
"""Trouble before any page: while a machine starts, and while it connects again."""
import pytest
import wire
from outcomes import ended, survived
from proxy import after, behind, change, cut_at, flip, lasting, once, reset_at
from wire import HEADER, HELLO_OK, OBJECT, OPEN_OK, RESOLVE_OK

ANSWERS = {"HELLO_OK": HELLO_OK, "RESOLVE_OK": RESOLVE_OK, "OBJECT": OBJECT, "OPEN_OK": OPEN_OK}
AGAIN = {"HELLO_OK": HELLO_OK, "OPEN_OK": OPEN_OK}  # what a connection begins with


def payload(edit):
    return change(lambda message: message.but(payload=edit(message.payload)))


def but(**changes):
    return change(lambda message: message.but(**changes))


LOST = {69}
BROKEN = {76}

# What is done to an answer -> how a machine may end if it is done to all of them.
TROUBLES = {
    "the end": (cut_at(0), LOST),
    "half a header and the end": (cut_at(HEADER // 2), LOST),
    "half a payload and the end": (cut_at(-8), LOST),
    "reset": (reset_at(0), LOST),
    "reset in the payload": (reset_at(-8), LOST),
    "garbage": (change(lambda message: bytes(range(256))), BROKEN),
    "wrong magic": (flip(0), BROKEN),
    "wrong checksum": (flip(28), BROKEN),
    "unknown type": (but(kind=999), BROKEN),
    "another type": (but(kind=wire.PUT_READY, payload=b""), BROKEN),
    "another id": (change(lambda m: m.but(number=m.number + 1)), BROKEN),
    "one byte less": (payload(lambda data: data[:-1]), BROKEN),
    "one byte more": (payload(lambda data: data + b"\0"), BROKEN),
    "highest length": (but(length=2**32 - 1), BROKEN),
    "the same twice": (behind(lambda message: message), BROKEN),
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("answer", ANSWERS)
def test_start_is_refused(lab, server, snapshot, answer, trouble):
    act, exit_codes = TROUBLES[trouble]
    script = lasting(ANSWERS[answer], act, nth=0)
    # The first answer that each is: at once.  But OPEN_OK comes when others may run already.
    sets = {"remote__stall_timeout": "1s"} if answer == "OPEN_OK" else {}
    outcome = lab.thaw(lab.proxy(server, script).url(snapshot.name), snapshot, **sets)
    assert script.hits
    assert outcome.exit_code in exit_codes, outcome.messages
    ended(outcome, outcome.exit_code, "tcp://")


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("answer", AGAIN)
def test_connecting_again_fails_for_good(lab, server, snapshot, answer, trouble):
    act, exit_codes = TROUBLES[trouble]
    script = lasting(AGAIN[answer], act, nth=0)
    lost = once(wire.DATA, cut_at(0), nth=20)
    outcome = lab.thaw(lab.proxy(server, after(lost, script)).url(snapshot.name), snapshot,
                       remote__fault_deadline="300ms", remote__stall_timeout="1s")
    assert script.hits
    assert outcome.exit_code in exit_codes, outcome.messages
    ended(outcome, outcome.exit_code, "tcp://", within=1)


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("answer", AGAIN)
def test_connecting_again_fails_once(lab, server, snapshot, answer, trouble):
    act, _ = TROUBLES[trouble]
    script = once(AGAIN[answer], act, nth=0)
    lost = once(wire.DATA, cut_at(0), nth=20)
    survived(lab.thaw(lab.proxy(server, after(lost, script)).url(snapshot.name), snapshot))
    assert script.hits
