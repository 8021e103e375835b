# SPDX-License-Identifier: Apache-2.0
"""As much of redis's protocol as is needed here (redis.io, RESP)."""


class Redis:
    """A client; stream: a connected socket."""

    def __init__(self, stream):
        self.socket = stream
        self.file = stream.makefile("rb")

    def call(self, *words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        message = b"*%d\r\n" % len(parts)
        for part in parts:
            message += b"$%d\r\n%s\r\n" % (len(part), part)
        self.socket.sendall(message)
        head = self.file.readline()
        if head[:1] != b"$":
            return head.rstrip()
        return self.file.read(int(head[1:]) + 2)[:-2]
