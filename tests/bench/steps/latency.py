# SPDX-License-Identifier: Apache-2.0
"""Demand latency at depth 1 over loopback, against the barest ping-pong of the same sizes."""
from common import bench, in_turns, ratio, spread, thawd

TARGET = 1.3  # x the ping-pong, p50


def run(context):
    def p50(*arguments):
        report = bench(*arguments, "--seconds", context.seconds)
        return report["round_us" if arguments[0] == "ping" else "latency_us"]["p50"]

    with thawd(context.store) as url:
        values = in_turns(context.repeats, {
            "ping-pong": lambda: p50("ping"),
            "fetch": lambda: p50("fetch", f"{url}/full", "--verify=no"),
            "fetch, verified": lambda: p50("fetch", f"{url}/full"),
        })
    return [{"what": name, **spread(each), "unit": "us, p50",
             "ratio": ratio(each, values["ping-pong"]),
             **({"target": TARGET, "met": ratio(each, values["ping-pong"]) <= TARGET}
                if name == "fetch" else {})}
            for name, each in values.items()]
