# SPDX-License-Identifier: Apache-2.0
"""A proxy in front of a thawd that listens in, and misbehaves as a script says.

A script is called as script(link, message) for each message of either side and passes it on, in
the way of pass_on(), or not.  An act(link, message) is what a script does to one message:

    Proxy(server.port, once(wire.DATA, cut_at(40), nth=10))
"""
import itertools
import select
import socket
import struct
import threading
import time

import wire


def pass_on(link, message):
    link.send(message)


class Ended(Exception):
    """The link is closed, or its peer is gone."""


class Link:
    """A client's connection through the proxy.  One thread serves both directions."""

    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.client = client
        self.server = server
        self.receiver = None  # of the message that is being passed on
        for end in client, server:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self):
        try:
            while True:
                for end in select.select([self.client, self.server], [], [])[0]:
                    self.receiver = self.client if end is self.server else self.server
                    self.proxy.handle(self, self.read(end))
        except (Ended, OSError, ValueError):
            self.close()

    def read(self, end):
        head = self.read_exactly(end, wire.HEADER)
        length = struct.unpack_from("<I", head, 8)[0]
        return wire.Message.read(head, self.read_exactly(end, length))

    @staticmethod
    def read_exactly(end, size):
        data = bytearray()
        while len(data) < size:
            more = end.recv(size - len(data))
            if not more:
                raise Ended
            data += more
        return bytes(data)

    def send(self, message):
        """To the end that did not send it."""
        self.receiver.sendall(bytes(message))

    def answer(self, data):
        """Bytes, or a Message, to the client."""
        self.client.sendall(bytes(data))

    def close(self):
        for end in self.client, self.server:
            end.close()

    def cut(self):
        """A clean end of both connections."""
        raise Ended

    def reset(self):
        """RST to the client, instead of what has not yet been read there."""
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Ended

    def vanish(self):
        """No more from either side, and no end: a host that has lost its power."""
        self.proxy.ending.wait()
        raise Ended


class Proxy:
    """server_port is where a thawd listens; port, by default a free one, where clients do.  link
    knows what passes on a connection."""

    def __init__(self, server_port, script=pass_on, port=0, link=Link):
        self.server_port = server_port
        self.link = link
        self.script = script
        self.pages = []  # that were asked for
        self.links = []
        self.ending = threading.Event()
        self.port = port
        self.listen()

    def url(self, name):
        return f"tcp://127.0.0.1:{self.port}/{name}"

    def listen(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        self.start(self.accept, self.listener)

    def refuse(self):
        """Refuse connections, until listen()."""
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()

    def drop(self):
        """Reset what is connected."""
        for link in self.links:
            try:
                link.client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def kill(self):
        self.ending.set()
        try:
            self.refuse()
        except OSError:
            pass
        self.drop()

    @staticmethod
    def start(target, *arguments):
        threading.Thread(target=target, args=arguments, daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.server_port))
            except OSError:
                client.close()
                continue
            self.links.append(self.link(self, client, server))
            self.start(self.links[-1].run)

    def handle(self, link, message):
        if message.kind == wire.GET:
            for first, count in wire.ranges_of(message):
                self.pages += range(first, first + count)
        self.script(link, message)


# --- scripts ---

class Nth:
    """Do acts to messages of one kind, counted over all links: acts(n) is the act for number n,
    or None.  hits is how often it has."""

    def __init__(self, kind, acts):
        self.kind = kind
        self.acts = acts
        self.count = itertools.count()
        self.hits = 0

    def __call__(self, link, message):
        act = self.acts(next(self.count)) if message.kind == self.kind else None
        if act:
            self.hits += 1
        (act or pass_on)(link, message)


def once(kind, act, nth):
    return Nth(kind, lambda n: act if n == nth else None)


def lasting(kind, act, nth):
    """From number nth on."""
    return Nth(kind, lambda n: act if n >= nth else None)


def each(kind, acts, nth, step=3):
    """One act after the other, step messages apart."""
    def find(n):
        place, rest = divmod(n - nth, step)
        return acts[place] if not rest and 0 <= place < len(acts) else None
    return Nth(kind, find)


def after(first, second):
    """second, once first has done what it does."""
    return lambda link, message: (second if first.hits else first)(link, message)


# --- acts ---

def change(edit):
    """Send what edit(message) makes of it: a Message or bytes."""
    return lambda link, message: link.answer(edit(message))


def flip(offset):
    """One bit of a byte."""
    def edit(message):
        data = bytearray(bytes(message))
        data[offset] ^= 0x10
        return bytes(data)
    return change(edit)


def cut_at(length):
    def act(link, message):
        link.answer(bytes(message)[:length])
        link.cut()
    return act


def reset_at(length):
    def act(link, message):
        link.answer(bytes(message)[:length])
        link.reset()
    return act


def vanish_at(length):
    def act(link, message):
        link.answer(bytes(message)[:length])
        link.vanish()
    return act


def trickle(seconds):
    """One byte now and then."""
    def act(link, message):
        for byte in bytes(message):
            link.answer(bytes([byte]))
            time.sleep(seconds)
    return act


def before(extra):
    """extra(message) comes first."""
    def act(link, message):
        link.answer(bytes(extra(message)) + bytes(message))
    return act


def behind(extra):
    def act(link, message):
        link.answer(bytes(message) + bytes(extra(message)))
    return act
