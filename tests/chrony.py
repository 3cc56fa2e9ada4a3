"""Two real chronyd on one machine: a server, and a client whose clock libfaketime puts off.

Neither touches the machine's clock (``-x``). ``RECON_CHRONY`` is a folder with ``chronyd`` and
``chronyc`` where they are not installed: Debian's package starts a daemon, which tests must not.

    with chrony(tmp, ahead=2.5) as (socket, log):
        ...
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tsa import FAKETIME

_SERVER = """\
port {port}
bindaddress 127.0.0.1
local stratum 1
allow 127.0.0.1
"""
_CLIENT = """\
server 127.0.0.1 port {port} iburst minpoll 0 maxpoll 1 minsamples 4
port 0
logdir {folder}
log tracking
"""
_COMMON = """\
cmdport 0
user root
bindcmdaddress {folder}/{name}.sock
pidfile {folder}/{name}.pid
"""


def program(name: str) -> str | None:
    """``chronyd`` or ``chronyc``, if it is anywhere."""
    folder = os.environ.get("RECON_CHRONY", "")
    return shutil.which(name, path=folder or f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def chrony(folder: Path, ahead: float, *, lines: int = 6) -> Iterator[tuple[Path, Path]]:
    """The client's socket and its ``tracking.log``, once that has so many lines."""
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = []
    try:
        for name, text, off in (("server", _SERVER, 0.0), ("client", _CLIENT, ahead)):
            conf = folder / f"{name}.conf"
            conf.write_text((text + _COMMON).format(port=port, folder=folder, name=name))
            environment = os.environ | {"TZ": "UTC", "LC_ALL": "C"}
            if off:
                library = next(one for one in FAKETIME if Path(one).exists())
                environment |= {"LD_PRELOAD": library, "FAKETIME": f"{off:+}"}
            command = [str(program("chronyd")), "-x", "-d", "-f", str(conf)]
            with (folder / f"{name}.out").open("wb") as out:
                running.append(subprocess.Popen(command, env=environment, stdout=out, stderr=out))
        log = folder / "tracking.log"
        until = time.monotonic() + 30
        while not log.exists() or log.read_text().count(" N ") < lines:
            assert time.monotonic() < until, (folder / "client.out").read_text()
            time.sleep(0.3)
        yield folder / "client.sock", log
    finally:
        for one in running:
            one.send_signal(signal.SIGTERM)
            one.wait(10)
