# SPDX-License-Identifier: Apache-2.0
"""What thaw says of a host, a store, a snapshot and a machine."""
import json

import pytest
from harness import FAULT_MODES, THAW, available_modes
from processes import run


def check(*prefix):
    done = run(*prefix, THAW, "check", "--json", check=False)
    return done.returncode, json.loads(done.stdout)


def test_check_tells_what_works_and_why_not():
    status, report = check()
    modes = report["fault_modes"]
    assert list(modes) == FAULT_MODES
    for mode in FAULT_MODES:
        assert modes[mode]["works"] == (mode in available_modes())
        assert bool(modes[mode]["why_not"]) != modes[mode]["works"]
    assert report["auto"] == available_modes()[0] and status == 0
    if not modes["exit"]["works"]:
        assert "boot one with the patch in kernel/" in modes["exit"]["why_not"]
    text = run(THAW, "check").stdout
    assert [line.split()[0] for line in text.splitlines() if line[0] != " "] == \
        [*FAULT_MODES, "auto", "vhost"]


def test_check_tells_whether_there_is_vhost():
    _, report = check()
    vhost = report["vhost"]
    assert vhost["works"] or "modprobe vhost_net" in vhost["why_not"]


def test_check_names_the_privilege_that_is_missing():
    _, report = check("setpriv", "--bounding-set=-perfmon,-sys_admin")
    assert not report["fault_modes"]["trace"]["works"]
    assert "CAP_PERFMON" in report["fault_modes"]["trace"]["why_not"]
    assert report["fault_modes"]["poison"]["works"]


@pytest.mark.parametrize("transport", ["dir", "tcp"])
def test_list_and_inspect(lab, frozen, transport):
    server = lab.server(store=frozen.store)
    store = {"dir": f"dir:{frozen.store}", "tcp": f"tcp://127.0.0.1:{server.port}"}[transport]
    listed = json.loads(run(THAW, "list", store, "--json").stdout)
    assert list(listed) == [frozen.name]
    assert frozen.name in run(THAW, "list", store).stdout

    inspected = json.loads(run(THAW, "inspect", f"{store}/{frozen.name}", "--verify",
                               "--json").stdout)
    manifest = inspected["manifest"]
    assert inspected["id"] == listed[frozen.name]
    assert manifest["vcpus"] == 1 and manifest["memory"]["size"] == 128 << 20
    assert inspected["id"] in run(THAW, "inspect", f"{store}/{frozen.name}").stdout


def test_version_and_help():
    assert run(THAW, "--version").stdout.startswith("thaw ")
    usage = run(THAW, "--help").stdout
    for command in "run", "restore", "snapshot", "status", "check":
        assert f"thaw {command}" in usage
