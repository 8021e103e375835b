# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of real vCPUs share: which host this is, and a network that takes its time."""
import datetime
import os
import platform
import subprocess
from pathlib import Path


def describe():
    """A figure means nothing without."""
    compatible = Path("/sys/firmware/devicetree/base/compatible")
    words = compatible.read_text(errors="replace") if compatible.exists() else ""
    return {"date": datetime.date.today().isoformat(), "kernel": platform.release(),
            "cpus": os.cpu_count(), "emulated": "QEMU" in words or "dummy-virt" in words}


def print_description(host):
    print(f"host: Linux {host['kernel']}, {host['cpus']} CPUs, {host['date']}, "
          f"{'emulated (TCG): ratios hold, times do not' if host['emulated'] else 'native'}",
          flush=True)


def set_delay(delay_us):
    """A round trip on the loopback of our own network namespace (unshare --net)."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], stderr=subprocess.DEVNULL,
                   check=False)
    if delay_us:
        subprocess.run(["tc", "qdisc", "add", "dev", "lo", "root", "netem", "limit", "100000",
                        "delay", f"{delay_us // 2}us"], check=True)
