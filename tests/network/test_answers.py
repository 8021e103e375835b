# SPDX-License-Identifier: Apache-2.0
"""Answers that are cut, late, malformed or untrue, once and for good.

A table of troubles; each is done to one answer, which the machine survives by asking again, and
to all answers from one on, which ends it as the table says.
"""
import struct

import pytest
import wire
from outcomes import ended, survived
from proxy import (before, behind, change, cut_at, each, flip, lasting, once, reset_at, trickle,
                   vanish_at)
from wire import DATA, DATA_PREFIX, HEADER, PAGE

PAGES = HEADER + DATA_PREFIX  # where the pages of a DATA of one range begin
MESSAGE = PAGES + PAGE

# How pages are asked for: by a thread that waits for each, or by the fill.
DEMAND = ["--threads", "1"]
BULK = ["--threads", "1", "--pages", "1", "--fill"]
by_priority = pytest.mark.parametrize("options", [DEMAND, BULK], ids=["demand", "bulk"])


def but(**changes):
    return change(lambda message: message.but(**changes))


def payload(edit):
    return change(lambda message: message.but(payload=edit(message.payload)))


def patch(offset, form, value):
    """Another number at an offset of the payload."""
    def edit(data):
        changed = bytearray(data)
        struct.pack_into(form, changed, offset, value)
        return bytes(changed)
    return payload(edit)


def also(edit):
    """The message, and a changed one behind it."""
    return behind(edit)


def toggled_last(message):
    return message.but(flags=message.flags ^ wire.LAST)


LOST = (69, "no answer for")
BROKEN = (76, "broke the protocol")

