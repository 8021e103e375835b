# SPDX-License-Identifier: Apache-2.0
"""The fault benchmark: bare-metal vCPUs load one word from each page of cold memory.

One frozen guest per number of vCPUs; each measurement thaws it lazily from thawd in a network
namespace whose loopback adds the delay (half of it in each direction), and takes time and
latencies from the guest's own counter, around its own loads. The rows "dir" thaw from the same
store without a server: what the fault modes cost by themselves. Modes are interleaved, so that a
slow minute of the machine hits all of them; figures are medians over the repeats. "busy" is the
share of all processors of the host that was not idle meanwhile: at 100 more vCPUs can't help.
"""
import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from harness import FAULT_MODES, GUESTS, Machine, available_modes
from host import describe, print_description, set_delay
from processes import Server

DELAYS_US = [0, 1000, 5000]
VCPUS = [1, 2, 4, 8]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="fewer pages and repeats")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--modes", nargs="+", choices=FAULT_MODES)
    parser.add_argument("--vcpus", nargs="+", type=int, default=VCPUS)
    parser.add_argument("--delays", nargs="+", type=int, default=DELAYS_US, metavar="US")
    return parser.parse_args()


def pages_for(delay_us, quick):
    """Pages per vCPU: enough for a figure, few enough to wait for."""
    pages = {0: 512, 1000: 256, 5000: 96}.get(delay_us, 96)
    return pages // 2 if quick else pages


def freeze(directory, server, vcpus, pages):
    """A guest of that many vCPUs, its memory filled, frozen on the server."""
    memory = 32 + (vcpus * pages * 4096 >> 20) // 2 * 2
    guest = Machine.boot(directory, f"fill{vcpus}", kernel=GUESTS / "bare/paging", initrd=False,
                         machine__vcpus=vcpus, machine__memory=f"{memory}M", rng__enabled="no")
    guest.send(f"fill {vcpus * pages}\n")
    guest.expect(r"READY \d+ \d+")
    guest.snapshot(server.url(f"paging{vcpus}"))
    guest.kill()


def processor_times():
    """All processors' time so far: in all, and idle."""
    with open("/proc/stat", encoding="ascii") as stat:
        times = [int(field) for field in stat.readline().split()[1:9]]
    return sum(times), times[3] + times[4]


def measure(directory, url, mode, vcpus, pages):
    """One thaw: pages per second, the latency of a load in us (p50, p99), busy processors (%)."""
    guest = Machine.restore(directory, url, f"go{vcpus}", machine__fault_mode=mode,
                            restore__prefetch="none")
    guest.until(lambda status: status["state"] == "running")
    all_before, idle_before = processor_times()
    guest.send(f"go {pages}\n")
    done = guest.expect(r"DONE (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)\n")
    all_after, idle_after = processor_times()
    busy = 100 - 100 * (idle_after - idle_before) / max(1, all_after - all_before)
    _, total, ticks, frequency, p50, p99 = map(int, done.groups())
    faults = guest.status()["faults"]
    guest.send("off\n")
    assert guest.wait() == 0, guest.tail()
    guest.kill()
    served = faults["service"] if mode == "uffd" else faults["vcpu"]
    assert served >= total, f"{mode}: {served} faults for {total} pages: {faults}"
    return total * frequency / ticks, p50 * 1e6 / frequency, p99 * 1e6 / frequency, busy


def run(arguments, directory):
    modes = arguments.modes or available_modes()
    repeats = arguments.repeats or (1 if arguments.quick else 3)
    rows = []
    server = Server(directory)
    for vcpus in arguments.vcpus:
        freeze(directory, server, vcpus, max(pages_for(d, arguments.quick) for d in arguments.delays))
        urls = {"dir": f"dir:{server.store}/paging{vcpus}", "tcp": server.url(f"paging{vcpus}")}
        for transport, delay_us in [("dir", 0)] + [("tcp", delay) for delay in arguments.delays]:
            pages = pages_for(delay_us, arguments.quick)
            set_delay(delay_us)
            samples = {mode: [] for mode in modes}
            for _ in range(repeats):
                for mode in modes:
                    samples[mode].append(measure(directory, urls[transport], mode, vcpus, pages))
            set_delay(0)
            rows += [row(mode, vcpus, transport, delay_us, pages, samples[mode]) for mode in modes]
            for each in rows[-len(modes):]:
                print_row(each)
    server.stop()
    return rows


def row(mode, vcpus, transport, delay_us, pages, samples):
    rates, p50s, p99s, busy = zip(*samples)
    return {
        "fault_mode": mode, "vcpus": vcpus, "transport": transport, "delay_us": delay_us,
        "pages_per_vcpu": pages,
        "pages_per_second": round(statistics.median(rates)),
        "pages_per_second_min": round(min(rates)), "pages_per_second_max": round(max(rates)),
        "latency_us": {"p50": round(statistics.median(p50s)),
                       "p99": round(statistics.median(p99s))},
        "busy_percent": round(statistics.median(busy)),
    }


HEADING = f"{'from':>4} {'delay us':>8} {'vcpus':>5} {'mode':>7} {'pages/s':>8} {'min':>7}" \
          f" {'max':>7} {'p50 us':>8} {'p99 us':>8} {'busy %':>6}"


def print_row(each):
    print(f"{each['transport']:>4} {each['delay_us']:8} {each['vcpus']:5} {each['fault_mode']:>7}"
          f" {each['pages_per_second']:8} {each['pages_per_second_min']:7}"
          f" {each['pages_per_second_max']:7} {each['latency_us']['p50']:8}"
          f" {each['latency_us']['p99']:8} {each['busy_percent']:6}", flush=True)


def rate(rows, **wanted):
    """Pages per second of the one row that is as wanted, if it was measured."""
    for each in rows:
        if all(each[key] == value for key, value in wanted.items()):
            return each["pages_per_second"]
    return None


def print_ratios(rows):
    """The two things this benchmark is for."""
    print("\nscaling from 1 to 4 vCPUs (pages/s, ratio)")
    paths = list(dict.fromkeys((each["transport"], each["delay_us"]) for each in rows))
    for mode in FAULT_MODES:
        for transport, delay_us in paths:
            one, four = (rate(rows, fault_mode=mode, vcpus=vcpus, transport=transport,
                              delay_us=delay_us) for vcpus in (1, 4))
            if one and four:
                print(f"  {mode:>7}, {transport}, {delay_us:5} us: {four / one:.2f}")
    for transport in "dir", "tcp":
        exits, uffd = (rate(rows, fault_mode=mode, vcpus=1, transport=transport, delay_us=0)
                       for mode in ("exit", "uffd"))
        if exits and uffd:
            print(f"exit / uffd, 1 vCPU, {transport}, no delay: {exits / uffd:.2f}")


def main():
    arguments = parse_arguments()
    host = describe()
    print_description(host)
    print(HEADING)
    started = time.monotonic()
    set_delay(0)
    with tempfile.TemporaryDirectory() as directory:
        rows = run(arguments, directory)
    print_ratios(rows)
    print(f"{time.monotonic() - started:.0f} s")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"host": host, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
