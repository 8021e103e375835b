# SPDX-License-Identifier: Apache-2.0
"""What a fault costs as work grows: size of the snapshot, machines, threads of one machine."""
import tempfile

from common import bench, make, thawd

SIZES = ["128M", "1G", "16G"]
MACHINES = [1, 10, 100, 1000]
THREADS = [1, 2, 4, 8, 16]
TOUCHES = 100       # of each machine of a fleet
THINK_NS = 1000000  # between two of them


def run(context):
    for size in SIZES:
        make(context.store, f"sparse-{size}", size, "64M")
    with thawd(context.store) as url:
        return sizes(context, url) + fleets(context, url) + threads(context, url)


def row(what, count, report, latency):
    return {"what": what, "n": count, "pages_per_second": report["pages_per_second"],
            "p50_us": report[latency]["p50"], "p99_us": report[latency]["p99"],
            "p999_us": report[latency]["p999"]}


def sizes(context, url):
    return [row("size", size, bench("fetch", f"{url}/sparse-{size}", "--seconds", context.seconds),
                "latency_us") for size in SIZES]


def fleets(context, url):
    """The same faults, by more and more machines at once."""
    with tempfile.NamedTemporaryFile("w", suffix=".trace") as trace:
        pages = context.full_pages
        trace.writelines(f"{i * THINK_NS} {i * 40503 % pages}\n" for i in range(TOUCHES))
        trace.flush()
        rows = []
        for machines in MACHINES:
            report = bench("replay", f"{url}/full", "--trace", trace.name, "--machines", machines,
                           "--threads", 2, "--verify=no")
            if report["machines_failed"]:
                raise RuntimeError(f"{report['machines_failed']} of {machines} machines failed")
            rows.append(row("machines", machines, report, "fault_us"))
            context.keep[f"fleet-{machines}"] = report
    return rows


def threads(context, url):
    """One machine: real userfaultfd, real pager."""
    rows = []
    for count in THREADS:
        report = bench("thaw", f"{url}/full", "--threads", count,
                       "--pages", context.thaw_pages // count)
        report["pages_per_second"] = report["faults_per_second"]
        rows.append(row("threads", count, report, "fault_us"))
        context.keep[f"thaw-{count}"] = report
    return rows
