# SPDX-License-Identifier: Apache-2.0
"""What a working set is worth to real programs (tests/guests/workload): how long after the start of
`thaw restore` does a Debian guest answer its first request, and how many pages did it wait for.

One guest is frozen on a thawd, a network delay away. For each request it is first thawed lazily
and recorded, then in each of the ways below in turn, so that a slow minute of the machine hits all
of them. "eager" reads the same store as a local directory, which is in the page cache by then.
Figures are medians over the repeats.
"""
import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from harness import KERNEL, Machine
from host import describe, print_description, set_delay
from processes import Server

CMDLINE = "console=ttyS0 quiet panic=-1 root=/dev/vda ro init=/init"
REQUESTS = {"python": "python hello", "redis": "redis 1000"}
PATIENCE = 600  # seconds
WAYS = {
    "lazy": {"restore__prefetch": "none"},
    "lazy, around 16": {"restore__prefetch": "none", "restore__fault_around": "16"},
    "set, run at once": {"restore__prefetch": "workingset"},
    # All of the set; the deadline bounds it, and by default is that of a host that is not emulated.
    "set, block first": {"restore__prefetch": "workingset", "restore__prefetch_first": "3600s",
                         "remote__fault_deadline": "300s", "remote__stall_timeout": "300s"},
    "eager, local": {"restore__mode": "eager"},
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--disk", required=True, help="what tests/guests/workload/build made")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--delay", type=int, default=1000, metavar="US", help="round trip")
    parser.add_argument("--requests", nargs="+", choices=REQUESTS, default=list(REQUESTS))
    return parser.parse_args()


class Bench:
    def __init__(self, arguments, directory):
        self.repeats = arguments.repeats
        self.directory = directory
        self.disk = {"disk__root__path": arguments.disk, "disk__root__read_only": "yes"}
        self.server = Server(directory)

    def freeze(self):
        """The guest that has all in memory that the requests need."""
        vm = Machine.boot(self.directory, "workload", initrd=False, kernel=KERNEL,
                          machine__memory="256M", kernel__cmdline=CMDLINE, **self.disk)
        vm.expect("READY", timeout=PATIENCE)
        vm.snapshot(self.server.url("workload"))
        vm.kill()

    def thaw(self, request, sets):
        """One thaw up to the first answer: what it cost, and the answer."""
        local = sets.get("restore__mode") == "eager"
        url = f"dir:{self.server.store}/workload" if local else self.server.url("workload")
        started = time.monotonic()
        vm = Machine.restore(self.directory, url, "thawed", **self.disk, **sets)
        vm.send(f"{REQUESTS[request]}\n")
        answer = vm.expect(r"ANSWER (\w+)\r?\n", timeout=PATIENCE).group(1)
        elapsed = time.monotonic() - started
        sample = figures(elapsed, vm.status())
        vm.thaw("stop")
        vm.wait()
        vm.kill()
        return sample, answer

    def measure(self, request):
        """Samples by way of thawing."""
        sample, expected = self.thaw(request, {**WAYS["lazy"], "restore__record": request})
        samples = {"lazy, first": [sample], **{way: [] for way in WAYS}}
        for _ in range(self.repeats):
            for way, sets in WAYS.items():
                sample, answer = self.thaw(request, {**sets, "restore__working_set": request})
                assert answer == expected, f"{request}, {way}: another answer"
                samples[way].append(sample)
                print(f"{request}, {way}: {json.dumps(sample)}", file=sys.stderr, flush=True)
        return samples


def figures(elapsed, status):
    """Pages, but for the seconds; what the words mean stands in README.md."""
    faults, prefetch = status.get("faults", {}), status.get("prefetch", {})
    demand = sum(faults.get(kind, 0) for kind in ("vcpu", "device", "service"))
    brought = prefetch.get("brought", 0)
    return {"answer_s": elapsed, "demand": demand, "set": prefetch.get("set", 0),
            "brought": brought, "late": prefetch.get("late", 0),
            "dropped": prefetch.get("dropped", 0),
            "recall_percent": 100 * brought / max(1, brought + demand)}


def row(request, way, samples):
    times = [sample["answer_s"] for sample in samples]
    medians = {key: round(statistics.median(sample[key] for sample in samples), 2)
               for key in samples[0]}
    return {"request": request, "way": way, **medians,
            "answer_s_min": round(min(times), 2), "answer_s_max": round(max(times), 2)}


def print_rows(rows):
    print(f"{'request':>8} {'way':>17} {'answer s':>9} {'min':>6} {'max':>6} {'demand':>7} {'set':>6}"
          f" {'brought':>8} {'late':>5} {'dropped':>8} {'recall %':>9}")
    for each in rows:
        print(f"{each['request']:>8} {each['way']:>17} {each['answer_s']:9.2f}"
              f" {each['answer_s_min']:6.2f} {each['answer_s_max']:6.2f} {each['demand']:7.0f}"
              f" {each['set']:6.0f} {each['brought']:8.0f} {each['late']:5.0f}"
              f" {each['dropped']:8.0f} {each['recall_percent']:9.1f}")


def compare(rows):
    """What docs/performance.md has targets for."""
    ratios = []
    for request in dict.fromkeys(each["request"] for each in rows):
        of = {each["way"]: each for each in rows if each["request"] == request}
        for way in "set, run at once", "set, block first":
            ratios.append({
                "request": request, "way": way,
                "demand_percent_of_first": 100 * of[way]["demand"] / of["lazy, first"]["demand"],
                "times_eager": of[way]["answer_s"] / of["eager, local"]["answer_s"],
                "times_faster_than_lazy": of["lazy"]["answer_s"] / of[way]["answer_s"]})
    return ratios


def print_ratios(ratios):
    print("\ntargets: at most 3 % of the first thaw's demand faults; at most 1.3 x eager; "
          "at least 3 x faster than lazy")
    for each in ratios:
        print(f"{each['request']:>8}, {each['way']}: {each['demand_percent_of_first']:.1f} %; "
              f"{each['times_eager']:.2f} x eager; "
              f"{each['times_faster_than_lazy']:.2f} x faster than lazy")


def run(arguments, directory):
    bench = Bench(arguments, directory)
    bench.freeze()
    set_delay(arguments.delay)
    rows = []
    for request in arguments.requests:
        rows += [row(request, way, samples) for way, samples in bench.measure(request).items()]
    set_delay(0)
    bench.server.stop()
    return rows


def main():
    arguments = parse_arguments()
    host = {**describe(), "delay_us": arguments.delay}
    print_description(host)
    set_delay(0)
    with tempfile.TemporaryDirectory() as directory:
        rows = run(arguments, directory)
    ratios = compare(rows)
    print_rows(rows)
    print_ratios(ratios)
    if arguments.json:
        text = json.dumps({"host": host, "rows": rows, "ratios": ratios}, indent=2)
        Path(arguments.json).write_text(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
