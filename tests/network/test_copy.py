# SPDX-License-Identifier: Apache-2.0
"""What thaw does with snapshots and no machine, from store to store and through TLS."""
import json

import pytest
from conftest import make_snapshot
from processes import BIN, run
from servers import psk_files, url_of
from snapshot_files import SnapshotFiles

THAW = BIN / "thaw"


def thaw(*arguments):
    return run(THAW, *arguments).stdout


def fails(exit_code, words, *arguments):
    done = run(THAW, *arguments, check=False)
    assert done.returncode == exit_code, done.stderr
    assert words in done.stderr


@pytest.fixture
def source(lab):
    """A snapshot with data in every second page or so, and a working set."""
    made = make_snapshot(lab.path("from"), "web")
    files = SnapshotFiles(made.store, made.name)
    with_data = [page for page, digest in enumerate(files.page_hashes()) if digest]
    files.first = [with_data[i] for i in (100, 3, 77, 78, 2)]
    files.record("default", files.first)
    files.record("other", with_data[:4])
    return files


@pytest.mark.parametrize("way", ["dir", "tcp"])
def test_working_set_stands_first(lab, source, way):
    store = lab.path("to")
    url = lab.server(store=store).url("copy") if way == "tcp" else f"dir:{store}/copy"
    summary = json.loads(thaw("copy", f"dir:{source.store}/web", url, "--working-set", "default",
                              "--json"))
    copy = SnapshotFiles(store, "copy")
    assert summary["id"] == copy.id != source.id
    assert copy.first_pages(5) == source.first
    assert copy.page_hashes() == source.page_hashes()
    thaw("inspect", url, "--verify")


def test_pages_of_a_working_set_without_data_are_passed_over(lab, source):
    zeros = [page for page, digest in enumerate(source.page_hashes()) if not digest]
    source.record("default", [zeros[0], *source.first, zeros[1]])
    thaw("copy", f"dir:{source.store}/web", lab.url("copy"), "--working-set", "default")
    assert SnapshotFiles(lab.path("store"), "copy").first_pages(5) == source.first


@pytest.mark.parametrize("way", ["dir", "tcp"])
def test_working_sets_come_along(lab, source, way):
    urls = [f"dir:{source.store}/web", lab.url("copy")]
    if way == "tcp":
        urls = [lab.server(store=source.store).url("web"),
                lab.server(store=lab.path("store")).url("copy")]
    thaw("copy", *urls)
    copy = SnapshotFiles(lab.path("store"), "copy")
    for name in "default", "other":
        assert copy.hint(name).read_bytes() == source.hint(name).read_bytes()
    assert thaw("workingset", "show", urls[1]).split() == ["default", "other"]
    shown = json.loads(thaw("workingset", "show", urls[1], "default", "--json"))
    assert [page["page"] for page in shown["pages"]] == source.first


def test_working_set_that_is_not_there_or_damaged(lab, source):
    url = f"dir:{source.store}/web"
    fails(66, "none", "copy", url, lab.url("copy"), "--working-set", "none")
    source.hint("default").write_bytes(source.hint("default").read_bytes()[:-1])
    fails(65, "working set: damaged", "copy", url, lab.url("copy"), "--working-set", "default")
    fails(66, "copy", "inspect", lab.url("copy"))


@pytest.fixture
def secure(lab, source):
    """The source behind TLS, and the key of a client."""
    keys = psk_files(lab)
    server = lab.server(store=source.store, tls__psk_file=keys[0])
    return url_of(server.port, name="web", scheme="tls"), keys


@pytest.mark.parametrize("how", ["set", "config"])
def test_commands_in_tls(lab, source, secure, how):
    url, keys = secure
    config = lab.path("client.ini")
    config.write_text(f"[tls]\npsk_file = {keys[0]}\n")
    key = {"set": ["--set", f"tls.psk_file={keys[0]}"], "config": ["--config", config]}[how]
    assert thaw("list", url.removesuffix("/web"), *key).split() == ["web", f"sha256:{source.id}"]
    assert source.id in thaw("inspect", url, "--verify", *key)
    assert thaw("workingset", "show", url, *key).split() == ["default", "other"]
    thaw("workingset", "merge", url, "both", "default", "other", *key)
    thaw("copy", url, url.replace("/web", "/copy"), "--working-set", "both", *key)
    assert SnapshotFiles(source.store, "copy").hint("both").exists()


def test_wrong_or_missing_key(lab, secure):
    url, keys = secure
    store = url.removesuffix("/web")
    for command in (["list", store], ["inspect", url], ["copy", url, lab.url("copy")],
                    ["workingset", "show", url]):
        fails(77, "do not accept each other", *command, "--set", f"tls.psk_file={keys[1]}")
        fails(78, "needs [tls]", *command)
        fails(78, 'unknown key "psk"', *command, "--set", f"tls.psk={keys[0]}")
        fails(66, "nowhere.ini", *command, "--config", lab.path("nowhere.ini"))


def test_servers_of_the_configuration_are_read_from(lab, source):
    server = lab.server(store=source.store)
    gone = lab.server(store=lab.path("gone"))
    gone.kill()
    thaw("inspect", gone.url("web"), "--set", f"remote.servers=127.0.0.1:{server.port}")


@pytest.mark.parametrize("command", [["restore", "dir:x/y"], ["check"]])
def test_commands_for_machines_need_arm64(command):
    if run("uname", "-m").stdout.strip() == "aarch64":
        pytest.skip("this host is one")
    fails(71, "was not built for arm64", *command)
