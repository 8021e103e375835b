# SPDX-License-Identifier: Apache-2.0
"""TLS with somebody in the middle who has no key: he can cut, change and answer, but not more."""
import pytest
import records
import wire
from outcomes import ended, survived
from proxy import Nth, change, cut_at, flip, lasting, once, reset_at
from records import DATA, HANDSHAKE, RecordLink
from servers import psk_files, url_of

by_traffic = pytest.mark.parametrize("options", [["--threads", "2"], ["--threads", "2", "--fill"]],
                                     ids=["demand", "with fill"])
IMPATIENT = {"remote__fault_deadline": "300ms", "remote__stall_timeout": "1s"}


class Middle:
    """A server in TLS, and a proxy in front of it."""

    def __init__(self, lab, snapshot):
        self.lab = lab
        self.snapshot = snapshot
        self.right, self.wrong = psk_files(lab)
        self.server = lab.server(store=snapshot.store, tls__psk_file=self.right)
        self.proxy = lab.proxy(self.server, link=RecordLink)
        self.said = []  # by the client

    def at(self, script):
        """What is done to the records of the server."""
        def listen(link, record):
            if link.from_server():
                script(link, record)
            else:
                self.said.append(record)
                link.send(record)
        self.proxy.script = listen
        return self

    def thaw(self, *options, **sets):
        sets = {"tls__psk_file": self.right, **sets}
        url = url_of(self.proxy.port, name=self.snapshot.name, scheme="tls")
        return self.lab.thaw(url, self.snapshot, *options, **sets)

    def heard_no_cleartext(self):
        return self.said and all(record.kind in records.KINDS for record in self.said)


@pytest.fixture
def middle(lab, snapshot):
    return Middle(lab, snapshot)


# What is done to a record of the server: the end comes without the close_notify of TLS.
CUTS = {
    "between records": cut_at(0),
    "in the header of a record": cut_at(3),
    "in a record": cut_at(100),
    "before the last byte": cut_at(-1),
    "reset in a record": reset_at(100),
}
CHANGES = {
    "another bit": flip(records.HEADER),
    "in the clear": change(lambda record: wire.error(69)),
    "the same twice": change(lambda record: bytes(record) * 2),
    "empty": change(lambda record: record.but(body=b"")),
}


@by_traffic
@pytest.mark.parametrize("trouble", {**CUTS, **CHANGES})
def test_trouble_now_and_then(middle, options, trouble):
    act = {**CUTS, **CHANGES}[trouble]
    script = Nth(DATA, lambda n: act if n % 40 == 20 else None)
    survived(middle.at(script).thaw(*options))
    assert script.hits and middle.heard_no_cleartext()


@by_traffic
@pytest.mark.parametrize("trouble", {**CUTS, **CHANGES})
def test_trouble_for_good(middle, options, trouble):
    """Also with what it begins new connections with."""
    script = lasting(DATA, {**CUTS, **CHANGES}[trouble], nth=30)
    ended(middle.at(script).thaw(*options, **IMPATIENT), 69, "no answer for", within=1)
    assert script.hits and middle.heard_no_cleartext()


def replace(old, new):
    def edit(record):
        assert record.body.count(old) == 1
        return record.but(body=record.body.replace(old, new))
    return change(edit)


def test_server_hello_of_an_older_version(middle):
    """Its extension supported_versions says 1.2 in place of 1.3."""
    script = once(HANDSHAKE, replace(b"\0\x2b\0\2\3\4", b"\0\x2b\0\2\3\3"), nth=0)
    ended(middle.at(script).thaw(), 76, "does not speak TLS 1.3")
    assert middle.heard_no_cleartext()


def test_client_hello_of_an_older_version(middle):
    """As a client that speaks 1.2 only would begin; the server refuses, and 1.2 is not tried."""
    old, new = b"\0\x2b\0\3\2\3\4", b"\0\x2b\0\3\2\3\3"

    def edit(link, record):
        link.send(record.but(body=record.body.replace(old, new)))
    middle.proxy.script = edit
    ended(middle.thaw(), 76, "does not speak TLS 1.3")


@pytest.mark.parametrize("answer", [
    wire.Message(wire.HELLO_OK, bytes([1, 0, 1, 0, 0xc8, 0, 4, 0]) + bytes(8), number=1),
    wire.error(76), b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["HELLO_OK", "ERROR", "HTTP"])
def test_answer_in_the_clear(middle, answer):
    """The client does not go on in the clear, whatever it hears."""
    script = once(HANDSHAKE, change(lambda record: answer), nth=0)
    ended(middle.at(script).thaw(), 76, "does not speak TLS 1.3")
    assert middle.heard_no_cleartext()


def test_wrong_key(middle):
    ended(middle.thaw(tls__psk_file=middle.wrong), 77, "do not accept each other")


@by_traffic
def test_key_is_changed_in_the_middle(middle, options):
    """The machine keeps what it has, and ends when nobody lets it in for too long."""
    def restart(link, record):
        middle.server.kill()
        middle.server = middle.lab.server(store=middle.snapshot.store, port=middle.server.port,
                                          tls__psk_file=middle.wrong)
        link.cut()
    outcome = middle.at(once(DATA, restart, nth=30)).thaw(*options, **IMPATIENT)
    ended(outcome, 69, "do not accept each other", within=1)
