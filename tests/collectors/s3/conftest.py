"""Servers started once, and a small case around one source."""

from __future__ import annotations

import itertools
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from collectors.s3 import collector
from recon import schema
from recon.collector import Parsed, Source
from recon.evidence import Acquiring, CaseItems, Evidence
from tests import ceph, s3_servers

CLAIM = {"key": "models/{model}/{version}/model.bin", "subject": "model:{model}@{version}"}


@dataclass
class Bench:
    """A case of one S3 source, in a folder of its own."""

    folder: Path
    options: dict[str, Any]
    claims: Sequence[dict[str, str]] = (CLAIM,)

    @property
    def source(self) -> Source:
        assert collector.claim is not None
        return Source(
            id="models",
            collector="s3",
            domain="storage",
            options=collector.options.model_validate(self.options),
            claims=tuple(collector.claim.model_validate(claim) for claim in self.claims),
            base=self.folder,
        )

    @cached_property
    def evidence(self) -> Evidence:
        return Evidence(self.folder)

    @property
    def items(self) -> CaseItems:
        return CaseItems(self.evidence, "models")

    def acquire(self, *, again: bool = False) -> Acquiring:
        acquiring = Acquiring(self.evidence, self.source, again=again)
        acquiring.run(collector.acquire)
        return acquiring

    def parse(self) -> Parsed:
        return collector.parse(self.source, self.items)

    def events(self, *kinds: str) -> pl.DataFrame:
        frame = schema.check(self.parse().events, schema.DRAFT, "the events").collect()
        return frame.filter(pl.col("kind").is_in(kinds)) if kinds else frame

    def quotable(self) -> int:
        """Every event leads back to words of the source, and no two are one."""
        events = self.events()
        assert events.select(schema.event_id()).is_unique().all()
        known = {item.sha256: item for item in self.items}
        for row in events.iter_rows(named=True):
            assert collector.quote(self.source, self.items, known[row["item"]], row["citation"])
        return events.height


@pytest.fixture(autouse=True)
def own_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks with anybody's real credentials."""
    for name, value in s3_servers.credentials().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_servers.Server]:
    with s3_servers.seaweedfs(tmp_path_factory.mktemp("weed")) as server:
        yield server


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_servers.Server]:
    clock = datetime(2026, 2, 14, 10, 5, tzinfo=UTC)
    with s3_servers.moto(tmp_path_factory.mktemp("moto"), clock) as server:
        yield server


class Told:
    """A real server on loopback whose answers are given: status and body by request path.

    It speaks XML of S3; ``answer`` may be replaced, and raises to break the connection.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[str], tuple[int, bytes]] = lambda _path: (404, b"")
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                told.asked.append(self.path)
                try:
                    status, body = told.answer(self.path)
                except ConnectionError:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("x-amz-request-id", f"request-{len(told.asked)}")
                self.send_header("x-amz-id-2", "host")
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def scripted() -> Iterator[Told]:
    server = Told()
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.server.shutdown()
    thread.join()
    server.server.server_close()


@pytest.fixture(scope="session")
def rgw() -> Iterator[s3_servers.Server]:
    if ceph.root() is None:
        pytest.skip("Ceph is not installed: scripts/system radosgw ceph-mon ceph-osd")
    # The path of a socket has about a hundred characters at most.
    with tempfile.TemporaryDirectory() as folder, ceph.ceph(Path(folder)) as server:
        yield server


RGW = pytest.param("rgw", marks=pytest.mark.thorough)


@pytest.fixture(params=["weed", "moto", RGW])
def server(request: pytest.FixtureRequest) -> s3_servers.Server:
    """Each kind of server in turn."""
    found: s3_servers.Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["weed", RGW])
def strict(request: pytest.FixtureRequest) -> s3_servers.Server:
    """Each that keeps locks, and versions where versioning is suspended: moto does neither."""
    found: s3_servers.Server = request.getfixturevalue(request.param)
    return found


_NUMBERS = itertools.count(1)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Bench]:
    """A bench of a server's bucket, or of exports: ``make(url=…, endpoint=…)``."""

    def made(**options: Any) -> Bench:
        claims = options.pop("claims", (CLAIM,))
        folder = tmp_path / f"case-{next(_NUMBERS)}"
        folder.mkdir()
        return Bench(folder, options, claims)

    return made


@pytest.fixture
def bucket() -> str:
    """A name that no other test of the session uses."""
    return f"acme-models-{next(_NUMBERS)}"
