"""A real server's answers, recorded once and given again at once, however slow that server is.

    with recording(server.endpoint, file) as endpoint:
        ...                                # asks the real server through it, and keeps the answers
    with replaying(file) as endpoint:
        ...                                # the same requests get the same bytes, from memory

The request line alone tells requests apart. The replaying server is a process of its own, so that
the processor time of who asks it is theirs alone.
"""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Response = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers without the length, body."""
_OWN = {"content-length", "transfer-encoding", "connection"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], Response]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                status, headers, body = answer(self)
                self.send_response_only(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server_port}"


@contextlib.contextmanager
def recording(endpoint: str, file: Path) -> Iterator[str]:
    """URL of a server that passes GETs on; what was answered is in ``file`` at the end."""
    kept: dict[str, Response] = {}
    host = urlsplit(endpoint).netloc

    def ask(request: BaseHTTPRequestHandler) -> Response:
        connection = HTTPConnection(host, timeout=120)
        try:
            # Host as it was sent: the signature covers it.
            connection.putrequest("GET", request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            got = connection.getresponse()
            headers = [(k, v) for k, v in got.getheaders() if k.lower() not in _OWN]
            kept[request.path] = (got.status, headers, got.read())
        finally:
            connection.close()
        return kept[request.path]

    server = _Server(ask)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        file.write_bytes(pickle.dumps(kept))


@contextlib.contextmanager
def replaying(file: Path) -> Iterator[str]:
    """URL of a server that answers out of a recording; 404 for what was not asked then."""
    command = [sys.executable, "-m", "tests.bench.replaying", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def _serve(file: Path) -> None:
    kept: dict[str, Response] = pickle.loads(file.read_bytes())  # noqa: S301  (written above)
    server = _Server(lambda request: kept.get(request.path, (404, [], b"")))
    print(server.endpoint, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
