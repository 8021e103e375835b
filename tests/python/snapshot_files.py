# SPDX-License-Identifier: Apache-2.0
"""Snapshots as files (docs/snapshot-format.md), for tests that compare or damage them."""
import hashlib
import json
import os
import shutil
import struct
from pathlib import Path

PAGE = 4096
INDEX_HEADER = 32
BLOCK_PAGES = 512
ENTRY = 24
FRAME_PAGES = 16
RAW = 0


class SnapshotFiles:
    """One snapshot in a directory store."""

    def __init__(self, store, name):
        self.store = Path(store)
        self.name = name
        self.id = (self.store / "refs" / name).read_text().strip()
        self.manifest = json.loads(self.path("manifests").read_bytes())

    @classmethod
    def copy(cls, store, name, target):
        """A copy whose files share their data until they are replaced."""
        shutil.copytree(store, target, copy_function=os.link)
        return cls(target, name)

    def path(self, kind):
        """Of its manifest, state, index or first pack; kind names the directory."""
        digest = {"manifests": lambda: self.id,
                  "state": lambda: self.manifest["state"],
                  "index": lambda: self.manifest["index"],
                  "packs": lambda: self.manifest["packs"][0]["digest"]}[kind]()
        return self.store / kind / digest

    def read(self, kind):
        return self.path(kind).read_bytes()

    def damage(self, kind, data):
        """Other bytes under the old name."""
        replace(self.path(kind), data)

    def put(self, kind, data):
        """An object under its right name; its digest."""
        digest = hashlib.sha256(data).hexdigest()
        replace(self.store / kind / digest, data)
        return digest

    def publish(self, manifest):
        """Let the name stand for another manifest."""
        text = manifest if isinstance(manifest, bytes) else json.dumps(
            manifest, sort_keys=True, separators=(",", ":")).encode()
        replace(self.store / "refs" / self.name, f"{self.put('manifests', text)}\n".encode())

    def frames(self):
        """Offset, size and encoding of each frame of the first pack."""
        data = self.read("packs")
        count = (self.manifest["packs"][0]["pages"] + FRAME_PAGES - 1) // FRAME_PAGES
        end = PAGE
        for encoding, size in struct.iter_unpack("<II", data[len(data) - 8 * count:]):
            offset = -(-end // PAGE) * PAGE if encoding == RAW else end
            yield offset, size, encoding
            end = offset + size

    def entries(self):
        """For each page its place in the page index: pack (from 1), page in it, hash; None for a
        page of zeros."""
        index = self.read("index")
        pages = struct.unpack_from("<Q", index, 16)[0]
        slots = (pages + BLOCK_PAGES - 1) // BLOCK_PAGES
        blocks = struct.unpack_from(f"<{slots}I", index, INDEX_HEADER)
        for page in range(pages):
            block = blocks[page // BLOCK_PAGES]
            entry = INDEX_HEADER + 4 * slots + ENTRY * (
                (block - 1) * BLOCK_PAGES + page % BLOCK_PAGES)
            place = struct.unpack_from("<II16s", index, entry) if block else (0,)
            yield place if place[0] else None

    def page_hashes(self):
        """For each page the hash in the page index, None for a page of zeros."""
        return [entry and entry[2] for entry in self.entries()]

    def first_pages(self, count):
        """Those that stand first in its last pack, in order."""
        last = len(self.manifest["packs"])
        places = {entry[1]: page for page, entry in enumerate(self.entries())
                  if entry and entry[0] == last}
        return [places[place] for place in range(min(count, len(places)))]

    def hint(self, name):
        return self.store / "ws" / self.id / name

    def record(self, name, touches):
        """A working set of one recording: pages, or (page, microseconds, vCPU)."""
        touches = [touch if isinstance(touch, tuple) else (touch, i, 0)
                   for i, touch in enumerate(touches)]
        data = b"THAWWSET" + struct.pack("<III", 1, 1, len(touches)) + b"".join(
            struct.pack("<IIHH", *touch, 0) for touch in touches)
        self.hint(name).parent.mkdir(exist_ok=True)
        self.hint(name).write_bytes(data + hashlib.sha256(data).digest())


def replace(path, data):
    """The old file may be shared with other stores, so it is never written to."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def flip(data, offset):
    """data with one bit changed."""
    changed = bytearray(data)
    changed[offset] ^= 0x10
    return bytes(changed)
