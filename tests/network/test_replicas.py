# SPDX-License-Identifier: Apache-2.0
"""Several servers of one snapshot, of which all but one may be lost (R2), and servers in TLS (S1)."""
import pytest
from outcomes import ended, survived
from proxy import Proxy, cut_at, flip, lasting, reset_at, vanish_at
from servers import psk_files, url_of
from wire import DATA, DATA_PREFIX, HEADER

PAGES = HEADER + DATA_PREFIX

# What the first of two servers does from its 20th answer on.
TROUBLES = {
    "wrong pages": flip(PAGES + 5),
    "half a header": cut_at(HEADER // 2),
    "half a page": cut_at(PAGES + 2048),
    "reset": reset_at(0),
    "silence": vanish_at(0),
    "silence in a page": vanish_at(PAGES + 100),
    "bad magic": flip(0),
    "bad id": flip(16),
}
WAYS = {"demand": ["--threads", "2"], "bulk": ["--threads", "2", "--pages", "2", "--fill"]}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_one_good_server_is_enough(lab, server, snapshot, trouble, way):
    bad = lab.proxy(server, lasting(DATA, TROUBLES[trouble], 20))
    outcome = lab.thaw(url_of(bad.port, server.port, name=snapshot.name), snapshot, *WAYS[way])
    survived(outcome)


def test_all_servers_lie(lab, server, snapshot):
    bad = [lab.keep(Proxy(server.port, lasting(DATA, flip(PAGES + 5), 5))) for _ in range(2)]
    url = url_of(*(proxy.port for proxy in bad), name=snapshot.name)
    ended(lab.thaw(url, snapshot), 65, "another digest")


def test_servers_in_the_configuration(lab, server, snapshot):
    gone = lab.proxy(server)
    gone.refuse()
    outcome = lab.thaw(url_of(gone.port, name=snapshot.name), snapshot,
                       remote__servers=f"127.0.0.1:{server.port}")
    survived(outcome)


@pytest.fixture
def keys(lab):
    return psk_files(lab)


def test_tls(lab, snapshot, keys):
    secure = lab.server(store=snapshot.store, tls__psk_file=keys[0])
    url = url_of(secure.port, name=snapshot.name, scheme="tls")
    survived(lab.thaw(url, snapshot, *WAYS["bulk"], tls__psk_file=keys[0]))
    survived(lab.thaw(url, snapshot, *WAYS["demand"], tls__psk_file=keys[0]))
    ended(lab.thaw(url, snapshot, tls__psk_file=keys[1]), 77, "do not accept each other")
    ended(lab.thaw(url, snapshot), 78, "needs [tls]")
    ended(lab.thaw(url.replace("tls:", "tcp:"), snapshot), 76, "speaks only TLS 1.3")


def test_access(lab, snapshot, keys):
    secure = lab.server(store=snapshot.store, tls__psk_file=keys[0], access__alice__open="db-*")
    url = url_of(secure.port, name=snapshot.name, scheme="tls")
    ended(lab.thaw(url, snapshot, tls__psk_file=keys[0]), 77,
          f'client "alice" may not open snapshot "{snapshot.name}"')
