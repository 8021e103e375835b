# SPDX-License-Identifier: Apache-2.0
"""Several machines thawed from one snapshot: what they must share, and what not."""
import time
from datetime import datetime

import pytest


def draw_at_once(lab, url, name):
    """What a clone draws when it has hardly begun to run: a seed lasts for some seconds."""
    vm = lab.restore(url, name=name, restore__mode="eager", restore__paused="yes")
    vm.send("random\n")
    vm.thaw("resume")
    draw = vm.expect(r"RANDOM ([0-9a-f]{32})").group(1)
    vm.poweroff()
    return draw


def test_clones_draw_different_random_numbers(lab):
    vm = lab.boot(rng__enabled="no").ready()
    assert vm.ask("reseed") == "RESEED ok"
    vm.snapshot(lab.url("seeded"))
    assert draw_at_once(lab, lab.url("seeded"), "one") != draw_at_once(lab, lab.url("seeded"), "two")


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
    vm.snapshot(shared_lab.url("clocks"))
    frozen = time.time()
    time.sleep(FROZEN_FOR)
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
