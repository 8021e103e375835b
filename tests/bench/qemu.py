# SPDX-License-Identifier: Apache-2.0
"""The QEMU benchmark: thaw beside QEMU (monitors.py), on one host, in turns.

  boot        from exec of the monitor to the guest's first instruction (first_entry.py), and to the first
              line of its init; 1 vCPU, 128 MiB; and then the monitor's private memory without guest RAM
  restore     from exec of "thaw restore", from a server on this host, to the guest's first instruction,
              by size of the guest, which has no more data for it (bare) or some (Linux)
  throughput  of disk and network in the guest. The disk is a file in memory, the network a tap with a
              program at its other end: what is measured is the monitor, not the medium
"""
import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from socket import create_server

from common import in_turns, ratio, run, spread
from first_entry import FirstEntry
from harness import GUESTS, Machine
from host import describe, print_description, set_delay
from monitors import MONITORS, Thaw
from processes import Server

BOOT_MIB = 128
RESTORE_MIB = [128, 512, 1024, 4096]
RESTORE_PAGES = 512  # of a bare guest that hold data
THROUGHPUT_MIB = 128
DISK_MIB = 64
STREAM_MIB = 32
RANDOM_READS = 1000
SEND_PORT, RECEIVE_PORT = 5001, 5002  # of tests/guests/throughput


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS),
                        metavar="PART", help=", ".join(PARTS))
    return parser.parse_args()


def compared(what, unit, values, most=None, least=None):
    """A row: both monitors, their ratio, and what that must be."""
    found = ratio(values["thaw"], values["qemu"])
    met = found <= most if most else found >= least if least else None
    return {"what": what, "unit": unit, "thaw": spread(values["thaw"]), "qemu": spread(values["qemu"]),
            "ratio": found, "target": most or least, "met": met}


# ---- boot ----

def private_mib(pid, ram_mib):
    """What the process has for itself, without the mapping that is guest RAM."""
    mappings, private = [], 0
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, *words = line.split()
        if name == "Size:":
            mappings.append(int(words[0]))
        elif name in ("Private_Clean:", "Private_Dirty:") and mappings[-1] != ram_mib << 10:
            private += int(words[0])
    assert mappings.count(ram_mib << 10) == 1, f"which of {mappings} is guest RAM?"
    return private / 1024


def boot_once(monitor, directory, trace):
    trace.arm()
    guest = monitor.start(directory, BOOT_MIB).booted()
    booted = time.monotonic()
    executed, entered = trace.read(guest.process.pid)
    memory = private_mib(guest.process.pid, BOOT_MIB)
    guest.poweroff()
    return entered - executed, booted - executed, memory


def boot(arguments, directory):
    with FirstEntry() as trace:
        boots = {name: lambda monitor=monitor: boot_once(monitor, directory, trace)
                 for name, monitor in MONITORS.items()}
        in_turns(1, boots)  # the programs are in the page cache from here on
        samples = in_turns(arguments.repeats, boots)
    entry, init, memory = ({name: [sample[i] for sample in samples[name]] for name in samples}
                           for i in range(3))
    yield compared("exec to first instruction", "ms", in_ms(entry), most=0.25)
    yield compared("exec to init", "ms", in_ms(init))
    row = compared("private memory of the monitor", "MiB", memory)
    yield {**row, "target": 5, "met": row["thaw"]["median"] <= 5}


def in_ms(samples):
    return {name: [1000 * value for value in values] for name, values in samples.items()}


# ---- restore ----

def freeze_bare(directory, url, mib):
    """Of any size with the same few pages in it, so that size is all that is different."""
    guest = Machine.boot(directory, "bare", kernel=GUESTS / "bare/paging", initrd=False,
                         machine__memory=f"{mib}M", rng__enabled="no")
    guest.send(f"fill {RESTORE_PAGES}\n")
    guest.expect(r"READY \d+ \d+")
    guest.snapshot(url)


def freeze_linux(directory, url, mib):
    """Its kernel keeps an account of all pages: 16 MiB for each GiB."""
    Thaw.start(directory, mib).booted().snapshot(url)


FREEZES = {"bare guest": freeze_bare, "Linux": freeze_linux}


def restore_once(directory, url, trace):
    trace.arm()
    guest = Thaw.restore(directory, url, "thawed", restore__prefetch="none")
    guest.until(lambda status: status["state"] == "running" and trace.has_entered())
    executed, entered = trace.read(guest.process.pid)
    guest.thaw("stop")
    guest.wait()
    return 1000 * (entered - executed)


