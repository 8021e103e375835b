# SPDX-License-Identifier: Apache-2.0
"""Machines that move between hosts. tests/hosts runs this on one host after another; THAW_HOSTS is a
directory that they share, THAW_HOST the name of this one."""
import json
import os
import shutil
from pathlib import Path

import pytest
from harness import THAW, Frozen, refused

HOSTS = Path(os.environ.get("THAW_HOSTS", "none"))
HOST = os.environ.get("THAW_HOST")

# What their guests see of the CPU is the same; on the nVHE host it is another ID_AA64MMFR1_EL1.VH.
SAME_CPU = {"stock", "16k", "64k"}


def goes_on(there):
    """Does what was frozen there go on here?  SVE and pointer authentication can be left off."""
    return HOST in SAME_CPU and there in SAME_CPU | {"plain"}


pytestmark = pytest.mark.hosts


def test_freeze_for_the_others(frozen):
    here = HOSTS / HOST
    shutil.rmtree(here, ignore_errors=True)
    shutil.copytree(frozen.store, here / "store")
    (here / "witness.json").write_text(json.dumps({"nonce": frozen.nonce, "digest": frozen.digest}))


@pytest.fixture(params=sorted(path.name for path in HOSTS.glob("*") if path.name != HOST))
def there(request):
    """Another host that was here before."""
    return request.param


def test_thaw_what_another_host_froze(lab, there):
    store = shutil.copytree(HOSTS / there / "store", lab.path("store"))
    frozen = Frozen(store, "witness", **json.loads((HOSTS / there / "witness.json").read_text()))
    url = lab.server(store=store).url(frozen.name)
    command = [THAW, "restore", url, "--set", f"machine.control={lab.path('vm.sock')}"]
    if goes_on(there):
        vm = lab.restore(url)
        assert frozen.is_intact_in(vm)
        vm.poweroff()
    elif "gicv2" in (HOST, there):
        refused(71, "KVM emulates no GICv", command=command)
    else:
        refused(65, "of its ID registers", "_EL1 0x", "in the snapshot", command=command)
