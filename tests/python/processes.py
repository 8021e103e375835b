# SPDX-License-Identifier: Apache-2.0
"""Processes that tests start and watch, and thawd as one of them.

THAW_BIN names the directory of the programs.
"""
import os
import random
import re
import select
import signal
import socket
import subprocess
import time
from pathlib import Path

BIN = Path(os.environ.get("THAW_BIN", "build/arm64/bin"))
THAWD = str(BIN / "thawd")

# An emulated host is slow and shares its processors; a wait that ends here is a failure, so this
# only bounds how long a failure takes.
PATIENCE = float(os.environ.get("THAW_TEST_PATIENCE", "120"))


class Timeout(AssertionError):
    pass


def run(*command, check=True, **options):
    """Run a command to its end; its output is text."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=PATIENCE, **options)
    if check:
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


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


def underscores(sets):
    """machine__vcpus=2 means machine.vcpus=2."""
    return {key.replace("__", "."): value for key, value in sets.items()}


class Server(Process):
    """A thawd, by default on a free port of loopback."""

    def __init__(self, directory, store=None, port=0, address="127.0.0.1", within=(), **sets):
        """within: words before the command, such as those that enter a network namespace."""
        self.address = address
        self.store = store or f"{directory}/store"
        config = Path(directory) / f"thawd-{Path(self.store).name}.ini"
        config.write_text(f"[server]\nlisten = {address}:{port}\nstore = {self.store}\n")
        options = []
        for key, value in underscores(sets).items():
            options += ["--set", f"{key}={value}"]
        super().__init__([*within, THAWD, config, *options], config.with_suffix(".log"),
                         preexec_fn=as_another_machine)
        self.port = int(self.expect(rf"listening on {address}:(\d+)").group(1))

    def url(self, name):
        return f"tcp://{self.address}:{self.port}/{name}"

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait()


def free_port():
    """A port that nobody has now, and that no client is given by chance while its server is away:
    below net.ipv4.ip_local_port_range."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Lab:
    """What one test starts, which ends with it, and its directory."""

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

    def server(self, store=None, port=0, **options):
        return self.keep(Server(self.directory, store, port, **options))

    def path(self, name):
        return self.directory / name

    def url(self, name, store="store"):
        return f"dir:{self.directory}/{store}/{name}"
