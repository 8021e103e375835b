# SPDX-License-Identifier: Apache-2.0
"""The freeze benchmark: pause and total time of snapshots of a Linux guest that goes on.

Two guests of the same size, one with the dirty log and one without, are frozen in turns, after
each has written to some share of its memory:

  full    paused, then written from end to end
  live    written while it runs, from end to end
  diff    written while it runs, with the dirty log: only what has changed since the last
"""
import argparse
import json
import shutil
import statistics
import tempfile
from pathlib import Path

from harness import Machine
from host import describe, print_description

KINDS = ["full", "live", "diff"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--memory", type=int, default=512, metavar="MIB")
    parser.add_argument("--dirty", type=int, default=5, metavar="PERCENT")
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def boot(directory, name, memory, log):
    """A guest whose data fill most of its memory."""
    cmdline = f"console=ttyS0 quiet panic=-1 witness.mib={memory * 3 // 4}"
    return Machine.boot(directory, name, machine__memory=f"{memory}M", kernel__cmdline=cmdline,
                        snapshot__dirty_log=log).ready()


def freeze(directory, guests, kind, pages):
    guest = guests["yes" if kind == "diff" else "no"]
    assert guest.ask(f"touch {pages}") == f"TOUCH {pages}"
    store = directory / kind
    if kind != "diff":
        shutil.rmtree(store, ignore_errors=True)
    result = guest.snapshot(f"dir:{store}/snapshot", then="pause" if kind == "full" else "resume")
    guest.thaw("resume")
    return result


def measure(arguments, directory):
    guests = {log: boot(directory, f"log-{log}", arguments.memory, log) for log in ["no", "yes"]}
    pages = arguments.memory * 256 * arguments.dirty // 100
    results = {kind: [] for kind in KINDS}
    freeze(directory, guests, "diff", pages)  # what the first one is compared with
    for _ in range(arguments.repeats):
        for kind in KINDS:
            results[kind].append(freeze(directory, guests, kind, pages))
    for guest in guests.values():
        assert guest.ask("digest").endswith(" ok")
        guest.poweroff()
    return [row(kind, results[kind]) for kind in KINDS]


def row(kind, results):
    figures = {"kind": kind}
    for key in ["pause_ms", "total_ms", "written"]:
        values = sorted(result[key] for result in results)
        figures[key] = statistics.median(values)
        figures[key + "_range"] = [values[0], values[-1]]
    return figures


def main():
    arguments = parse_arguments()
    description = describe()
    print_description(description)
    with tempfile.TemporaryDirectory() as directory:
        rows = measure(arguments, Path(directory))
    full = rows[0]["pause_ms"]
    print(f"{'kind':6}{'pause ms':>10}{'least':>9}{'most':>9}{'of full':>9}{'total ms':>10}{'written':>9}")
    for each in rows:
        least, most = each["pause_ms_range"]
        each["pause_ratio"] = each["pause_ms"] / full
        print(f"{each['kind']:6}{each['pause_ms']:10.0f}{least:9.0f}{most:9.0f}"
              f"{each['pause_ratio']:9.2f}{each['total_ms']:10.0f}{each['written']:9.0f}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"host": description, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
