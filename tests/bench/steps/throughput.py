# SPDX-License-Identifier: Apache-2.0
"""Demand throughput at depth 64, against nbdkit's file plugin read by libnbd in the same order."""
import json
import tempfile
from pathlib import Path

from common import (CLIENT_CPU, SERVER_CPU, TOOLS, bench, in_turns, on_cpu, ratio, run as execute,
                    running, spread, thawd, wait_for)

TARGET = 2  # x nbdkit
DEPTH = 64


def run(context):
    client, rows = on_cpu(CLIENT_CPU), []
    with tempfile.TemporaryDirectory() as directory, \
            thawd(context.store, on_cpu(SERVER_CPU)) as url:
        socket = Path(directory, "port")
        port = 10809
        with running([*on_cpu(SERVER_CPU), "nbdkit", "-f", "-i", "127.0.0.1", "-p", port,
                      "-P", socket, "-r", "file", context.image]):
            wait_for(socket.exists, "nbdkit")
            for connections in (1, 2):
                rows += compare(context, url, f"nbd://127.0.0.1:{port}", connections, client)
    return rows


def compare(context, url, nbd_url, connections, client):
    def fetch(verify):
        return bench("fetch", f"{url}/full", "--threads", connections, "--depth", DEPTH,
                     f"--verify={verify}", "--seconds", context.seconds,
                     prefix=client)["pages_per_second"]

    def nbd():
        return json.loads(execute([*client, TOOLS / "nbd", nbd_url, connections, DEPTH,
                                   context.seconds]))["pages_per_second"]

    values = in_turns(context.repeats, {"nbdkit": nbd, "thawd": lambda: fetch("no"),
                                        "thawd, verified": lambda: fetch("yes")})
    return [{"what": name, "connections": connections, **spread(each), "unit": "pages/s",
             "ratio": ratio(each, values["nbdkit"]),
             **({"target": TARGET, "met": ratio(each, values["nbdkit"]) >= TARGET}
                if name == "thawd" else {})}
            for name, each in values.items()]
