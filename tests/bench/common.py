# SPDX-License-Identifier: Apache-2.0
"""What the steps of tests/bench/run share: programs, servers, and comparing what is noisy.

A step is a module in steps/ with a docstring, TARGETS and run(context) -> rows. A row is a dict; rows
of one step have the same keys, and "target"/"met" where there is something to meet.

A machine's speed changes from second to second, so what is compared is measured in turns, several
times, and a ratio is that of the medians of one run.
"""
import json
import os
import statistics
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("THAW_BIN", TOP / "build/native/bin"))
TOOLS = TOP / "build/bench"  # what tests/bench/run compiles

_cpus = sorted(os.sched_getaffinity(0))
SERVER_CPU, CLIENT_CPU = _cpus[0], _cpus[-1]  # one each, where the two are compared with others


def on_cpu(cpu):
    return ["taskset", "-c", str(cpu)]


def run(command, **options):
    """Run to the end; its output."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{command}: exit {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def bench(*arguments, prefix=()):
    """The figures of a thaw-bench command."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        run([*prefix, BIN / "thaw-bench", *arguments, "--json", file.name])
        return json.load(file)


def start_bench(*arguments, prefix=()):
    """A thaw-bench command in the background."""
    return subprocess.Popen([str(word) for word in [*prefix, BIN / "thaw-bench", *arguments]],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make(store, name, size, data, compressible=0):
    bench("make", f"dir:{store}", name, "--size", size, "--data", data,
          "--compressible", compressible)


def wait_for(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not come")
        time.sleep(0.02)
    return value


@contextmanager
def running(command, **options):
    """A process for as long as the block lasts."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def thawd(store, prefix=(), host="127.0.0.1"):
    """A server of a store; its URL."""
    with tempfile.TemporaryDirectory() as directory:
        port_file, config = Path(directory, "port"), Path(directory, "thawd.ini")
        config.write_text(f"[server]\nlisten = {host}:0\nstore = {store}\ninsecure = yes\n"
                          f"port_file = {port_file}\nmax_connections = 100000\n")
        with running([*prefix, BIN / "thawd", config]):
            address = wait_for(lambda: port_file.exists() and port_file.read_text().strip(), "thawd")
            yield f"tcp://{address}"


def in_turns(repeats, measurements):
    """{name: function} -> {name: [what it returned each time]}, taken in turns."""
    values = {name: [] for name in measurements}
    for _ in range(repeats):
        for name, measure in measurements.items():
            values[name].append(measure())
    return values


def spread(values):
    """Median, and from where to where."""
    return {"median": round(statistics.median(values), 2), "least": round(min(values), 2),
            "most": round(max(values), 2)}


def ratio(a, b):
    return round(statistics.median(a) / statistics.median(b), 2)
