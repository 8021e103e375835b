# SPDX-License-Identifier: Apache-2.0
"""Servers that are killed, stand still, vanish and come back, in the middle of a thaw.

What happens is done by the proxy when a certain page passes, so that it happens at the same place
in every run.
"""
import signal
import threading

import pytest
import wire
from outcomes import ended, survived
from processes import free_port
from proxy import Nth, lasting, once, pass_on, trickle
from wire import DATA

DEMAND = ["--threads", "2"]
BOTH = ["--threads", "2", "--fill"]
by_traffic = pytest.mark.parametrize("options", [DEMAND, BOTH], ids=["demand", "with fill"])


class Stage:
    """A server of its own behind a proxy, and a thaw."""

    def __init__(self, lab, snapshot):
        self.lab = lab
        self.snapshot = snapshot
        self.restarting = threading.Lock()  # the proxy has a thread for every connection
        self.server = self.start(free_port())
        self.proxy = lab.proxy(self.server)

    def at(self, script):
        self.proxy.script = script
        return self

    def thaw(self, *options, **sets):
        patience = {"remote__fault_deadline": "200ms"}
        return self.lab.thaw(self.proxy.url(self.snapshot.name), self.snapshot, *options,
                             **{**patience, **sets})

    def start(self, port):
        # Clients would be gone before the end of the drain, if the proxy did not wait for it.
        return self.lab.server(store=self.snapshot.store, port=port, server__drain="200ms")

    def restart(self, number):
        with self.restarting:
            self.server.signal(number)
            self.server.wait()
            self.server = self.start(self.server.port)

    def connect(self):
        self.proxy.script = pass_on
        self.proxy.listen()

    def disconnect(self):
        self.proxy.refuse()
        self.proxy.drop()


@pytest.fixture
def stage(lab, snapshot):
    return Stage(lab, snapshot)


@pytest.fixture
def long_stage(lab, large_snapshot):
    return Stage(lab, large_snapshot)


def doing(what):
    """Do it, then pass the message on."""
    def act(link, message):
        what()
        link.send(message)
    return act


def every(step, act):
    """From the third on, when all that have to connect once to get started have done so."""
    return Nth(DATA, lambda n: act if n >= 2 * step and n % step == 0 else None)


def later(seconds, what):
    threading.Timer(seconds, what).start()


def was_late(outcome):
    return (outcome.figures["remote"]["late_fetches"] > 0 and
            "has been awaited for" in outcome.messages)


def test_nobody_listens(lab, snapshot):
    outcome = lab.thaw(f"tcp://127.0.0.1:{free_port()}/web", snapshot)
    ended(outcome, 69, "cannot connect")


@pytest.mark.parametrize("answer", [wire.HELLO_OK], ids=["HELLO_OK"])
def test_server_that_never_answers(stage, answer):
    outcome = stage.at(once(answer, lambda link, message: link.vanish(), nth=0)).thaw()
    ended(outcome, 69, "no answer in time", within=5)


@by_traffic
def test_server_that_stands_still(stage, options):
    def stop():
        stage.server.signal(signal.SIGSTOP)
        later(1, lambda: stage.server.signal(signal.SIGCONT))
    outcome = stage.at(once(DATA, doing(stop), nth=20)).thaw(*options)
    survived(outcome)
    assert was_late(outcome)


@by_traffic
def test_server_that_stands_still_for_good(stage, options):
    stop = once(DATA, doing(lambda: stage.server.signal(signal.SIGSTOP)), nth=20)
    outcome = stage.at(stop).thaw(*options, remote__stall_timeout="1s")
    ended(outcome, 69, "no answer for", within=1)


@by_traffic
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_server_is_restarted_again_and_again(long_stage, options, number):
    script = every(100, doing(lambda: long_stage.restart(number)))
    survived(long_stage.at(script).thaw(*options))
    assert script.hits


@by_traffic
def test_server_is_gone_for_five_seconds(stage, options):
    def leave():
        stage.disconnect()
        later(5, stage.connect)
    outcome = stage.at(once(DATA, doing(leave), nth=20)).thaw(*options)
    survived(outcome)
    assert was_late(outcome)
    assert "trying again" in outcome.messages and "answers again after" in outcome.messages
    assert outcome.seconds > 5


@by_traffic
def test_server_is_gone_for_good(stage, options):
    outcome = stage.at(once(DATA, doing(stage.disconnect), nth=20)).thaw(
        *options, remote__stall_timeout="1s")
    ended(outcome, 69, "no answer for", within=1)


@by_traffic
def test_host_vanishes_and_comes_back(stage, options):
    """Nothing is refused and nothing closed; packets are lost, also those of new connections."""
    def vanish():
        stage.proxy.script = lambda link, message: link.vanish()
        later(1.5, lambda: setattr(stage.proxy, "script", pass_on))
    outcome = stage.at(once(DATA, doing(vanish), nth=20)).thaw(*options)
    survived(outcome)
    assert was_late(outcome)


@by_traffic
def test_host_vanishes_for_good(stage, options):
    outcome = stage.at(lasting(DATA, lambda link, message: link.vanish(), nth=20)).thaw(
        *options, remote__stall_timeout="1s")
    ended(outcome, 69, "no answer for", within=1)


@by_traffic
def test_flapping_server(long_stage, options):
    """Gone for a moment at every twentieth answer."""
    def flap():
        long_stage.disconnect()
        long_stage.proxy.listen()
    script = every(20, doing(flap))
    survived(long_stage.at(script).thaw(*options))
    assert script.hits


def test_one_byte_a_second(stage):
    """It moves, but never in time."""
    outcome = stage.at(lasting(DATA, trickle(1), nth=20)).thaw(remote__stall_timeout="2500ms")
    ended(outcome, 69, "no answer for", within=2.5)
    assert "has been awaited for" in outcome.messages
