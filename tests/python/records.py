# SPDX-License-Identifier: Apache-2.0
"""A proxy's link that passes on TLS records in place of messages, without any key."""
import dataclasses
import struct

from proxy import Link

HEADER = 5

KINDS = range(20, 24)
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, DATA = KINDS


@dataclasses.dataclass(frozen=True)
class Record:
    """In TLS 1.3 everything behind the two hellos is DATA."""
    kind: int
    version: int
    body: bytes

    def but(self, **changes):
        return dataclasses.replace(self, **changes)

    def __bytes__(self):
        return struct.pack(">BHH", self.kind, self.version, len(self.body)) + self.body


class RecordLink(Link):
    """Proxy(..., link=RecordLink) for a server in TLS."""

    def read(self, end):
        kind, version, length = struct.unpack(">BHH", self.read_exactly(end, HEADER))
        if kind not in KINDS:  # in the clear; there is no length to wait for
            length = 0
        return Record(kind, version, self.read_exactly(end, length))

    def from_server(self):
        return self.receiver is self.client
