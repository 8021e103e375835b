# SPDX-License-Identifier: Apache-2.0
"""Messages of thaw's protocol (docs/protocol.md), sound or not."""
import dataclasses
import struct
import zlib

HEADER = 32
DATA_PREFIX = 20  # in front of the pages of a DATA of one range
PAGE = 4096
LAST = 1
PAGE_UNASKED = 2**64 - 1

(HELLO, HELLO_OK, ERROR, RESOLVE, RESOLVE_OK, OPEN, OPEN_OK, LOAD, OBJECT, HOLDS, HOLDS_OK, GET,
 DATA, PUT_BEGIN, PUT_READY, PUT_DATA, PUT_END, PUT_OK, PUBLISH, PUBLISH_OK, LIST, LIST_OK,
 GOAWAY) = range(1, 24)

RAW, ZERO, LZ4, ZSTD = range(4)


def header(kind, flags=0, length=0, handle=0, number=0, reserved=0):
    """With a right checksum, whatever the rest is."""
    start = struct.pack("<4sHHIIQI", b"THAW", kind, flags, length, handle, number, reserved)
    return start + struct.pack("<I", zlib.crc32(start))


@dataclasses.dataclass(frozen=True)
class Message:
    """length None is that of the payload; number is the id of the request."""
    kind: int
    payload: bytes = b""
    flags: int = 0
    handle: int = 0
    number: int = 0
    length: int = None
    reserved: int = 0

    @classmethod
    def read(cls, head, payload):
        kind, flags, _, handle, number = struct.unpack_from("<4xHHIIQ", head)
        return cls(kind, payload, flags, handle, number)

    def but(self, **changes):
        return dataclasses.replace(self, **changes)

    def __bytes__(self):
        length = len(self.payload) if self.length is None else self.length
        return header(self.kind, self.flags, length, self.handle, self.number,
                      self.reserved) + self.payload


def ranges_of(message):
    """(first, count) of each range of a GET or DATA."""
    count = struct.unpack_from("<I", message.payload, 4)[0]
    return list(struct.iter_unpack("<QI", message.payload[8:8 + 12 * count]))


def data_payload(encoding, ranges, encoded):
    return (struct.pack("<II", encoding, len(ranges)) +
            b"".join(struct.pack("<QI", *each) for each in ranges) + encoded)


def pages_of(message):
    """The bytes behind the ranges of a DATA."""
    return message.payload[8 + 12 * len(ranges_of(message)):]


def error(code, text=b"so says the proxy", number=0):
    return Message(ERROR, struct.pack("<I", code) + text, number=number)


def goaway(milliseconds=1000):
    return Message(GOAWAY, struct.pack("<I", milliseconds))
