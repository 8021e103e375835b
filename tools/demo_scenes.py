# SPDX-License-Identifier: Apache-2.0
"""The demo inside the arm64 host: demo_scenes.py emulated|real RESULT.json

The guest runs witness (tests/guests/linux/witness.c), which holds a random nonce and 32 MiB of data
derived from it in RAM, and on no disk. What it answers after a thaw came through the snapshot.
"""
import json
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "python")]
from harness import Lab  # noqa: E402

MEMORY = "256M"
CMDLINE = "console=ttyS0 quiet panic=-1 witness.mib=32"


def say(text):
    print(text, flush=True)


class Guest:
    """A machine, and what its guest answers."""

    def __init__(self, start):
        """The nonce is asked for first: a small request that needs few of the pages."""
        started = time.monotonic()
        self.machine = start()
        self.nonce = self.machine.ask("nonce")
        self.first_answer_ms = (time.monotonic() - started) * 1000
        say(f"its first answer, after {self.first_answer_ms / 1000:.2f} s: {self.nonce}")

    def account(self):
        """Uptime, and a digest that reads all of the data."""
        self.uptime = self.machine.number("uptime")
        self.asked = time.monotonic()
        say(f"up {self.uptime:.2f} s; now it reads all of its data")
        self.digest = self.machine.ask("digest")
        say(self.digest)

    def continues(self, before):
        """Its clock went on from the freeze: not back to zero, and no faster than ours."""
        return before.uptime <= self.uptime <= before.uptime + self.asked - before.asked + 1

    def stop(self):
        self.machine.thaw("stop")
        self.machine.wait()


def boot(lab, name):
    return Guest(lambda: lab.boot(name, machine__memory=MEMORY, kernel__cmdline=CMDLINE).ready())


def freeze(lab, url):
    say("boot a guest: thaw run")
    guest = boot(lab, "original")
    guest.account()
    say(f"freeze it to the server: thaw snapshot original {url} --then stop")
    statistics = guest.machine.snapshot(url)
    say(f"sent {statistics['written']} of {statistics['pages']} pages in "
        f"{statistics['pause_ms'] / 1000:.1f} s; the machine is gone")
    return guest, statistics


def thaw_lazily(lab, url):
    say(f"thaw it page by page: thaw restore {url}")
    guest = Guest(lambda: lab.restore(url, "lazy", restore__prefetch="none"))
    guest.status_at_answer = guest.machine.status()
    guest.account()
    guest.status = guest.machine.status()
    guest.stop()
    return guest


def thaw_eagerly(lab, url):
    say(f"thaw it all at once: thaw restore {url} --set restore.mode=eager")
    guest = Guest(lambda: lab.restore(url, "eager", restore__mode="eager"))
    guest.status = guest.machine.status()
    guest.account()
    guest.stop()
    return guest


def boot_cold(lab):
    say("boot another guest, for comparison: thaw run")
    guest = boot(lab, "cold")
    guest.stop()
    return guest


def result(host, before, frozen, lazy, eager, cold):
    thawed = lazy, eager
    pages, faults, latency = (lazy.status[key] for key in ("pages", "faults", "latency_us"))
    return {
        "host": host,
        "nonce_ok": all(guest.nonce == before.nonce for guest in thawed),
        "data_ok": before.digest.endswith(" ok")
        and all(guest.digest == before.digest for guest in thawed),
        "uptime_continues": all(guest.continues(before) for guest in thawed),
        "cold_nonce_differs": cold.nonce != before.nonce,
        "fault_mode": lazy.status["fault_mode"],
        "transport": lazy.status["snapshot"]["url"].split(":")[0],
        "freeze_ms": frozen["pause_ms"],
        "pages_total": frozen["pages"],
        "pages_zero": frozen["zero"],
        "pages_fetched": pages["fetched"],
        "pages_never_touched": frozen["pages"] - frozen["zero"] - pages["fetched"],
        "pages_fetched_first_answer": lazy.status_at_answer["pages"]["fetched"],
        "demand_faults": faults["vcpu"] + faults["device"] + faults["service"],
        "bytes_received": lazy.status["remote"]["bytes_received"],
        "bytes_received_first_answer": lazy.status_at_answer["remote"]["bytes_received"],
        "bytes_received_eager": eager.status["remote"]["bytes_received"],
        "first_answer_ms": {"cold": cold.first_answer_ms, "eager": eager.first_answer_ms,
                            "lazy": lazy.first_answer_ms},
        "fault_us": {key: latency["total"][key] for key in ("p50", "p99")},
    }


def main():
    host, path = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory, Lab(directory) as lab:
        url = lab.server().url("demo")
        before, frozen = freeze(lab, url)
        lazy = thaw_lazily(lab, url)
        eager = thaw_eagerly(lab, url)
        cold = boot_cold(lab)
    text = json.dumps(result(host, before, frozen, lazy, eager, cold), indent=2)
    Path(path).write_text(text + "\n")


main()
