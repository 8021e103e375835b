# SPDX-License-Identifier: Apache-2.0
"""Fixtures that several integration tests share."""
import harness
import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: what tests/run --quick runs")
    config.addinivalue_line("markers", "paging: what a host's best fault mode may change")
    config.addinivalue_line("markers", "hosts: what tests/hosts runs, with THAW_HOST and THAW_HOSTS")
    config.addinivalue_line("markers", "jobs: with the disk THAW_WORKLOAD (tests/guests/workload)")


def pytest_generate_tests(metafunc):
    """A test that takes fault_mode runs in every fault mode that this host has."""
    if "fault_mode" in metafunc.fixturenames:
        metafunc.parametrize("fault_mode", harness.available_modes())


def pytest_collection_modifyitems(items):
    """What is done in the fault mode exit is about paging, too."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec and callspec.params.get("fault_mode") == "exit":
            item.add_marker("paging")


@pytest.fixture
def lab(tmp_path):
    """A place for machines and servers, which end with the test."""
    with harness.Lab(tmp_path) as lab:
        yield lab


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory):
    """The same for what the tests of one file share."""
    with harness.Lab(tmp_path_factory.mktemp("shared")) as lab:
        yield lab


@pytest.fixture(scope="session")
def frozen(tmp_path_factory):
    """A witness with one vCPU and no disk, frozen in a store that must not be written to."""
    with harness.Lab(tmp_path_factory.mktemp("frozen")) as lab:
        vm = lab.boot().ready()
        frozen = harness.Frozen(lab.path("store"), "witness", vm.ask("nonce"), vm.ask("digest"))
        vm.snapshot(frozen.url)
    return frozen
