# SPDX-License-Identifier: Apache-2.0
"""When a monitor was executed and when it first entered its guest, by the host kernel's own trace.

The events are sched:sched_process_exec and kvm:kvm_entry, on the clock of time.monotonic(). The trace ends
with the first entry, so that what comes later is not slowed down.
"""
import re
from pathlib import Path

INSTANCE = Path("/sys/kernel/tracing/instances/thaw-bench")


class FirstEntry:
    def __enter__(self):
        INSTANCE.mkdir()
        self.write("trace_clock", "mono")
        self.write("events/kvm/kvm_entry/trigger", "traceoff if vcpu_pc != 0")
        self.write("events/kvm/kvm_entry/enable", 1)
        self.write("events/sched/sched_process_exec/enable", 1)
        self.write("tracing_on", 0)
        return self

    def __exit__(self, *exception):
        for event in "kvm/kvm_entry", "sched/sched_process_exec":
            self.write(f"events/{event}/enable", 0)
        INSTANCE.rmdir()

    @staticmethod
    def write(name, value):
        (INSTANCE / name).write_text(f"{value}\n")

    def arm(self):
        """The next entry into any guest is the one."""
        self.write("trace", "")
        self.write("tracing_on", 1)

    @staticmethod
    def has_entered():
        return (INSTANCE / "tracing_on").read_text().strip() == "0"

    def read(self, pid):
        """When the process pid was executed, and the first entry; seconds."""
        text = (INSTANCE / "trace").read_text()
        executed = re.search(rf" (\d+\.\d+): sched_process_exec: .* pid={pid} ", text)
        entered = re.search(r" (\d+\.\d+): kvm_entry: ", text)
        assert executed and entered, text
        return float(executed.group(1)), float(entered.group(1))
