# SPDX-License-Identifier: Apache-2.0
"""Programs of the guest and of this host talk over vsock, before a freeze and after a thaw."""
import os
import socket

import pytest
from harness import THAW, refused
from processes import wait_for

PORT = 5000  # the guest echoes here
HOST_PORT = 52


def connect(path):
    """A connection to PORT in the guest, made as README says."""
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(60)
    wait_for(lambda: os.path.exists(path), f"no socket {path}")
    stream.connect(str(path))
    stream.sendall(f"CONNECT {PORT}\n".encode())
    return stream


def accepted(stream):
    return stream.recv(32).startswith(b"OK ")


def echoes(stream, data=b"hello"):
    """Whatever is sent comes back, in order."""
    sent = received = 0
    while received < len(data):
        sent += stream.send(data[sent:sent + 16384])
        part = stream.recv(16384)
        if not part or part != data[received:received + len(part)]:
            return False
        received += len(part)
    return True


class Listener:
    """What the guest's connections to HOST_PORT reach: it echoes one line on the newest one."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.settimeout(60)
        self.listener.bind(f"{path}_{HOST_PORT}")
        self.listener.listen()

    def accept(self):
        self.stream = self.listener.accept()[0]
        self.stream.settimeout(60)
        return self

    def serves(self, vm, text):
        """The guest says text and has it back."""
        vm.send(f"say {text}\n")
        self.stream.sendall(self.stream.recv(64))
        return vm.expect(f"SAY {text}\r?\n")


def boot(lab, name="vm", **sets):
    vm = lab.boot(name, vsock__path=lab.path("v"), **sets).ready()
    assert vm.ask(f"listen {PORT}") == f"LISTEN {PORT}"
    return vm


@pytest.mark.quick
def test_both_sides_reach_each_other(lab):
    path = lab.path("v")
    vm = boot(lab, vsock__cid=77)
    assert vm.ask("cid") == "CID 77"
    with connect(path) as stream:
        assert accepted(stream) and echoes(stream) and echoes(stream, os.urandom(1 << 20))
    assert vm.ask(f"connect {HOST_PORT}").startswith("ERROR connect: Connection reset")
    listener = Listener(path)
    assert vm.ask(f"connect {HOST_PORT}") == f"CONNECT {HOST_PORT}"
    assert listener.accept().serves(vm, "hello")
    vm.poweroff()
    assert not path.exists()


def test_a_port_nobody_listens_on_hangs_up(lab):
    vm = lab.boot(vsock__path=lab.path("v")).ready()
    with connect(lab.path("v")) as stream:
        assert stream.recv(32) == b""
    vm.poweroff()


def test_a_thaw_resets_old_connections_and_makes_new_ones(lab, fault_mode):
    path, store = lab.path("v"), f"dir:{lab.path('store')}/web"
    vm = boot(lab)
    old = connect(path)
    assert accepted(old) and echoes(old)
    listener = Listener(path)
    vm.ask(f"connect {HOST_PORT}")
    assert listener.accept().serves(vm, "before")
    for cid in (3, 9):
        vm.snapshot(store)
        assert old.recv(1) == b""  # its machine has gone
        vm = lab.restore(store, machine__fault_mode=fault_mode, restore__prefetch="none",
                         vsock__path=path, vsock__cid=cid)
        old = connect(path)  # before the guest can have seen that anything has happened
        assert accepted(old) and echoes(old)
        assert vm.ask("say after").startswith("ERROR say: ")
        assert vm.ask("cid") == f"CID {cid}"
        vm.ask(f"connect {HOST_PORT}")
        assert listener.accept().serves(vm, "again")
    vm.poweroff()


def test_a_frozen_machine_that_goes_on_keeps_its_connections(lab):
    vm = boot(lab)
    with connect(lab.path("v")) as stream:
        assert accepted(stream) and echoes(stream)
        vm.snapshot(f"dir:{lab.path('store')}/web", then="resume")
        assert echoes(stream, os.urandom(100_000))
    vm.poweroff()


def test_a_restore_needs_a_place_for_the_socket(lab):
    store, vm = f"dir:{lab.path('store')}/web", boot(lab)
    vm.snapshot(store)
    refused(78, "the snapshot has a vsock", "--set vsock.path=PATH",
            command=[THAW, "restore", store])
    plain = lab.boot("plain").ready()
    plain.snapshot(f"dir:{lab.path('store')}/plain")
    refused(78, "vsock.path: the frozen machine has no vsock",
            command=[THAW, "restore", f"dir:{lab.path('store')}/plain", "--set",
                     f"vsock.path={lab.path('v')}"])
