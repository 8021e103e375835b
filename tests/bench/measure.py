# SPDX-License-Identifier: Apache-2.0
"""Run the steps, show their tables, keep all figures in build/bench/results.json."""
import argparse
import datetime
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import TOOLS, make

STEPS = ["latency", "throughput", "bulk", "link", "scale", "profile"]
FULL = 256 << 20  # bytes of the snapshot that is all data


class Context:
    """What a step gets: how long to measure, and a store with the snapshot "full"."""

    def __init__(self, directory, quick):
        self.quick = quick
        self.seconds = 1 if quick else 3
        self.repeats = 3 if quick else 7
        self.full_pages = FULL // 4096
        self.thaw_pages = 4000 if quick else 16000
        self.store = Path(directory, "store")
        self.image = Path(directory, "image")  # as many bytes for nbdkit
        self.keep = {}  # whole reports, for pictures
        make(self.store, "full", FULL, FULL)
        with open(self.image, "wb") as image:
            for _ in range(FULL >> 20):
                image.write(os.urandom(1 << 20))


def machine():
    """Where and when: a figure means nothing without."""
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True,
                            text=True).stdout.strip()
    return {"date": datetime.date.today().isoformat(), "commit": commit, "cpu": model,
            "cpus": os.cpu_count(), "kernel": platform.release(),
            "load": [round(each, 1) for each in os.getloadavg()]}


def print_table(rows):
    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = [keys] + [["" if row.get(key) is None else str(row[key]) for key in keys] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(keys))]
    for line in cells:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter and noisier: three minutes")
    parser.add_argument("step", nargs="*", metavar="STEP", help=", ".join(STEPS))
    arguments = parser.parse_args()
    if unknown := set(arguments.step) - set(STEPS):
        parser.error(f"no such step: {', '.join(unknown)} (there are {', '.join(STEPS)})")
    results = {"machine": machine(), "steps": {}}
    print(json.dumps(results["machine"]))
    with tempfile.TemporaryDirectory(dir=TOOLS) as directory:
        context = Context(directory, arguments.quick)
        for name in arguments.step or STEPS:
            step, started = importlib.import_module(f"steps.{name}"), time.monotonic()
            rows = step.run(context)
            print(f"\n{name}: {step.__doc__.strip().splitlines()[0]}"
                  f" ({time.monotonic() - started:.0f} s)")
            print_table(rows)
            sys.stdout.flush()
            results["steps"][name] = rows
        results["load_after"] = [round(each, 1) for each in os.getloadavg()]
        results["reports"] = context.keep
    (TOOLS / "results.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
