# SPDX-License-Identifier: Apache-2.0
"""Machines that are cut off from a server, while a collector removes what nobody needs
(docs/thawd.md)."""
import os
import socket
import struct

import pytest
from conftest import make_snapshot
from outcomes import ended, survived
from processes import THAWD, run, wait_for
from proxy import once, pass_on
from test_store import age, config_for
from wire import DATA

by_traffic = pytest.mark.parametrize("options", [["--threads", "2"], ["--threads", "2", "--fill"]],
                                     ids=["demand", "with fill"])


class Stage:
    """A snapshot whose name goes in the middle of a thaw, with all connections."""

    def __init__(self, lab, lease):
        self.lab = lab
        self.lease = lease
        self.snapshot = make_snapshot(lab.path("store"), "web")
        self.config = config_for(lab, self.snapshot.store)
        self.server = self.start(0)
        self.proxy = lab.proxy(self.server)

    def start(self, port):
        return self.lab.server(store=self.snapshot.store, port=port, server__lease=self.lease)

    def restart(self):
        self.server.kill()
        self.server = self.start(self.server.port)

    def cut_off(self):
        """With a reset, or the server would take it for a machine that leaves."""
        self.proxy.refuse()
        for link in self.proxy.links:
            if link.server.fileno() < 0:  # closed already
                continue
            link.server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.proxy.drop()

    def collect(self):
        """What the collector says, and what is left."""
        said = run(THAWD, "gc", self.config).stdout
        return said, os.listdir(self.snapshot.store / "packs")

    def thaw(self, options, meanwhile, **sets):
        """meanwhile() is what happens while the machine is away."""
        happened = []

        def act(link, _):
            self.cut_off()
            link.close()
            (self.snapshot.store / "refs/web").unlink()
            age(self.snapshot.store)
            meanwhile()
            happened.append(True)
            self.proxy.script = pass_on
            self.proxy.listen()
            link.cut()
        self.proxy.script = once(DATA, act, nth=20)
        outcome = self.lab.thaw(self.proxy.url("web"), self.snapshot, *options, **sets)
        assert happened
        return outcome


@pytest.mark.parametrize("restarted", [False, True], ids=["", "restarted"])
def test_away_for_longer_than_the_lease(lab, restarted):
    """What it has not fetched is gone: it is told so, and ends as if no server were left (69), or
    at once if it was about to open the snapshot once more (66)."""
    stage = Stage(lab, "1s")

    def meanwhile():
        wait_for(lambda: not stage.collect()[1], "the lease does not end")
        if restarted:
            stage.restart()
    # Long enough to be back before, also on a busy computer.
    outcome = stage.thaw(["--threads", "2", "--fill"], meanwhile, remote__stall_timeout="15s")
    assert outcome.exit_code in (66, 69), outcome.messages
    ended(outcome, outcome.exit_code, "is missing", within=15)


@by_traffic
@pytest.mark.parametrize("restarted", [False, True], ids=["", "restarted"])
def test_back_within_the_lease(lab, options, restarted):
    stage = Stage(lab, "600s")

    def meanwhile():
        if restarted:
            stage.restart()
        said, packs = stage.collect()
        assert "1 snapshots are in use; removed 0 files" in said and packs
    survived(stage.thaw(options, meanwhile, remote__stall_timeout="20s"))
