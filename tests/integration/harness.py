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
import re
import select
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

BIN = Path(os.environ.get("THAW_BIN", "build/arm64/bin"))
KERNEL = os.environ.get("THAW_KERNEL", "")
STOCK_KERNEL = os.environ.get("THAW_STOCK_KERNEL", "")
GUESTS = Path(os.environ.get("THAW_GUESTS", "build/guests"))
THAW = str(BIN / "thaw")
THAWD = str(BIN / "thawd")

# An emulated host is slow and shares its processors; a wait that ends here is a failure, so this
# only bounds how long a failure takes.
PATIENCE = float(os.environ.get("THAW_TEST_PATIENCE", "120"))

FAULT_MODES = ["exit", "trace", "poison", "uffd"]
CMDLINE = "console=ttyS0 quiet panic=-1 witness.mib=2"


class Timeout(AssertionError):
    pass


def run(*command, check=True, **options):
    """Run a command to its end; its output is text."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=PATIENCE, **options)
    if check:
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


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


def wait_for(condition, what, timeout=None):
    """Poll until condition() is true; its value."""
    deadline = time.monotonic() + (timeout or PATIENCE)
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Timeout(what)
        time.sleep(0.05)
    return value


def as_another_machine():
    """A server shares the host's processors with the guests that it serves; this keeps it from
    waiting for their time slices, as one on another machine would not."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass


class Process:
    """A process whose stdin and stdout are ours and whose stderr goes to a file."""

    def __init__(self, command, log, **options):
        self.log = Path(log)
        with open(self.log, "ab") as stderr:
            self.process = subprocess.Popen([str(part) for part in command],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=stderr, bufsize=0, **options)
        self.output = b""
        os.set_blocking(self.process.stdout.fileno(), False)

    def pump(self, timeout):
        """Collect output for at most timeout seconds; False at its end."""
        if not select.select([self.process.stdout], [], [], timeout)[0]:
            return True
        data = self.process.stdout.read(65536)
        self.output += data or b""
        return bool(data)

    def expect(self, pattern, start=0, timeout=None):
        """The first match of pattern in the output from start on."""
        deadline = time.monotonic() + (timeout or PATIENCE)
        while True:
            found = re.search(pattern.encode(), self.output[start:])
            if found:
                return found
            if time.monotonic() > deadline:
                raise Timeout(f"no {pattern!r} in:\n{self.tail()}")
            if not self.pump(max(0, min(1, deadline - time.monotonic()))):
                status = self.process.wait(timeout=PATIENCE)
                raise AssertionError(f"ended ({status}) without {pattern!r}:\n{self.tail()}")

    def send(self, text):
        self.process.stdin.write(text.encode())

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=None):
        """Its exit status, once it has ended."""
        deadline = time.monotonic() + (timeout or PATIENCE)
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise Timeout(f"still running:\n{self.tail()}")
            if not self.pump(0.05):
                time.sleep(0.01)
        while select.select([self.process.stdout], [], [], 0)[0] and self.pump(0):
            pass
        return self.process.returncode

    def messages(self):
        return self.log.read_text(errors="replace")

    def expect_message(self, words, timeout=None):
        """Wait until words stand in what it wrote to stderr."""
        wait_for(lambda: words in self.messages(), f"no {words!r} in:\n{self.messages()}", timeout)

    def tail(self):
        tail = self.output[-3000:].decode(errors="replace") + "\n--- stderr\n" + self.messages()[-3000:]
        if (self.process.poll() or 0) < 0:
            log = subprocess.run(["dmesg"], stdout=subprocess.PIPE, text=True, check=False).stdout
            tail += "\n--- kernel log\n" + log[-3000:]
        return tail

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Machine(Process):
    """A thaw process; ask() talks to the witness inside the guest."""

    def __init__(self, directory, name, command, sets):
        self.name = name
        self.socket = f"{directory}/{name}.sock"
        options = []
        for key, value in {"machine.name": name, "machine.control": self.socket, **sets}.items():
            options += ["--set", f"{key}={value}"]
        super().__init__([THAW, *command, *options], f"{directory}/{name}.log")

    @classmethod
    def boot(cls, directory, name="vm", kernel=None, initrd=True, **sets):
        config = Path(directory) / "empty.ini"
        config.write_text("")
        settings = {"kernel.image": kernel or KERNEL, "machine.memory": "128M",
                    "kernel.cmdline": CMDLINE}
        if initrd:
            settings["kernel.initrd"] = GUESTS / "initrd.cpio.gz"
        return cls(directory, name, ["run", config], {**settings, **underscores(sets)})

    @classmethod
    def restore(cls, directory, url, name="vm", **sets):
        return cls(directory, name, ["restore", url], underscores(sets))

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


def underscores(sets):
    """machine__vcpus=2 means machine.vcpus=2."""
    return {key.replace("__", "."): value for key, value in sets.items()}


class Server(Process):
    """A thawd on loopback, by default on a free port."""

    def __init__(self, directory, store=None, port=0, **sets):
        self.store = store or f"{directory}/store"
        config = Path(directory) / f"thawd-{Path(self.store).name}.ini"
        config.write_text(f"[server]\nlisten = 127.0.0.1:{port}\nstore = {self.store}\n")
        options = []
        for key, value in underscores(sets).items():
            options += ["--set", f"{key}={value}"]
        super().__init__([THAWD, config, *options], config.with_suffix(".log"),
                         preexec_fn=as_another_machine)
        self.port = int(self.expect(r"listening on 127\.0\.0\.1:(\d+)").group(1))

    def url(self, name):
        return f"tcp://127.0.0.1:{self.port}/{name}"

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait()


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


class Lab:
    """Machines and servers of one test, which end with it."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for process in reversed(self.processes):
            process.kill()

    def keep(self, process):
        self.processes.append(process)
        return process

    def boot(self, name="vm", **options):
        return self.keep(Machine.boot(self.directory, name, **options))

    def restore(self, url, name="vm", **sets):
        return self.keep(Machine.restore(self.directory, url, name, **sets))

    def server(self, store=None, port=0, **sets):
        return self.keep(Server(self.directory, store, port, **sets))

    def path(self, name):
        return self.directory / name

    def url(self, name, store="store"):
        return f"dir:{self.directory}/{store}/{name}"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
