# SPDX-License-Identifier: Apache-2.0
"""Several machines thawed from one snapshot: what they must share, and what not."""
import harness
import pytest
from harness import GUESTS

# Debian's kernel has the driver of the generation id, the small one has not.
WITH_DRIVER = {"kernel": harness.STOCK_KERNEL,
               "kernel__initrd": GUESTS / "stock" / "initrd.cpio.gz"}
WITHOUT_DRIVER = {}


def draw_at_once(lab, url, name):
    """What a clone draws when it has hardly begun to run: a seed lasts for some seconds."""
    vm = lab.restore(url, name=name, restore__mode="eager", restore__paused="yes")
    vm.send("random\n")
    vm.thaw("resume")
    draw = vm.expect(r"RANDOM ([0-9a-f]{32})").group(1)
    vm.poweroff()
    return draw


@pytest.mark.skipif(not harness.STOCK_KERNEL, reason="THAW_STOCK_KERNEL is not set")
@pytest.mark.parametrize("guest, differ", [(WITH_DRIVER, True), (WITHOUT_DRIVER, False)],
                         ids=["vmgenid", "no-vmgenid"])
def test_clones_draw_different_random_numbers(lab, guest, differ):
    """A guest without the driver shows what the generation id is for."""
    vm = lab.boot(machine__memory="256M", rng__enabled="no", **guest).ready()
    assert vm.ask("reseed") == "RESEED ok"
    vm.snapshot(lab.url("seeded"))
    draws = {draw_at_once(lab, lab.url("seeded"), name) for name in ("one", "two")}
    assert (len(draws) == 2) == differ
