"""A Roughtime server for tests: own keys, real UDP on loopback, a clock that can be off.

Written from RFC 10049 and the drafts before it, apart from the reader that it tests and with
another layout of code, so that one misreading does not hide the other.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

RFC, DRAFT = 1, 0x8000000C


def half(data: bytes) -> bytes:
    return hashlib.sha512(data).digest()[:32]


def encode(**tags: bytes) -> bytes:
    """Tags by name, padded to four letters, in the order of their numbers."""
    rows = sorted((name.ljust(4, "\0").encode()[::-1], value) for name, value in tags.items())
    out = struct.pack("<I", len(rows))
    for number in range(1, len(rows)):
        out += struct.pack("<I", sum(len(value) for _, value in rows[:number]))
    return out + b"".join(name[::-1] for name, _ in rows) + b"".join(value for _, value in rows)


@dataclass
class Roughtime:
    """What it says, and in what it errs."""

    ahead: float = 0.0
    """Seconds by which its clock is ahead."""
    radius: int = 1
    neighbours: int = 0
    """Requests of others in the same tree, before ours."""
    fault: str = ""
    version: int = RFC
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    online: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    asked: int = 0

    @property
    def public(self) -> str:
        return base64.b64encode(self.key.public_key().public_bytes_raw()).decode()

    def answer(self, packet: bytes) -> bytes:
        self.asked += 1
        at = packet.index(b"ZZZZ") + 4  # the last tag's name; values follow
        count = struct.unpack_from("<I", packet, 12)[0]
        names = [packet[at - 4 * (count - n) : at - 4 * (count - n - 1)] for n in range(count)]
        starts = [0, *struct.unpack_from(f"<{count - 1}I", packet, 16)]
        place = names.index(b"NONC")
        nonce = packet[at + starts[place] : at + starts[place + 1]]

        name = {RFC: b"Roughtime", DRAFT: b"RoughTime"}.get(self.version, b"")
        root, index, path = self._tree(packet)
        midpoint = int(time.time() + self.ahead)
        window = (midpoint - 3600, midpoint + 3600)
        if self.fault == "expired":
            window = (midpoint - 7200, midpoint - 3600)
        delegation = encode(
            PUBK=self.online.public_key().public_bytes_raw(),
            MINT=struct.pack("<Q", window[0]),
            MAXT=struct.pack("<Q", window[1]),
        )
        signer = Ed25519PrivateKey.generate() if self.fault == "other key" else self.key
        dele_sig = signer.sign(name + b" v1 delegation signature\0" + delegation)
        radius = 0 if self.fault == "no radius" else self.radius
        signed = encode(
            VER=struct.pack("<I", self.version),
            RADI=struct.pack("<I", radius),
            MIDP=struct.pack("<Q", midpoint),
            VERS=struct.pack("<I", self.version),
            ROOT=half(b"elsewhere") if self.fault == "other root" else root,
        )
        signature = self.online.sign(name + b" v1 response signature\0" + signed)
        if self.fault == "altered":
            signed = signed[:-40] + bytes([signed[-40] ^ 1]) + signed[-39:]
        body = encode(
            SIG=signature,
            NONC=bytes(32) if self.fault == "other nonce" else nonce,
            TYPE=struct.pack("<I", 1),
            PATH=path,
            SREP=signed,
            CERT=encode(DELE=delegation, SIG=dele_sig),
            INDX=struct.pack("<I", index),
        )
        return b"ROUGHTIM" + struct.pack("<I", len(body)) + body

    def _tree(self, packet: bytes) -> tuple[bytes, int, bytes]:
        """Root, our index, and our siblings from leaf to root; the tree is filled up."""
        leaves = [half(b"\0" + f"request {n}".encode()) for n in range(self.neighbours)]
        index = len(leaves)
        leaves.append(half(b"\0" + packet))
        row, at, path = leaves, index, b""
        while len(row) > 1:
            if len(row) % 2:
                row.append(half(b"filled up"))
            path += row[at ^ 1]
            row = [half(b"\1" + row[n] + row[n + 1]) for n in range(0, len(row), 2)]
            at //= 2
        return row[0], index, path


@contextmanager
def serving(server: Roughtime) -> Iterator[str]:
    """Its address while it serves."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))
        link.settimeout(0.1)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    packet, who = link.recvfrom(4096)
                except TimeoutError:
                    continue
                if server.fault != "silent":
                    link.sendto(server.answer(packet), who)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{link.getsockname()[1]}"
        finally:
            done.set()
            thread.join()
