# SPDX-License-Identifier: Apache-2.0
"""A server that listens in, and one that misbehaves: a proxy in front of a thawd
(docs/protocol.md)."""
import socket
import struct
import threading

HEADER = 32
GET = 12
DATA = 13
DATA_HEADER = 16  # in front of the pages of a DATA


def read_exactly(connection, size):
    data = bytearray()
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return bytes(data)


def read_message(connection):
    """Its type and all of its bytes."""
    header = read_exactly(connection, HEADER)
    kind, _, length = struct.unpack_from("<HHI", header, 4)
    return kind, header + read_exactly(connection, length)


class Cut(Exception):
    """Raised by tamper(): send these bytes and close the connection."""

    def __init__(self, data):
        super().__init__()
        self.data = data


class Proxy:
    """Notes every page that is asked for.  tamper(message) may change a DATA before it is
    passed on, or raise Cut."""

    def __init__(self, port, tamper=lambda message: message):
        self.server = ("127.0.0.1", port)
        self.tamper = tamper
        self.pages = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, name):
        return f"tcp://127.0.0.1:{self.port}/{name}"

    def close(self):
        self.listener.close()

    kill = close

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.server)
            for end in client, server:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for pump in self.pass_requests, self.pass_replies:
                threading.Thread(target=self.run, args=(pump, client, server),
                                 daemon=True).start()

    def run(self, pump, client, server):
        try:
            while True:
                pump(client, server)
        except OSError:
            pass
        for end in client, server:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def pass_requests(self, client, server):
        kind, message = read_message(client)
        if kind == GET:
            self.note(message[HEADER:])
        server.sendall(message)

    def note(self, request):
        _, count = struct.unpack_from("<II", request)
        for first, pages in struct.iter_unpack("<QI", request[8:8 + 12 * count]):
            self.pages += range(first, first + pages)

    def pass_replies(self, client, server):
        kind, message = read_message(server)
        try:
            client.sendall(self.tamper(message) if kind == DATA else message)
        except Cut as cut:
            client.sendall(cut.data)
            raise ConnectionError from cut
