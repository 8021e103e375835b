# SPDX-License-Identifier: Apache-2.0
"""What an operator sees of a machine: its figures as JSON, for Prometheus, and on one line."""
import http.client
import json
import socket

import pytest
from processes import PATIENCE


class UnixConnection(http.client.HTTPConnection):
    """HTTP to a control socket."""

    def __init__(self, path):
        super().__init__("vm", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def get(vm, target):
    connection = UnixConnection(vm.socket)
    connection.request("GET", target)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["Content-Type"], text


def metrics(vm):
    status, content_type, text = get(vm, "/v1/metrics")
    assert (status, content_type) == (200, "text/plain; version=0.0.4")
    lines = [line for line in text.splitlines() if line]
    helped = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    values = dict(line.rsplit(" ", 1) for line in lines if line[0] != "#")
    for name in values:
        base = name.split("{")[0]
        assert helped & {base, *(base.removesuffix(f"_{end}") for end in ("bucket", "sum", "count"))}
    return {name: float(value) for name, value in values.items()}


@pytest.mark.parametrize("transport", ["dir", "tcp"])
def test_metrics_are_the_figures_of_the_status(lab, frozen, transport):
    server = lab.server(store=frozen.store)
    url = frozen.url if transport == "dir" else server.url(frozen.name)
    vm = lab.restore(url, restore__prefetch="all")
    assert frozen.is_intact_in(vm)
    status = vm.until(lambda status: status["resident"])
    values = metrics(vm)
    assert values["thaw_pages"] == status["pages"]["total"]
    assert values["thaw_pages_missing"] == 0 and values["thaw_paused"] == 0
    for kind in "vcpu", "device", "service", "prefetch":
        assert values[f'thaw_faults_total{{class="{kind}"}}'] == status["faults"][kind]
    for part, latency in status["latency_us"].items():
        assert values[f'thaw_fault_seconds_count{{part="{part}"}}'] == latency["samples"]
        buckets = [value for name, value in values.items()
                   if name.startswith(f'thaw_fault_seconds_bucket{{part="{part}"')]
        assert buckets == sorted(buckets) and buckets[-1] == latency["samples"]
    assert 'thaw_vcpu_blocked_seconds_total{vcpu="0"}' in values
    servers = [name for name in values if name.startswith("thaw_server_fetches_total")]
    assert len(servers) == (transport == "tcp")
    time, present, demand, prefetched = status["timeline_ms"][-1]
    assert time > 0 and present == demand + prefetched == status["pages"]["total"]
    vm.poweroff()


def test_booted_machine_has_no_figures_of_paging(lab):
    vm = lab.boot().ready()
    assert metrics(vm) == {"thaw_paused": 0}
    assert not {"faults", "latency_us", "timeline_ms"} & set(vm.status())
    status, _, text = get(vm, "/v1/nothing")
    assert status == 404 and "/v1/metrics" in json.loads(text)["error"]
    vm.poweroff()
