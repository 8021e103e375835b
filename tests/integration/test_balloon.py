# SPDX-License-Identifier: Apache-2.0
"""A guest gives memory back, is frozen without it, and is as it was after a thaw."""
import json

from processes import wait_for

MIB = 1 << 20


def set_target(vm, mib, check=True):
    return vm.thaw("ctl", "POST", "/v1/balloon", json.dumps({"target": mib}), check=check)


def balloon(vm):
    return vm.status()["balloon"]


def inflate(vm, mib):
    set_target(vm, mib)
    wait_for(lambda: balloon(vm)["actual_bytes"] == mib * MIB, "the balloon does not follow")


def shared_bytes(vm):
    """What the process holds of its guest's memory."""
    with open(f"/proc/{vm.process.pid}/status", encoding="ascii") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["RssShmem"].split()[0]) * 1024


def test_memory_comes_back_and_goes_again(lab):
    vm = lab.boot(balloon__enabled="yes").ready()
    digest = vm.ask("digest")
    inflate(vm, 64)
    assert shared_bytes(vm) < 64 * MIB
    statistics = wait_for(lambda: balloon(vm)["statistics"], "no statistics")
    assert 0 < statistics["free_bytes"] <= statistics["total_bytes"] < 128 * MIB
    inflate(vm, 0)
    assert vm.ask("digest") == digest
    vm.poweroff()


def test_pages_given_up_cost_nothing_in_a_snapshot(lab, fault_mode):
    vm = lab.boot(balloon__enabled="yes", balloon__target="64M").ready()
    wait_for(lambda: balloon(vm)["actual_bytes"] == 64 * MIB, "the balloon does not follow")
    nonce, digest = vm.ask("nonce"), vm.ask("digest")
    store = f"dir:{lab.path('store')}"
    assert vm.snapshot(f"{store}/web")["zero"] >= 64 * MIB // 4096
    vm = lab.restore(f"{store}/web", machine__fault_mode=fault_mode, restore__prefetch="none")
    assert vm.ask("nonce") == nonce
    assert balloon(vm)["target_bytes"] == 64 * MIB
    refusal = set_target(vm, 80, check=False)
    assert refusal.returncode == 69 and "is thawing" in refusal.stderr
    inflate(vm, 32)  # less is always possible
    assert vm.ask("digest") == digest
    vm.snapshot(f"{store}/web2")
    vm = lab.restore(f"{store}/web2", machine__fault_mode=fault_mode)
    vm.until(lambda status: status["resident"])
    inflate(vm, 72)
    assert vm.ask("digest") == digest
    vm.poweroff()
