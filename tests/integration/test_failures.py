# SPDX-License-Identifier: Apache-2.0
"""What breaks while machines run: servers that die, stand still or are flooded (R0, R1, R4, R5)."""
import os
import signal
import socket

import pytest
from harness import THAW
from processes import Process, free_port, run, wait_for


@pytest.fixture
def server(lab, frozen):
    return lab.server(store=frozen.store)


def thaw_a_little(lab, frozen, server, name="vm", **sets):
    """Some pages are there, most are not."""
    vm = lab.restore(server.url(frozen.name), name=name, restore__prefetch="none", **sets)
    assert vm.ask("nonce") == frozen.nonce
    return vm


def is_stalled(status):
    return status["state"] == "stalled"


def refuses_to_freeze(vm, lab):
    done = vm.thaw("snapshot", lab.url("new"), check=False)
    return done.returncode == 69 and "stalled" in done.stderr


def test_machine_stalls_until_its_server_is_back(lab, frozen, server, fault_mode):
    vm = thaw_a_little(lab, frozen, server, machine__fault_mode=fault_mode,
                       remote__fault_deadline="500ms", remote__stall_timeout="100s")
    server.kill()
    vm.send("digest\n")
    vm.until(is_stalled)
    vm.expect_message("trying again")
    assert vm.status()["remote"]["stalled_ms"] > 0
    assert refuses_to_freeze(vm, lab)
    assert vm.thaw("pause", check=False).returncode == 69
    assert is_stalled(vm.status())
    lab.server(store=frozen.store, port=server.port)
    vm.expect(frozen.digest)
    vm.expect_message("answers again")
    status = vm.status()
    assert status["state"] == "running" and status["remote"]["reconnects"] > 0
    vm.poweroff()


def test_machine_ends_when_its_server_stays_away(lab, frozen, server, fault_mode):
    vm = thaw_a_little(lab, frozen, server, machine__fault_mode=fault_mode,
                       remote__fault_deadline="500ms", remote__stall_timeout="2s")
    server.kill()
    vm.send("digest\n")
    assert vm.wait() == 69
    assert "no answer for" in vm.messages()
    assert b"DIGEST" not in vm.output


def test_late_page_is_logged_and_counted(lab, frozen, server):
    vm = thaw_a_little(lab, frozen, server, remote__fault_deadline="300ms",
                       remote__stall_timeout="100s")
    server.signal(signal.SIGSTOP)
    vm.send("digest\n")
    vm.expect_message("has been awaited for")
    vm.expect_message("has been waiting for page")
    status = vm.status()
    assert status["remote"]["late_fetches"] > 0 and status["faults"]["late"] > 0
    server.signal(signal.SIGCONT)
    vm.expect(frozen.digest)
    vm.poweroff()


def test_server_stops_cleanly_in_the_middle_of_a_thaw(lab, frozen, server):
    vm = thaw_a_little(lab, frozen, server, remote__fault_deadline="500ms",
                       remote__stall_timeout="2s")
    # First the digest: a guest left alone may need a page of its own accord and be gone by then.
    vm.send("digest\n")
    assert server.stop() == 0
    assert vm.wait() == 69
    assert b"DIGEST" not in vm.output


@pytest.mark.parametrize("stalled", [False, True], ids=["running", "stalled"])
def test_sigterm_ends_a_machine(lab, frozen, server, stalled):
    vm = thaw_a_little(lab, frozen, server, remote__fault_deadline="500ms",
                       remote__stall_timeout="100s")
    if stalled:
        server.kill()
        vm.send("digest\n")
        vm.until(is_stalled)
    vm.signal(signal.SIGTERM)
    assert vm.wait() == 128 + signal.SIGTERM
    assert not os.path.exists(vm.socket)


def test_snapshot_to_a_dead_server_leaves_the_machine_running(lab, frozen):
    vm = lab.restore(frozen.url)
    done = vm.thaw("snapshot", f"tcp://127.0.0.1:{free_port()}/new", check=False)
    assert done.returncode == 69 and "cannot connect" in done.stderr
    assert vm.status()["state"] == "running"
    assert frozen.is_intact_in(vm)
    vm.poweroff()


def test_crash_in_the_middle_of_a_freeze_leaves_the_old_snapshot(lab, frozen):
    vm = lab.restore(frozen.url)
    vm.snapshot(lab.url("vm"), then="resume")
    before = lab.path("store/refs/vm").read_text()
    assert vm.ask("touch 2000") == "TOUCH 2000"
    freezing = lab.keep(Process([THAW, "snapshot", vm.socket, lab.url("vm")], lab.path("freeze.log")))
    wait_for(lambda: os.listdir(lab.path("store/tmp")), "the freeze does not begin")
    vm.kill()
    assert freezing.wait() == 69
    assert lab.path("store/refs/vm").read_text() == before
    run(THAW, "inspect", lab.url("vm"), "--verify")


def test_many_machines_from_one_server(lab, frozen, server):
    vms = [lab.restore(server.url(frozen.name), name=f"vm{i}", restore__prefetch="none")
           for i in range(4)]
    for vm in vms:
        vm.send("digest\n")
    for vm in vms:
        vm.expect(frozen.digest)
        vm.poweroff()


MALFORMED = {
    "garbage": b"GET / HTTP/1.1\r\nHost: thaw\r\n\r\n" * 8,
    "zeros": bytes(4096),
    "half a header": b"THAW\1\0",
    "silence": b"",
}


def test_malformed_clients_disturb_nobody(lab, frozen, server):
    vm = thaw_a_little(lab, frozen, server)
    clients = []
    for data in list(MALFORMED.values()) * 4:
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(data)
        clients.append(client)
    assert frozen.is_intact_in(vm)
    vm.poweroff()
    for client in clients:
        client.close()
    assert server.stop() == 0
