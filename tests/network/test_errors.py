# SPDX-License-Identifier: Apache-2.0
"""ERROR with every code and GOAWAY in every state of a connection."""
import itertools

import pytest
import wire
from outcomes import ended, survived
from proxy import after, before, behind, change, cut_at, lasting, once
from wire import DATA, HELLO_OK, OBJECT, OPEN_OK, RESOLVE_OK

ANSWERS = {"HELLO_OK": HELLO_OK, "RESOLVE_OK": RESOLVE_OK, "OBJECT": OBJECT, "OPEN_OK": OPEN_OK}
CODES = [64, 65, 66, 69, 70, 71, 76, 77]


def says(code, text=b"so says the proxy"):
    return change(lambda message: wire.error(code, text, message.number))


def thaw(lab, server, snapshot, script, *options, **sets):
    outcome = lab.thaw(lab.proxy(server, script).url(snapshot.name), snapshot, *options, **sets)
    return outcome


IMPATIENT = {"remote__fault_deadline": "300ms", "remote__stall_timeout": "1s"}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("answer", ANSWERS)
def test_error_at_the_start_is_the_exit_code(lab, server, snapshot, answer, code):
    script = lasting(ANSWERS[answer], says(code), nth=0)
    ended(thaw(lab, server, snapshot, script), code, "so says the proxy")


@pytest.mark.parametrize("code", CODES)
def test_error_instead_of_a_page(lab, server, snapshot, code):
    """A server that says that its copy is damaged is not asked again; all others are."""
    outcome = thaw(lab, server, snapshot, once(DATA, says(code), nth=9))
    if code == 65:
        ended(outcome, 65, "so says the proxy")
    else:
        survived(outcome)


def after_the_start(code):
    return code if code in (65, 76) else 69


@pytest.mark.parametrize("code", CODES)
def test_errors_instead_of_pages(lab, server, snapshot, code):
    script = lasting(DATA, says(code), nth=9)
    code = after_the_start(code)
    words = "no answer for" if code == 69 else "so says the proxy"
    ended(thaw(lab, server, snapshot, script, **IMPATIENT), code, words, within=1)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("answer", [HELLO_OK, OPEN_OK], ids=["HELLO_OK", "OPEN_OK"])
def test_errors_when_connecting_again(lab, server, snapshot, answer, code):
    script = after(once(DATA, cut_at(0), nth=9), lasting(answer, says(code), nth=0))
    code = after_the_start(code)
    words = "no answer for" if code == 69 else "so says the proxy"
    ended(thaw(lab, server, snapshot, script, **IMPATIENT), code, words, within=1)


@pytest.mark.parametrize("code", [0, 1, 63, 78, 255, 2**32 - 1])
def test_unknown_codes_break_the_protocol(lab, server, snapshot, code):
    ended(thaw(lab, server, snapshot, lasting(DATA, says(code), nth=9)), 76, "unknown code")


def test_text_of_an_error_is_made_printable(lab, server, snapshot):
    script = lasting(HELLO_OK, says(69, b"\x1b[2Jgone\n\0"), nth=0)
    ended(thaw(lab, server, snapshot, script), 69, "?[2Jgone??")


@pytest.mark.parametrize("size, words", [(0, "tcp://"), (400, "no answer for"), (401, "405 bytes")])
def test_text_of_an_error_is_bounded(lab, server, snapshot, size, words):
    script = lasting(DATA, says(77, b"x" * size), nth=9)
    ended(thaw(lab, server, snapshot, script, **IMPATIENT), 76 if size > 400 else 69, words,
          within=1)


def test_error_about_the_connection(lab, server, snapshot):
    """Its id is 0."""
    script = once(DATA, change(lambda message: wire.error(69)), nth=9)
    survived(thaw(lab, server, snapshot, script))


PLACES = {"before": before, "behind": behind}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("answer", [*ANSWERS, "DATA"])
def test_goaway_in_every_state(lab, server, snapshot, answer, place):
    kind = {**ANSWERS, "DATA": DATA}[answer]
    script = once(kind, PLACES[place](lambda message: wire.goaway()), nth=0)
    survived(thaw(lab, server, snapshot, script))
    assert script.hits


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("options", [[], ["--pages", "1", "--fill"]], ids=["demand", "bulk"])
def test_goaway_on_every_connection(lab, large_server, large_snapshot, place, options):
    """With the first page on each."""
    told = set()

    def act(link, message):
        goaway = b"" if link in told else wire.goaway()
        told.add(link)
        PLACES[place](lambda _: goaway)(link, message)
    survived(thaw(lab, large_server, large_snapshot, lasting(DATA, act, nth=0), *options))
    assert len(told) > (2 if not options else 0)


def test_goaway_instead_of_an_answer(lab, server, snapshot):
    """And the end, which is then no different from any other."""
    def act(link, message):
        link.answer(wire.goaway(0))
        link.cut()
    survived(thaw(lab, server, snapshot, once(DATA, act, nth=9)))


def test_goaway_without_end(lab, server, snapshot):
    """It must not keep a fault waiting past its limits."""
    def act(link, message):
        flood = bytes(wire.goaway()) * 1000
        for _ in itertools.count():
            link.answer(flood)
    ended(thaw(lab, server, snapshot, lasting(DATA, act, nth=9), **IMPATIENT), 76, "GOAWAY twice",
          within=1)


@pytest.mark.parametrize("bad", [
    wire.Message(wire.GOAWAY, b""), wire.Message(wire.GOAWAY, bytes(5)),
    wire.Message(wire.GOAWAY, bytes(4), flags=1)], ids=["short", "long", "flags"])
def test_malformed_goaway(lab, server, snapshot, bad):
    script = lasting(DATA, before(lambda message: bad), nth=9)
    ended(thaw(lab, server, snapshot, script), 76, "broke the protocol")
