# SPDX-License-Identifier: Apache-2.0
"""Print what the demo measured as a table: demo_summary.py RESULT.json"""
import json
import sys
from pathlib import Path

PAGE = 4096
MIB = 1 << 20


def row(name, *cells):
    print(f"{name:28}" + "".join(f"{cell:>12}" for cell in cells))


def line(name, text):
    print(f"{name:30}{text}")


def seconds(milliseconds):
    return f"{milliseconds / 1000:.2f} s"


def mib(size):
    return f"{size / MIB:.1f} MiB"


def verdicts(result):
    names = {"nonce_ok": "nonce", "data_ok": "32 MiB of data", "uptime_continues": "uptime"}
    good = [name for key, name in names.items() if result[key]]
    bad = [name for key, name in names.items() if not result[key]]
    return ", ".join(good) + (f"; LOST: {', '.join(bad)}" if bad else "")


def main():
    result = json.loads(Path(sys.argv[1]).read_text())
    first = result["first_answer_ms"]
    row("", "cold boot", "eager", "lazy")
    row("time to the first answer", *(seconds(first[key]) for key in ("cold", "eager", "lazy")))
    row("received by then", "-", mib(result["bytes_received_eager"]),
        mib(result["bytes_received_first_answer"]))
    print()
    line("intact after both thaws", verdicts(result))
    line("pages of 4 KiB", f"{result['pages_total']} total = {result['pages_zero']} zero "
         f"+ {result['pages_fetched']} on demand + {result['pages_never_touched']} never touched")
    line("received, all data read", f"{mib(result['bytes_received'])} over {result['transport']} "
         f"for {mib(result['pages_fetched'] * PAGE)} of pages")
    line("fault latency", f"p50 {result['fault_us']['p50']:.0f} us, "
         f"p99 {result['fault_us']['p99']:.0f} us, {result['demand_faults']} faults")
    line("fault mode", result["fault_mode"])
    line("freeze and upload", seconds(result["freeze_ms"]))
    print("\nTimes run from the start of the thaw process to the guest's answer on its console.\n"
          "Pages and faults are those of the lazy thaw, after it read all of its 32 MiB.")
    if result["host"] == "emulated":
        print("The host is emulated: compare times with each other, not with hardware.")


main()
