# SPDX-License-Identifier: Apache-2.0
"""What one fault costs: system calls (strace), heap, locks, copies (calls.c), instructions (callgrind).

Instructions are those of a fetch without its SHA-256: valgrind does not know userfaultfd, nor the
processor's instructions for SHA-256.

Each is the difference between a run of few faults and one of many, divided by the difference in
faults; so start and end of the program do not count.
"""
import json
import re
import tempfile
from pathlib import Path

from common import BIN, TOOLS, run as execute, thawd

FEW, MANY = 200, 1200
TARGETS = {"sendto": 1, "recvfrom": 1, "ioctl": 1, "allocations": 0, "locks": 0}


def run(context):
    with tempfile.TemporaryDirectory() as directory, thawd(context.store) as url:
        few, many = (measure(f"{url}/full", faults, Path(directory)) for faults in (FEW, MANY))
    rows = []
    for name in sorted(set(few) | set(many)):
        each = (many.get(name, 0) - few.get(name, 0)) / (MANY - FEW)
        target = TARGETS.get(name)
        if abs(each) >= 0.005 or target is not None:
            rows.append({"per fault": name, "count": round(each, 2),
                         **({"target": target, "met": each <= target + 0.01}
                            if target is not None else {})})
    return rows


def measure(url, faults, directory):
    command = [BIN / "thaw-bench", "thaw", url, "--pages", faults]
    fetch = [BIN / "thaw-bench", "fetch", url, "--pages", faults]
    heap = calls(fetch, directory)  # thaw checks its memory in the end, which allocates, too
    return syscalls(command, directory) | calls(command, directory) | \
        {"allocations": heap["allocations"], "frees": heap["frees"],
         "instructions": instructions([*fetch, "--verify=no"], directory)}


def syscalls(command, directory):
    log = directory / "strace"
    execute(["strace", "-f", "-c", "-U", "calls,name", "-o", log, *command])
    found = re.findall(r"^\s*(\d+) (\w+)$", log.read_text(), re.MULTILINE)
    return {name: int(count) for count, name in found if name != "total"}


def calls(command, directory):
    log = directory / "calls"
    execute(["env", f"LD_PRELOAD={TOOLS}/calls.so", f"THAW_CALLS={log}", *command])
    return json.loads(log.read_text())


def instructions(command, directory):
    log = directory / "callgrind"
    execute(["valgrind", "--tool=callgrind", f"--callgrind-out-file={log}", *command])
    return int(re.search(r"^(?:summary|totals): (\d+)", log.read_text(), re.MULTILINE).group(1))
