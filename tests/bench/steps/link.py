# SPDX-License-Identifier: Apache-2.0
"""Demand latency while bulk saturates a link of 1 or 10 Gbit/s with a delay, against an idle link.

The link is one of our own between two network namespaces (link.c): a FIFO queue of 1 MiB, as a switch
port has, in front of a wire. Bulk and demand share it.
"""
import os
import subprocess
import time
from contextlib import contextmanager

from common import TOOLS, bench, run as execute, start_bench, thawd

TARGET_P50, TARGET_P99 = 2, 5  # x idle
QUEUE_BYTES = 1 << 20
SERVER, CLIENT = f"thaw-s{os.getpid()}", f"thaw-c{os.getpid()}"


def inside(namespace):
    return ["ip", "netns", "exec", namespace]


@contextmanager
def link(mbit, round_trip_ms):
    """Two namespaces, 10.99.0.1 (server) and 10.99.0.2, and what is between them."""
    # A packet takes less than 0.1 ms of the wire, as with a network card's offloads.
    mtu = 9000 if mbit <= 1000 else 60000
    for namespace in (SERVER, CLIENT):
        execute(["ip", "netns", "add", namespace])
    wire = subprocess.Popen([TOOLS / "link", SERVER, CLIENT, str(mbit), str(int(round_trip_ms * 500)),
                             str(QUEUE_BYTES)], stdout=subprocess.PIPE)
    try:
        wire.stdout.readline()
        for number, namespace in enumerate((SERVER, CLIENT), 1):
            execute(["ip", "-n", namespace, "address", "add", f"10.99.0.{number}/24", "dev", "link"])
            execute(["ip", "-n", namespace, "link", "set", "dev", "link", "mtu", mtu, "up"])
        yield
    finally:
        wire.terminate()
        wire.wait()
        for namespace in (SERVER, CLIENT):
            execute(["ip", "netns", "del", namespace])


def run(context):
    rows = []
    for mbit in (1000, 10000):
        for round_trip_ms in ((0.1, 1) if context.quick else (0.1, 1, 20)):
            with link(mbit, round_trip_ms), \
                    thawd(context.store, inside(SERVER), "10.99.0.1") as url:
                rows.append(compare(context, url, mbit, round_trip_ms))
    return rows


def compare(context, url, mbit, round_trip_ms):
    def fetch():
        return bench("fetch", f"{url}/full", "--seconds", context.seconds,
                     prefix=inside(CLIENT))["latency_us"]

    idle = fetch()
    bulk = start_bench("bulk", f"{url}/full", "--verify=no", "--seconds", 3600,
                       prefix=inside(CLIENT))
    try:
        time.sleep(1)  # until it has its share
        before = received()
        busy = fetch()
        rate = (received() - before) * 8 / context.seconds / 1e6
    finally:
        bulk.terminate()
        bulk.wait()
    p50, p99 = busy["p50"] / idle["p50"], busy["p99"] / idle["p99"]
    return {"mbit": mbit, "rtt_ms": round_trip_ms, "used_mbit": round(rate),
            "idle_p50": idle["p50"], "idle_p99": idle["p99"],
            "busy_p50": busy["p50"], "busy_p99": busy["p99"],
            "ratio_p50": round(p50, 2), "ratio_p99": round(p99, 2),
            "met": p50 <= TARGET_P50 and p99 <= TARGET_P99}


def received():
    return int(execute([*inside(CLIENT), "cat", "/sys/class/net/link/statistics/rx_bytes"]))
