# SPDX-License-Identifier: Apache-2.0
"""thaw-bench through TLS, and the replay of what a thaw recorded."""
import pytest
from conftest import BENCH, bench, make_snapshot
from processes import run
from servers import psk_files, url_of
from snapshot_files import SnapshotFiles

DEVICE, SERVICE = 0xfffe, 0xffff

COMMANDS = {
    "fetch": ["--pages", "20"],
    "fetch --depth": ["--depth", "7", "--seconds", "1", "--threads", "2"],
    "bulk": ["--seconds", "1"],
    "replay": ["--working-set", "default", "--machines", "20", "--threads", "2"],
    "digest": [],
}


@pytest.fixture
def source(lab):
    made = make_snapshot(lab.path("store"), "web")
    files = SnapshotFiles(made.store, made.name)
    with_data = [page for page, digest in enumerate(files.page_hashes()) if digest]
    files.record("default", [(with_data[0], 0, 0), (with_data[1], 10, DEVICE),
                             (with_data[2], 20, 1), (with_data[3], 30, SERVICE)])
    return files


def fails(exit_code, words, *arguments):
    done = run(BENCH, *arguments, check=False)
    assert done.returncode == exit_code, done.stderr
    assert words in done.stderr


def test_replay_of_a_recording(lab, source):
    url = lab.server(store=source.store).url("web")
    figures = bench("replay", url, "--working-set", "default", "--machines", 5)
    assert figures["fault_us.samples"] == "20" and figures["machines_failed"] == "0"
    assert figures["vcpus"] == "3"  # two, and one for devices and the service thread
    source.record("wide", [(0, 0, 63)])
    fails(65, "too many vCPUs", "replay", url, "--working-set", "wide")
    source.hint("default").write_bytes(b"THAWWSET")
    fails(65, "working set: too short", "replay", url, "--working-set", "default")


@pytest.mark.parametrize("how", ["set", "config"])
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_in_tls(lab, source, command, how):
    right, wrong = psk_files(lab)
    server = lab.server(store=source.store, tls__psk_file=right)
    url = url_of(server.port, name="web", scheme="tls")
    config = lab.path("client.ini")
    config.write_text(f"[tls]\npsk_file = {wrong if how == 'set' else right}\n")
    words = [command.split()[0], url, *COMMANDS[command]]
    key = ["--config", config]
    if how == "set":  # on top of the file, wherever it stands
        key = ["--set", f"tls.psk_file={right}", *key]
    figures = bench(*words, *key)
    assert figures.get("machines_failed", "0") == "0"
    fails(77, "do not accept each other", *words, "--set", f"tls.psk_file={wrong}")
    fails(78, "needs [tls]", *words)

