# SPDX-License-Identifier: Apache-2.0
"""What the integration tests drive: machines, servers, and the files they need.

Where things are comes from the environment, which tests/run sets:
  THAW_BIN           directory of thaw and thawd
  THAW_KERNEL        an arm64 Image for guests
  THAW_STOCK_KERNEL  Debian's
  THAW_GUESTS        what tests/guests/linux/build made for THAW_KERNEL; in it stock/, the same for
                     THAW_STOCK_KERNEL, and bare/, the tiny guests
  THAW_EXPECT_MODES  fault modes that this host must have, separated by blanks
"""
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import processes
from processes import BIN, PATIENCE, Process, Timeout, run, underscores, wait_for

KERNEL = os.environ.get("THAW_KERNEL", "")
STOCK_KERNEL = os.environ.get("THAW_STOCK_KERNEL", "")
GUESTS = Path(os.environ.get("THAW_GUESTS", "build/guests"))
THAW = str(BIN / "thaw")

FAULT_MODES = ["exit", "trace", "poison", "uffd"]
CMDLINE = "console=ttyS0 quiet panic=-1 witness.mib=2"


def refused(exit_code, *words, command):
    """The command ends with exit_code and says each of words, and no guest said anything."""
    done = run(*command, check=False)
    assert done.returncode == exit_code, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert done.stdout == ""


def available_modes():
    report = json.loads(run(THAW, "check", "--json", check=False).stdout)
    expected = os.environ.get("THAW_EXPECT_MODES", "").split()
    return [mode for mode in FAULT_MODES
            if report["fault_modes"][mode]["works"] or mode in expected]


class Machine(Process):
    """A thaw process; ask() talks to the witness inside the guest."""

    def __init__(self, directory, name, command, sets, within=()):
        """within: words before the command, such as those that enter a network namespace."""
        self.name = name
        self.socket = f"{directory}/{name}.sock"
        options = []
        for key, value in {"machine.name": name, "machine.control": self.socket, **sets}.items():
            options += ["--set", f"{key}={value}"]
        super().__init__([*within, THAW, *command, *options], f"{directory}/{name}.log")

    @classmethod
    def boot(cls, directory, name="vm", kernel=None, initrd=True, within=(), **sets):
        config = Path(directory) / "empty.ini"
        config.write_text("")
        settings = {"kernel.image": kernel or KERNEL, "machine.memory": "128M",
                    "kernel.cmdline": CMDLINE}
        if initrd:
            settings["kernel.initrd"] = GUESTS / "initrd.cpio.gz"
        return cls(directory, name, ["run", config], {**settings, **underscores(sets)}, within)

    @classmethod
    def restore(cls, directory, url, name="vm", within=(), **sets):
        return cls(directory, name, ["restore", url], underscores(sets), within)

    def ready(self):
        self.expect(r"READY nonce=[0-9a-f]+")
        return self

    def ask(self, words):
        """One command line to the witness, one line back."""
        start = len(self.output)
        self.send(words + "\n")
        return self.expect(r"([A-Z]+[^\r\n]*)\r?\n", start).group(1).decode()

    def number(self, words):
        """The number that the witness answers with."""
        return float(self.ask(words).split()[1])

    def thaw(self, command, *arguments, check=True):
        """A command to this machine, once it can hear it."""
        wait_for(lambda: os.path.exists(self.socket) or self.process.poll() is not None,
                 f"no control socket:\n{self.messages()}")
        return run(THAW, command, self.socket, *arguments, check=check)

    def status(self):
        return json.loads(self.thaw("status", "--json").stdout)

    def snapshot(self, url, then="stop"):
        reply = json.loads(self.thaw("snapshot", url, "--then", then, "--json").stdout)
        if then == "stop":
            assert self.wait() == 0, self.tail()
        return reply

    def until(self, condition, timeout=None):
        """Poll status until condition(status) holds."""
        deadline = time.monotonic() + (timeout or PATIENCE)
        while not condition(status := self.status()):
            if time.monotonic() > deadline:
                raise Timeout(f"the status stays {status}\n{self.tail()}")
            time.sleep(0.05)
        return status

    def poweroff(self):
        self.send("poweroff\n")
        assert self.wait() == 0, self.tail()

    def descriptors(self):
        """What its file descriptors are: "socket:[7]", "anon_inode:[userfaultfd]", ..."""
        directory = f"/proc/{self.process.pid}/fd"
        found = []
        for fd in os.listdir(directory):
            try:
                found.append(os.readlink(f"{directory}/{fd}"))
            except FileNotFoundError:
                pass
        return found


@dataclass
class Frozen:
    """A snapshot of a witness, and what the witness has to say after a thaw."""
    store: Path
    name: str
    nonce: str
    digest: str

    @property
    def url(self):
        return f"dir:{self.store}/{self.name}"

    def is_intact_in(self, vm):
        return vm.ask("nonce") == self.nonce and vm.ask("digest") == self.digest


class Lab(processes.Lab):
    """Machines and servers of one test, which end with it."""

    def boot(self, name="vm", **options):
        return self.keep(Machine.boot(self.directory, name, **options))

    def restore(self, url, name="vm", **options):
        return self.keep(Machine.restore(self.directory, url, name, **options))
