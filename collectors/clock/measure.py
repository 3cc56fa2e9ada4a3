"""Measuring this machine's clock: what its NTP daemon says, and what Roughtime servers sign.

Every exchange stands between two readings of the wall clock and of the monotonic clock, which no
one sets: were the wall clock set in between, their difference would show it. Nothing is
interpreted here; programs that are not installed are said to be absent.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.clock import roughtime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.clock.options import ClockOptions, Server
    from recon.collector import Acquisition

KIND = "clock.measurement"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PATIENCE = 5
"""Seconds for a program or a server to answer."""
_TRIES = 2
_MOST = 1 << 16
"""Characters of a program's output that are kept."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def acquire(acquisition: Acquisition) -> None:
    """One measurement, one item."""
    options: ClockOptions = acquisition.source.options
    begun = reading()
    native = f"clock/{begun['wall']}"
    with acquisition.call("measure this machine's clock") as said:
        commands = [_run(argv) for argv in _commands(options)]
        answers: list[dict[str, Any]] = []
        for server in options.roughtime:
            acquisition.progress(f"roughtime {server.name}", len(answers), len(options.roughtime))
            answers.append(_ask(server, answers))
        measured = {
            "begun": begun,
            "boot": _boot(),
            "commands": commands,
            "roughtime": answers,
            "ended": reading(),
        }
        data = json.dumps(measured, indent=1, sort_keys=True, ensure_ascii=True).encode()
        said["item"] = acquisition.store(native, KIND, data + b"\n").sha256


def reading() -> dict[str, Any]:
    """The wall clock, RFC 3339 with µs, and the monotonic clock, at once."""
    monotonic, wall = time.monotonic_ns(), time.time_ns()
    at = _EPOCH + timedelta(microseconds=wall // 1000)
    return {
        "wall": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "monotonic_ns": monotonic,
    }


def _commands(options: ClockOptions) -> list[list[str]]:
    if not options.ntp:
        return []
    where = ["-h", options.chronyd] if options.chronyd is not None else []
    return [
        ["chronyc", *where, "-n", "-c", "tracking"],
        ["chronyc", *where, "-n", "-c", "sources"],
        ["ntpq", "-c", "rv"],
        ["ntpq", "-pn"],
        ["timedatectl", "show"],
        ["timedatectl", "show-timesync", "--all"],
    ]


def _run(argv: Sequence[str]) -> dict[str, Any]:
    """What a program of this machine says; it reads, and sets nothing."""
    found = shutil.which(argv[0])
    before = reading()
    out: dict[str, Any] = {"argv": list(argv), "before": before}
    if found is None:
        return out | {"absent": True}
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(  # noqa: S603  (fixed programs, no shell)
            [found, *argv[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return out | {"after": reading(), "failed": type(error).__name__}
    return out | {
        "after": reading(),
        "exit": done.returncode,
        "stdout": done.stdout.decode("utf-8", "replace")[:_MOST],
        "stderr": done.stderr.decode("utf-8", "replace")[:_MOST],
    }


def _ask(server: Server, before: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One request; its nonce covers the response before it, so that their order can be proved."""
    last = next((one["response"] for one in reversed(before) if "response" in one), "")
    rand = secrets.token_bytes(roughtime.NONCE)
    nonce = roughtime.digest(base64.b64decode(last), rand)
    asked = roughtime.request(nonce, server.raw_key)
    out: dict[str, Any] = {
        "name": server.name,
        "address": server.address,
        "key": server.key,
        "rand": base64.b64encode(rand).decode(),
        "request": base64.b64encode(asked).decode(),
    }
    host, _, port = server.address.rpartition(":")
    why = ""
    for _ in range(_TRIES):
        sent = reading()
        try:
            answer = _exchange((host.strip("[]"), int(port)), asked)
        except (OSError, UnicodeError) as error:  # a name that cannot be looked up is the latter
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            continue
        return out | {
            "before": sent,
            "after": reading(),
            "response": base64.b64encode(answer).decode(),
        }
    return out | {"failed": why}


def _exchange(address: tuple[str, int], asked: bytes) -> bytes:
    """The answer of whom was asked, and of no one else: the socket is connected."""
    found = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0]
    with socket.socket(found[0], socket.SOCK_DGRAM) as link:
        link.settimeout(_PATIENCE)
        link.connect(found[4])
        link.send(asked)
        return link.recv(roughtime.MOST + 1)


def _boot() -> str | None:
    """Names the boot that the monotonic clock counts from, where the system tells."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