def restore(arguments, directory):
    server = Server(directory)
    names = {what: [f"{what} of {mib} MiB" for mib in RESTORE_MIB] for what in FREEZES}
    for what, freeze in FREEZES.items():
        for mib, name in zip(RESTORE_MIB, names[what]):
            freeze(directory, server.url(name.replace(" ", "-")), mib)
    with FirstEntry() as trace:
        thaws = {name: lambda name=name:
                 restore_once(directory, server.url(name.replace(" ", "-")), trace)
                 for what in FREEZES for name in names[what]}
        in_turns(1, thaws)
        samples = in_turns(arguments.repeats, thaws)
    server.stop()
    for what in FREEZES:
        for name in names[what]:
            found = ratio(samples[name], samples[names[what][0]])
            yield {"what": f"restore to first instruction, {name}", "unit": "ms",
                   "thaw": spread(samples[name]), "qemu": None, "ratio": found, "target": 1.1,
                   "met": found <= 1.1}


# ---- throughput ----

def take_all(connection):
    while connection.recv(1 << 20):
        pass


def give_stream(connection):
    connection.sendall(bytes(STREAM_MIB << 20))


def serve(port, talk):
    """One connection after the other, for as long as we live."""
    def loop(listener):
        while True:
            with listener.accept()[0] as connection:
                talk(connection)
    threading.Thread(target=loop, args=(create_server(("", port)),), daemon=True).start()


def make_tap(name, address):
    run(["ip", "tuntap", "add", name, "mode", "tap"])
    run(["ip", "address", "add", f"{address}/24", "dev", name])
    run(["ip", "link", "set", name, "up"])


def start_with_devices(number, monitor, directory):
    """A guest with disk and network, and the host's address in that network."""
    host = f"192.168.{77 + number}.1"
    make_tap(f"tap{number}", host)
    disk = directory / f"disk{number}"
    disk.write_bytes(bytes(DISK_MIB << 20))
    guest = monitor.start(directory, THROUGHPUT_MIB, disk, f"tap{number}").booted()
    guest.seconds(f"address 192.168.{77 + number}.2")
    return guest, host


def throughput(arguments, directory):
    serve(SEND_PORT, take_all)
    serve(RECEIVE_PORT, give_stream)
    guests = {name: start_with_devices(number, monitor, directory)
              for number, (name, monitor) in enumerate(MONITORS.items())}
    for what, unit, amount, command in [
            ("disk, read, 1 MiB each", "MiB/s", DISK_MIB, f"read {DISK_MIB}"),
            ("disk, write, 1 MiB each", "MiB/s", DISK_MIB, f"write {DISK_MIB}"),
            ("disk, random read, 4 KiB each", "1/s", RANDOM_READS, f"random {RANDOM_READS}"),
            ("TCP, guest sends", "MiB/s", STREAM_MIB, f"send {{host}} {STREAM_MIB}"),
            ("TCP, guest receives", "MiB/s", STREAM_MIB, "receive {host}")]:
        rates = {name: lambda guest=guest, host=host:
                 amount / guest.seconds(command.format(host=host))
                 for name, (guest, host) in guests.items()}
        in_turns(1, rates)
        yield compared(what, unit, in_turns(arguments.repeats, rates), least=1)
    for guest, _ in guests.values():
        guest.poweroff()


PARTS = {"boot": boot, "restore": restore, "throughput": throughput}


# ---- output ----

def print_row(row):
    line = f"{row['what']:50} {row['unit']:>6}"
    for name in MONITORS:
        figures = row[name] or {}
        line += "".join(f"{figures.get(key, ''):>9}" for key in ("median", "least", "most"))
    verdict = {None: "", True: "met", False: "missed"}[row["met"]]
    print(f"{line} {row['ratio']:6.2f} {row['target'] or '':>6} {verdict}", flush=True)


def print_heading():
    columns = "".join(f"{name:>9}{'least':>9}{'most':>9}" for name in MONITORS)
    print(f"{'':57}{columns} {'ratio':>6} {'target':>6}")


def main():
    arguments = parse_arguments()
    host = {**describe(), "qemu": run(["qemu-system-aarch64", "--version"]).splitlines()[0]}
    print_description(host)
    print(host["qemu"])
    set_delay(0)
    print_heading()
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        for part in arguments.only:
            for row in PARTS[part](arguments, Path(directory)):
                print_row(row)
                rows.append(row)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"host": host, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
