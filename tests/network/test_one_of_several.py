# SPDX-License-Identifier: Apache-2.0
"""Several servers of one snapshot, some of which fail (R2)."""
import random

import pytest
import wire
from outcomes import ended, survived
from proxy import Nth, change, cut_at, flip, lasting, vanish_at
from servers import url_of
from wire import DATA, DATA_PREFIX, HEADER, HELLO_OK, OPEN_OK

DEMAND = ["--threads", "3"]
BOTH = ["--threads", "3", "--fill"]
by_traffic = pytest.mark.parametrize("options", [DEMAND, BOTH], ids=["demand", "with fill"])


PATIENT = {"remote__fault_deadline": "2s"}  # each server gets a part of it to shake hands


def url(proxies, snapshot):
    servers = ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)
    return f"tcp://{servers}/{snapshot.name}"


def says(code):
    return change(lambda message: wire.error(code, number=message.number))


def refuse(link, _):
    link.proxy.refuse()
    link.proxy.drop()
    link.cut()


# What one server does from some page on, while the others are well.
TROUBLES = {
    "is gone": (DATA, refuse),
    "vanishes": (DATA, vanish_at(0)),
    "vanishes within a page": (DATA, vanish_at(1000)),
    "hangs up": (DATA, cut_at(0)),
    "hangs up within a page": (DATA, cut_at(1000)),
    "lies": (DATA, flip(HEADER + DATA_PREFIX)),
    "breaks the protocol": (DATA, flip(4)),
    "is damaged": (DATA, says(65)),
    "has no such snapshot": (DATA, says(66)),
    "is busy": (DATA, says(69)),
    "does not shake hands": (HELLO_OK, vanish_at(0)),
    "opens nothing": (OPEN_OK, says(66)),
    "opens another snapshot": (OPEN_OK, flip(HEADER)),
}


@by_traffic
@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("place", [0, 1])
def test_one_of_two(lab, server, snapshot, options, trouble, place):
    kind, act = TROUBLES[trouble]
    script = lasting(kind, act, nth=5 if kind == DATA else 0)
    proxies = [lab.proxy(server), lab.proxy(server)]
    proxies[place].script = script
    outcome = lab.thaw(url(proxies, snapshot), snapshot, *options, **PATIENT)
    survived(outcome)
    if trouble == "lies" and script.hits:
        assert "not used any more" in outcome.messages


@by_traffic
@pytest.mark.parametrize("seed", range(12))
def test_one_is_lost_at_a_random_instant(lab, server, large_snapshot, large_server, options, seed):
    """The seed is in the name of the test."""
    rng = random.Random(seed)
    proxies = [lab.proxy(large_server) for _ in range(3)]
    act = rng.choice([refuse, vanish_at(rng.randrange(4000)), cut_at(rng.randrange(4000))])
    victim = rng.choice(proxies)
    victim.script = lasting(DATA, act, nth=rng.randrange(60))
    outcome = lab.thaw(url(proxies, large_snapshot), large_snapshot, *options, **PATIENT)
    survived(outcome)
    assert "trying again for up to" not in outcome.messages  # it was not stalled


@by_traffic
def test_all_lie(lab, server, snapshot, options):
    proxies = [lab.proxy(server, lasting(DATA, flip(-1), nth=5)) for _ in range(2)]
    ended(lab.thaw(url(proxies, snapshot), snapshot, *options, **PATIENT), 65, "another digest")


@by_traffic
def test_all_break_the_protocol(lab, server, snapshot, options):
    proxies = [lab.proxy(server, lasting(DATA, flip(4), nth=5)) for _ in range(2)]
    ended(lab.thaw(url(proxies, snapshot), snapshot, *options, **PATIENT), 76, "broke the protocol")


@by_traffic
def test_all_are_lost(lab, server, snapshot, options):
    proxies = [lab.proxy(server, lasting(DATA, refuse, nth=5)) for _ in range(2)]
    ended(lab.thaw(url(proxies, snapshot), snapshot, *options, remote__fault_deadline="2s",
                   remote__stall_timeout="3s"), 69,
          "no answer for", within=3)


def test_the_first_is_not_there_at_the_start(lab, server, snapshot):
    proxies = [lab.proxy(server), lab.proxy(server)]
    proxies[0].refuse()
    survived(lab.thaw(url(proxies, snapshot), snapshot, **PATIENT))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["empty first", "empty second"])
def test_one_has_not_been_given_the_snapshot(lab, server, snapshot, tmp_path, order):
    empty = lab.server(store=tmp_path / "empty")
    ports = [(empty.port, server.port)[i] for i in order]
    survived(lab.thaw(url_of(*ports, name=snapshot.name), snapshot, **PATIENT))


def test_none_has_the_snapshot(lab, snapshot, tmp_path):
    empty = [lab.server(store=tmp_path / f"empty{i}") for i in range(2)]
    ended(lab.thaw(url_of(*(one.port for one in empty), name=snapshot.name), snapshot, **PATIENT),
          66, "No such file")


@by_traffic
def test_flapping_replicas(lab, large_server, large_snapshot, options):
    """Whoever has served twenty pages is gone, and is back when another goes."""
    gone = []

    def flap(link, _):
        link.proxy.refuse()
        for proxy in gone:
            proxy.listen()
        gone[:] = [link.proxy]
        link.proxy.drop()
        link.cut()

    proxies = [lab.proxy(large_server, Nth(DATA, lambda n: flap if n % 20 == 19 else None))
               for _ in range(3)]
    survived(lab.thaw(url(proxies, large_snapshot), large_snapshot, *options, **PATIENT))
    assert sum(proxy.script.hits for proxy in proxies) > 10
