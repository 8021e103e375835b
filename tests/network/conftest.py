# SPDX-License-Identifier: Apache-2.0
"""Machines without a CPU (thaw-bench thaw) behind a proxy, and what may become of them."""
import dataclasses
import json
import subprocess
import time

import processes
import pytest
from processes import BIN, PATIENCE, Process, run, underscores
from proxy import Proxy, pass_on

BENCH = BIN / "thaw-bench"



@dataclasses.dataclass
class Outcome:
    exit_code: int
    messages: str
    figures: dict  # none, unless it went well
    seconds: float


@dataclasses.dataclass
class Snapshot:
    store: str
    name: str
    sha256: str  # of its memory
    data_pages: int


def bench(*arguments, **options):
    done = run(BENCH, *arguments, **options)
    return dict(line.split(None, 1) for line in done.stdout.splitlines())


def make_snapshot(store, name, size="4M", data="2M", compressible=50):
    made = bench("make", f"dir:{store}", name, "--size", size, "--data", data,
                 "--compressible", compressible)
    sha256 = bench("digest", f"dir:{store}/{name}")["sha256"]
    return Snapshot(store, name, sha256, int(made["pages_data"]))


class Lab(processes.Lab):
    def proxy(self, server, script=pass_on, **options):
        return self.keep(Proxy(server.port, script, **options))

    def thaw_command(self, url, snapshot, options, sets):
        command = [BENCH, "thaw", url, "--expect", snapshot.sha256, *options]
        patience = {"remote__fault_deadline": "500ms", "remote__stall_timeout": "60s"}
        for key, value in underscores({**patience, **sets}).items():
            command += ["--set", f"{key}={value}"]
        return command

    def thaw(self, url, snapshot, *options, **sets):
        """A thaw from its beginning to its end."""
        figures = self.path("thaw.json")
        figures.unlink(missing_ok=True)
        start = time.monotonic()
        done = subprocess.run(
            list(map(str, self.thaw_command(url, snapshot, [*options, "--json", figures], sets))),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE,
            check=False)
        return Outcome(done.returncode, done.stderr,
                       json.loads(figures.read_text()) if figures.exists() else {},
                       time.monotonic() - start)

    def start_thaw(self, url, snapshot, *options, **sets):
        """One that goes on while the test does something to its server."""
        return self.keep(Process(list(map(str, self.thaw_command(url, snapshot, options, sets))),
                                 self.path("thaw.log")))


@pytest.fixture
def lab(tmp_path):
    with Lab(tmp_path) as lab:
        yield lab


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("shared")) as lab:
        yield lab


@pytest.fixture(scope="session")
def snapshot(shared_lab):
    return make_snapshot(shared_lab.path("store"), "web")


@pytest.fixture(scope="session")
def server(shared_lab, snapshot):
    """One that nothing happens to."""
    return shared_lab.server(store=snapshot.store)


@pytest.fixture(scope="session")
def large_snapshot(shared_lab):
    """With enough answers for a long list of troubles, also when each has many pages."""
    return make_snapshot(shared_lab.path("large"), "large", size="32M", data="16M")


@pytest.fixture(scope="session")
def large_server(shared_lab, large_snapshot):
    return shared_lab.server(store=large_snapshot.store)
