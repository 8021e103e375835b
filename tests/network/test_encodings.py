# SPDX-License-Identifier: Apache-2.0
"""Pages that do not decode, unfold into too much, or are those of something else."""
import pytest
import wire
from outcomes import ended
from proxy import lasting
from wire import DATA, LZ4, PAGE, ZERO, ZSTD

# One literal, then a match of itself that goes on for bytes * 255 (the LZ4 block format).
LZ4_BOMB = b"\x1fA\x01\x00" + b"\xff" * 4000 + b"\x00\x50AAAAA"
# A frame of one segment (RFC 8878) that says it has 2^31 bytes, in blocks of one byte, repeated.
ZSTD_BOMB = b"\x28\xb5\x2f\xfd\xa0" + (2**31).to_bytes(4, "little") + b"\x02\x00\x10A" * 900

WRONG = {
    "LZ4 bomb": (LZ4, LZ4_BOMB, 76),
    "LZ4 cut short": (LZ4, b"\xf0", 76),
    "LZ4 that looks behind its start": (LZ4, b"\x1fA\xff\xff\xff\x00", 76),
    "empty LZ4": (LZ4, b"", 76),
    "LZ4 as large as its page": (LZ4, bytes(PAGE), 76),
    "zstd bomb": (ZSTD, ZSTD_BOMB, 76),
    "zstd without its magic": (ZSTD, bytes(100), 76),
    "zstd cut short": (ZSTD, ZSTD_BOMB[:9], 76),
    "empty zstd": (ZSTD, b"", 76),
    "zeros, which it is not": (ZERO, b"", 65),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_page_that_does_not_decode(lab, server, snapshot, wrong):
    encoding, encoded, exit_code = WRONG[wrong]

    def act(link, message):
        link.answer(message.but(payload=wire.data_payload(encoding, wire.ranges_of(message),
                                                          encoded)))
    script = lasting(DATA, act, nth=5)
    outcome = lab.thaw(lab.proxy(server, script).url(snapshot.name), snapshot)
    ended(outcome, exit_code, "broke the protocol" if exit_code == 76 else "another digest")