# What is done to a DATA -> what it ends with when it is done to all of them.
TROUBLES = {
    "no byte and the end": (cut_at(0), LOST),
    "half a header and the end": (cut_at(HEADER // 2), LOST),
    "half a page and the end": (cut_at(PAGES + PAGE // 2), LOST),
    "reset": (reset_at(0), LOST),
    "reset in the page": (reset_at(PAGES + PAGE // 2), LOST),
    "no byte and no end": (vanish_at(0), LOST),
    "half a page and no end": (vanish_at(PAGES + PAGE // 2), LOST),
    "a byte now and then": (trickle(0.1), LOST),
    "garbage": (change(lambda message: bytes(range(256)) * 20), BROKEN),
    "another protocol": (change(lambda message: b"HTTP/1.1 400 Bad Request\r\n\r\n" * 2), BROKEN),
    "wrong magic": (flip(0), BROKEN),
    "wrong checksum": (flip(28), BROKEN),
    "reserved bits": (but(reserved=1), BROKEN),
    "unknown type": (but(kind=999), BROKEN),
    "type 0": (but(kind=0), BROKEN),
    "a request": (but(kind=wire.GET), BROKEN),
    "an answer to another kind": (but(kind=wire.OBJECT), BROKEN),
    "HELLO_OK again": (change(lambda m: wire.Message(
        wire.HELLO_OK, struct.pack("<HHIQ", 1, 1, 65736, 0), number=m.number)), BROKEN),
    "unknown flag": (but(flags=wire.LAST | 4), BROKEN),
    "LAST toggled": (change(toggled_last), BROKEN),
    "another handle": (but(handle=2), BROKEN),
    "handle 0": (but(handle=0), BROKEN),
    "highest handle": (but(handle=2**32 - 1), BROKEN),
    "id 0": (but(number=0), BROKEN),
    "highest id": (but(number=2**64 - 1), BROKEN),
    "an id not yet given": (change(lambda m: m.but(number=m.number + 1000)), BROKEN),
    "length 0": (but(length=0), BROKEN),
    "length one below the least": (but(length=DATA_PREFIX - 1), BROKEN),
    "length of an empty DATA": (but(length=DATA_PREFIX), BROKEN),
    "length one too small": (change(lambda m: m.but(length=len(m.payload) - 1)), BROKEN),
    "length one above the most": (but(length=262345), BROKEN),
    "highest length": (but(length=2**32 - 1), BROKEN),
    "a page too few": (payload(lambda data: data[:-PAGE]), BROKEN),
    "a byte too few": (payload(lambda data: data[:-1]), BROKEN),
    "a byte too many": (payload(lambda data: data + b"\0"), BROKEN),
    "a page too many": (payload(lambda data: data + bytes(PAGE)), BROKEN),
    "unknown encoding": (patch(0, "<I", 4), BROKEN),
    "highest encoding": (patch(0, "<I", 2**32 - 1), BROKEN),
    "zeros with bytes": (patch(0, "<I", wire.ZERO), BROKEN),
    "no range": (patch(4, "<I", 0), BROKEN),
    "17 ranges": (patch(4, "<I", 17), BROKEN),
    "most ranges": (patch(4, "<I", 2**32 - 1), BROKEN),
    "a page that was not asked for": (patch(8, "<Q", 1023), BROKEN),
    "a page beyond the snapshot": (patch(8, "<Q", 1024), BROKEN),
    "a page that overflows": (patch(8, "<Q", 2**64 - 2), BROKEN),
    "only what was not asked for": (patch(8, "<Q", wire.PAGE_UNASKED), BROKEN),
    "no page": (patch(16, "<I", 0), BROKEN),
    "a frame too large": (patch(16, "<I", 65), BROKEN),
    "most pages": (patch(16, "<I", 2**32 - 1), BROKEN),
    "the same answer twice": (behind(lambda message: message), BROKEN),
    "unasked, of another request": (before(lambda m: m.but(number=m.number - 1)), BROKEN),
    "unasked, behind": (behind(lambda m: m.but(number=m.number + 1)), BROKEN),
    "the same page twice": (before(lambda m: m.but(flags=0)), BROKEN),
}


# A sound answer comes first, so in bulk each connection brings some pages.
BRINGS_SOME = {"the same answer twice", "unasked, behind"}


@by_priority
@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_that_lasts(lab, server, snapshot, options, trouble):
    act, (exit_code, words) = TROUBLES[trouble]
    script = lasting(DATA, act, nth=3)
    proxy = lab.proxy(server, script)
    outcome = lab.thaw(proxy.url(snapshot.name), snapshot, *options,
                       remote__fault_deadline="300ms", remote__stall_timeout="1s")
    assert script.hits
    if options is BULK and trouble in BRINGS_SOME:
        survived(outcome)
    else:
        ended(outcome, exit_code, words, within=1)


# What takes as long as a bulk request may, so it is not repeated there.
SLOW = {"no byte and no end", "half a page and no end", "a byte now and then"}


@by_priority
def test_troubles_one_by_one(lab, large_server, large_snapshot, options):
    acts = [act for name, (act, _) in TROUBLES.items() if options is DEMAND or name not in SLOW]
    script = each(DATA, acts, nth=3)
    survived(lab.thaw(lab.proxy(large_server, script).url(large_snapshot.name), large_snapshot,
                      *options))
    assert script.hits == len(acts)


# Every byte of the header and of what stands before the page, and a stride through the page.
CUTS = [*range(PAGES + 1), *range(PAGES + 1, MESSAGE, 509), MESSAGE - 1]


@by_priority
@pytest.mark.parametrize("fault", [cut_at, reset_at], ids=["cut", "reset"])
def test_connection_lost_at_each_byte(lab, large_server, large_snapshot, options, fault):
    script = each(DATA, [fault(k) for k in CUTS], nth=1, step=2)
    survived(lab.thaw(lab.proxy(large_server, script).url(large_snapshot.name), large_snapshot,
                      *options))
    assert script.hits == len(CUTS)


@by_priority
@pytest.mark.parametrize("offset", [0, 1, 2047, PAGE - 1, -1])
def test_flipped_bit_of_a_page_ends_the_machine(lab, server, snapshot, options, offset):
    script = once(DATA, flip(PAGES + offset if offset >= 0 else -1), nth=5)
    outcome = lab.thaw(lab.proxy(server, script).url(snapshot.name), snapshot, *options)
    if "do not decode" in outcome.messages:
        survived(outcome)  # an encoded frame was hit: a violation, and asked for again
    else:
        ended(outcome, 65, "another digest")
