# SPDX-License-Identifier: Apache-2.0
"""Several machines thawed from one snapshot: what they must share, and what not."""
import time
from datetime import datetime

import pytest


def draw_at_once(lab, url, name):
    """What a clone draws when it has hardly begun to run, and how often it heard of a new id."""
    vm = lab.restore(url, name=name, restore__mode="eager", restore__paused="yes")
    vm.send("random\n")
    vm.thaw("resume")
    draw = vm.expect(r"RANDOM ([0-9a-f]{32})").group(1)
    forks = vm.number("forks")
    vm.poweroff()
    return draw, forks


def test_clones_draw_different_random_numbers(lab):
    """Seeded right before the freeze, so that it is the new id that makes them differ."""
    vm = lab.boot(rng__enabled="no").ready()
    assert vm.number("forks") == 0
    assert vm.ask("reseed") == "RESEED ok"
    vm.snapshot(lab.url("seeded"))
    one, two = (draw_at_once(lab, lab.url("seeded"), name) for name in ("one", "two"))
    assert one[0] != two[0]
    assert one[1] == two[1] == 1


def share_kib(vm):
    """What a machine has of the host's memory; of what it shares, its part (PSS)."""
    for line in open(f"/proc/{vm.process.pid}/smaps_rollup", encoding="ascii"):
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise AssertionError("no Pss in smaps_rollup")


# The guest has 128 MiB; the monitor itself is small.
@pytest.mark.parametrize("prefetch, most_mib", [("none", 16), ("all", 144)])
def test_eight_clones_at_once(lab, frozen, prefetch, most_mib):
    """One server, one snapshot; prints what each clone takes of the host's memory."""
    server = lab.server(store=frozen.store)
    clones = []
    for count in 1, 4, 8:
        new = [lab.restore(server.url(frozen.name), name=f"clone{i}", restore__prefetch=prefetch)
               for i in range(len(clones), count)]
        clones += new
        for vm in new:
            assert frozen.is_intact_in(vm)
            if prefetch == "all":
                vm.until(lambda status: status["resident"])
        shares = [share_kib(vm) for vm in clones]
        print(f"prefetch={prefetch} clones={count} pss_kib={sum(shares) // count}")
        assert max(shares) < most_mib << 10
    assert len({vm.ask("random") for vm in clones}) == 8
    for vm in clones:
        vm.poweroff()


FROZEN_FOR = 10  # seconds; what an emulated host is late by is less


class Clocks:
    """The guest's two clocks, and how much of the host's time a question took."""

    def __init__(self, vm):
        self.asked = time.time()
        self.uptime, self.time = vm.number("uptime"), vm.number("time")
        self.answered = time.time()

    def since(self, before):
        """How far both went on since; the least and the most that the host's did."""
        uptime, time_of_day = self.uptime - before.uptime, self.time - before.time
        assert abs(uptime - time_of_day) < 3
        return uptime, self.asked - before.answered, self.answered - before.asked


@pytest.fixture(scope="module")
def long_frozen(shared_lab):
    """A machine that was frozen a while ago, and its clocks shortly before."""
    vm = shared_lab.boot("clocks").ready()
    before = Clocks(vm)
    vm.thaw("pause")
    frozen = time.time()
    time.sleep(FROZEN_FOR / 2)  # as when there is much memory to write
    vm.snapshot(shared_lab.url("clocks"))
    time.sleep(FROZEN_FOR / 2)
    return shared_lab.url("clocks"), before, frozen


@pytest.mark.parametrize("clock", ["freeze", "advance"])
def test_clock(lab, long_frozen, clock):
    """Paused at first, as time must also not run on between the thaw and the first instruction."""
    url, before, frozen = long_frozen
    vm = lab.restore(url, restore__clock=clock, restore__paused="yes")
    vm.thaw("pause")
    stood_still = time.time() - frozen
    vm.thaw("resume")
    clocks = Clocks(vm)
    elapsed, least, most = clocks.since(before)
    if clock == "advance":
        assert least - 1 < elapsed < most + 1
    else:
        assert 0 < elapsed < most - stood_still + 1
    rtc = datetime.fromisoformat(vm.ask("rtc").removeprefix("RTC ") + "+00:00")
    assert clocks.answered - 2 <= rtc.timestamp() <= time.time() + 1
    assert vm.number("tick") >= 10_000
    vm.poweroff()
