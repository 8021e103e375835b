# SPDX-License-Identifier: Apache-2.0
"""The control socket, held against docs/openapi.json."""
import http.client
import json
import re
import socket
from pathlib import Path

import pytest
from harness import THAW
from processes import Process

API = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text())
TYPES = {"object": dict, "string": str, "integer": int, "number": (int, float), "boolean": bool,
         "array": list}


class Connection(http.client.HTTPConnection):
    """HTTP over the socket of a machine."""

    def __init__(self, path):
        super().__init__("thaw", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def ask(vm, method, target, body=None):
    connection = Connection(vm.socket)
    connection.request(method, target, body)
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    return reply.status, reply.getheader("Content-Type"), text


def follow(schema):
    while "$ref" in schema:
        schema = API["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def check(schema, value, where="reply"):
    """What of JSON Schema the file uses."""
    schema = follow(schema)
    if value is None and schema.get("nullable"):
        return
    assert isinstance(value, TYPES[schema["type"]]), (where, value)
    assert value in schema.get("enum", [value]), (where, value)
    if schema["type"] == "object":
        for key in schema.get("required", []):
            assert key in value, (where, key)
        for key, inner in value.items():
            known = schema.get("properties", {})
            assert key in known or schema.get("additionalProperties", True), (where, key)
            check(known.get(key, {"type": "object"}) if key in known else {"type": type_of(inner)},
                  inner, f"{where}.{key}")


def type_of(value):
    return next(name for name, kind in TYPES.items() if isinstance(value, kind)) \
        if value is not None else "object"


def check_reply(target, method, status, content_type, text):
    answers = API["paths"][target][method.lower()]["responses"]
    content = answers[str(status)]["content"]
    assert content_type in content, (target, content_type)
    if content_type == "application/json":
        check(content[content_type]["schema"], json.loads(text))


def exchange(vm, method, target, body=None, status=200):
    got, content_type, text = ask(vm, method, target, body)
    assert got == status, text
    check_reply(target, method, got, content_type, text)
    return json.loads(text)


def test_every_request_answers_as_described(lab, frozen):
    vm = lab.restore(frozen.url, restore__record="set", restore__prefetch="none")
    assert vm.ask("nonce") == frozen.nonce
    exchange(vm, "GET", "/v1/status")
    exchange(vm, "POST", "/v1/pause")
    assert exchange(vm, "GET", "/v1/status")["state"] == "paused"
    exchange(vm, "POST", "/v1/resume")
    url = lab.url("new")
    exchange(vm, "POST", "/v1/snapshot", json.dumps({"url": url, "then": "resume"}))
    exchange(vm, "POST", "/v1/snapshot", "{}", status=400)
    exchange(vm, "POST", "/v1/snapshot", "[]", status=400)
    exchange(vm, "POST", "/v1/snapshot", json.dumps({"url": url, "then": "fly"}), status=400)
    exchange(vm, "POST", "/v1/snapshot", json.dumps({"url": "dir:/proc/none/x"}), status=500)
    exchange(vm, "POST", "/v1/stop")
    assert vm.wait() == 0


def test_the_description_and_the_server_know_the_same_requests(lab):
    vm = lab.boot().ready()
    status, _, text = ask(vm, "GET", "/v1/none")
    assert status == 404
    named = set(re.findall(r"/v1/[a-z]+", json.loads(text)["error"]))
    assert named == set(API["paths"])
    for target, methods in API["paths"].items():
        other = "POST" if "get" in methods else "GET"
        assert ask(vm, other, target)[0] == 404
    vm.poweroff()


def listen(lab, vm):
    return lab.keep(Process([THAW, "ctl", vm.socket, "GET", "/v1/events"],
                            lab.path(f"{vm.name}-events.log")))


def events_of(listener):
    assert listener.wait() == 0
    events = [json.loads(line) for line in listener.output.decode().splitlines()]
    for event in events:
        check({"$ref": "#/components/schemas/Event"}, event)
    assert [event["seq"] for event in events] == list(range(len(events)))
    return events


def test_events_of_a_thaw(lab, frozen):
    server = lab.server(store=frozen.store)
    vm = lab.restore(server.url(frozen.name), remote__fault_deadline="500ms",
                     remote__stall_timeout="60s", restore__prefetch="none")
    assert vm.ask("nonce") == frozen.nonce
    listener = listen(lab, vm)
    listener.expect("first-fault")
    vm.thaw("pause")
    vm.thaw("resume")
    server.kill()
    vm.send("digest\n")
    listener.expect("stalled")
    lab.server(store=frozen.store, port=server.port)
    vm.expect(frozen.digest)
    vm.snapshot(lab.url("new"), then="resume")
    vm.poweroff()
    events = events_of(listener)
    names = [event["event"] for event in events]
    assert names == ["thawed", "first-fault", "paused", "resumed", "stalled", "recovered",
                     "frozen", "ended"]
    assert events[-1]["why"] == "powered off" and events[-1]["exit_code"] == 0
    assert events[6]["pause_ms"] <= events[6]["total_ms"]


@pytest.mark.parametrize("command, why, code",
                         [("reboot", "asked for a reset", 32), ("poweroff", "powered off", 0)])
def test_events_of_a_boot_and_its_end(lab, command, why, code):
    vm = lab.boot().ready()
    listener = listen(lab, vm)
    listener.expect("booted")
    vm.send(command + "\n")
    assert vm.wait() == code
    events = events_of(listener)
    assert [event["event"] for event in events] == ["booted", "ended"]
    assert (events[1]["why"], events[1]["exit_code"]) == (why, code)


def test_ctl_says_what_the_machine_refuses(lab):
    vm = lab.boot().ready()
    assert json.loads(vm.thaw("ctl", "GET", "/v1/status").stdout)["state"] == "running"
    done = vm.thaw("ctl", "POST", "/v1/snapshot", '{"url": "nowhere"}', check=False)
    assert done.returncode == 64 and "nowhere" in done.stderr
    done = vm.thaw("ctl", "GET", "/v1/none", check=False)
    assert done.returncode == 64 and "no such request" in done.stderr
    vm.poweroff()
