# SPDX-License-Identifier: Apache-2.0
"""Several servers of one snapshot, of which all but one may be lost (R2), and servers in TLS (S1)."""
import signal

import pytest
from harness import THAW, refused
from servers import psk_files, url_of

pytestmark = pytest.mark.paging


@pytest.fixture
def servers(lab, frozen):
    return [lab.server(store=frozen.store), lab.server(store=frozen.store)]


LOSSES = {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP, "drained": signal.SIGTERM}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("victim", [0, 1])
def test_loss_of_either_server_is_survived(lab, frozen, servers, loss, victim):
    vm = lab.restore(url_of(*(server.port for server in servers), name=frozen.name),
                     restore__prefetch="none")
    assert vm.ask("nonce") == frozen.nonce
    servers[victim].signal(LOSSES[loss])
    assert vm.ask("digest") == frozen.digest
    status = vm.status()
    assert status["state"] == "running"
    assert status["remote"]["servers"][1 - victim]["state"] == "healthy"
    vm.poweroff()


def test_thaw_begins_while_a_server_is_gone(lab, frozen, servers):
    servers[0].kill()
    vm = lab.restore(url_of(servers[1].port, name=frozen.name),
                     remote__servers=f"127.0.0.1:{servers[0].port}")
    assert frozen.is_intact_in(vm)
    assert len(vm.status()["remote"]["servers"]) == 2
    vm.poweroff()


@pytest.fixture
def keys(lab):
    return psk_files(lab)


def test_thaw_in_tls(lab, frozen, keys):
    server = lab.server(store=frozen.store, tls__psk_file=keys[0])
    url = url_of(server.port, name=frozen.name, scheme="tls")
    vm = lab.restore(url, tls__psk_file=keys[0])
    assert frozen.is_intact_in(vm)
    vm.poweroff()
    refused(77, "do not accept each other", command=[THAW, "restore", url, "--set",
                                                     f"tls.psk_file={keys[1]}"])
    refused(78, "needs [tls]", command=[THAW, "restore", url])
    refused(76, "speaks only TLS 1.3", command=[THAW, "restore", url.replace("tls:", "tcp:")])


def test_access(lab, frozen, keys):
    server = lab.server(store=frozen.store, tls__psk_file=keys[0], access__alice__open="db-*")
    refused(77, 'client "alice" may not open snapshot', frozen.name,
            command=[THAW, "restore", url_of(server.port, name=frozen.name, scheme="tls"), "--set",
                     f"tls.psk_file={keys[0]}"])
