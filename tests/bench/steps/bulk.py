# SPDX-License-Identifier: Apache-2.0
"""Bulk throughput, against an iperf3 stream and against how fast a core computes SHA-256."""
import json

from common import (CLIENT_CPU, SERVER_CPU, bench, in_turns, on_cpu, ratio, run as execute, running,
                    spread, thawd)

TARGET_STREAM = 0.8   # x iperf3, the server's side: pages not verified
TARGET_SHA256 = 0.85  # x SHA-256 of one core, verified, per thread
PORT = 10810


def run(context):
    client, pair = on_cpu(CLIENT_CPU), on_cpu(f"{SERVER_CPU},{CLIENT_CPU}")

    def bulk(verify, threads=1, prefix=client):
        return bench("bulk", f"{url}/full", f"--verify={verify}", "--threads", threads,
                     "--seconds", context.seconds, prefix=prefix)["mib_per_second"]

    def stream():
        report = json.loads(execute([*client, "iperf3", "-c", "127.0.0.1", "-p", PORT, "-R", "-J",
                                     "-t", context.seconds]))
        return report["end"]["sum_received"]["bits_per_second"] / 8 / (1 << 20)

    with thawd(context.store, on_cpu(SERVER_CPU)) as url, \
            running([*on_cpu(SERVER_CPU), "iperf3", "-s", "-p", PORT]):
        values = in_turns(context.repeats, {
            "iperf3": stream,
            "bulk": lambda: bulk("no"),
            "SHA-256": lambda: bench("sha256", "--seconds", 1, prefix=client)["mib_per_second"],
            "bulk, verified": lambda: bulk("yes"),
            "bulk, verified, 2 threads": lambda: bulk("yes", 2, pair),
        })
    against = {"bulk": ("iperf3", TARGET_STREAM), "bulk, verified": ("SHA-256", TARGET_SHA256),
               "bulk, verified, 2 threads": ("bulk, verified", None)}
    return [row(name, each, values, *against.get(name, (None, None)))
            for name, each in values.items()]


def row(name, each, values, other, target):
    result = {"what": name, **spread(each), "unit": "MiB/s"}
    if other:
        result |= {"against": other, "ratio": ratio(each, values[other])}
    if target:
        result |= {"target": target, "met": result["ratio"] >= target}
    return result
