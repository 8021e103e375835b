# SPDX-License-Identifier: Apache-2.0
"""Network namespaces that stand for hosts, with taps for machines and cables between them."""
import contextlib
import ctypes
import itertools
import os
import subprocess

from processes import PATIENCE, run

HOST, GUEST = "10.77.0.1", "10.77.0.2"


class Network:
    """A namespace: a bridge with an address, and the persistent taps tap0 and tap1 on it."""
    numbers = itertools.count()

    def __init__(self, address=HOST):
        self.address = address
        self.name = f"thaw-{os.getpid()}-{next(self.numbers)}"
        # Not "ip netns exec", which hides tracefs behind a new /sys.
        self.within = ["nsenter", f"--net=/run/netns/{self.name}"]
        subprocess.run(["modprobe", "-qa", "tun", "bridge", "veth"], check=False)

    def __enter__(self):
        run("ip", "netns", "add", self.name)
        self.run("ip", "link", "add", "bridge", "type", "bridge")
        for tap in "tap0", "tap1":
            self.run("ip", "tuntap", "add", tap, "mode", "tap")
            self.attach(tap)
        self.run("ip", "address", "add", f"{self.address}/24", "dev", "bridge")
        self.run("ip", "link", "set", "bridge", "up")
        return self

    def __exit__(self, *exception):
        run("ip", "netns", "delete", self.name)

    def run(self, *command, **options):
        return run(*self.within, *command, **options)

    @contextlib.contextmanager
    def entered(self):
        """This thread's sockets are made in the namespace.  (Python has os.setns from 3.12 on.)"""
        setns = ctypes.CDLL(None, use_errno=True).setns
        with open("/proc/thread-self/ns/net") as ours, open(f"/run/netns/{self.name}") as theirs:
            assert setns(theirs.fileno(), 0) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert setns(ours.fileno(), 0) == 0

    def attach(self, link):
        self.run("ip", "link", "set", link, "master", "bridge", "up")

    def join(self, other):
        """A cable to the other's bridge."""
        end, other_end = f"to-{other.address}", f"to-{self.address}"
        self.run("ip", "link", "add", end, "type", "veth", "peer", other_end, "netns", other.name)
        self.attach(end)
        other.attach(other_end)

    def get(self, path, *options):
        return self.run("curl", "-sS", "--fail", "-m", PATIENCE, *options, f"http://{GUEST}/{path}")

    def start(self, path, *options):
        """The same, in the background."""
        return subprocess.Popen([*self.within, "curl", "-sS", "--fail", *options,
                                 f"http://{GUEST}/{path}"], stdout=subprocess.PIPE)

    def tap_of(self, mac):
        """Where the bridge has seen this address last."""
        for line in self.run("bridge", "fdb", "show", "br", "bridge").stdout.splitlines():
            if line.startswith(mac) and "permanent" not in line:
                return line.split()[2]
        return None
