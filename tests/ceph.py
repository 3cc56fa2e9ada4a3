"""Ceph's RGW for tests: a cluster of one monitor and one store in memory, as Debian packages it.

``scripts/system radosgw ceph-mon ceph-osd`` installs it; ``RECON_CEPH`` names a folder in which the
packages are unpacked (``dpkg -x``), where they are not installed. Nothing of it is kept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from tests import s3_servers
from tests.s3_servers import ACCESS_KEY, SECRET_KEY, Server, free_port, start, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIBRARIES = f"usr/lib/{'aarch64' if os.uname().machine == 'aarch64' else 'x86_64'}-linux-gnu"
_CONFIGURATION = """\
[global]
fsid = {fsid}
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
mon_host = v1:127.0.0.1:{port}
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr2 = false
run_dir = {folder}
admin_socket = {folder}/$name.$pid.asok
log_file = {folder}/$name.log
mon_cluster_log_file = {folder}/cluster.log
plugin_dir = {libraries}/ceph
erasure_code_dir = {libraries}/ceph/erasure-code
osd_class_dir = {libraries}/rados-classes
osd_class_load_list = *
osd_class_default_list = *
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
osd_data = {folder}/osd
mon_data = {folder}/mon
mon_max_pg_per_osd = 1000
mon_allow_pool_size_one = true
mon_data_avail_crit = 1
rgw_data = {folder}
"""


def root() -> Path | None:
    """Where Ceph's programs are, below ``usr/bin``; None where they are not."""
    folder = Path(os.environ.get("RECON_CEPH", "/"))
    programs = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
    return folder if all((folder / "usr/bin" / one).is_file() for one in programs) else None


@contextlib.contextmanager
def ceph(folder: Path) -> Iterator[Server]:
    """An RGW with one user, ended with its cluster at the end of the block."""
    base = root()
    if base is None:
        raise FileNotFoundError("radosgw, ceph-mon, ceph-osd: not installed")
    with contextlib.ExitStack() as stack:
        yield _start(folder, base, stack)


def _start(folder: Path, base: Path, stack: contextlib.ExitStack) -> Server:
    """Monitor, store, user, gateway, one after another."""
    for name in ("mon", "osd"):
        (folder / name).mkdir(parents=True)
    libraries, fsid, port = base / _LIBRARIES, str(uuid.uuid4()), free_port()
    where = {"fsid": fsid, "port": port, "folder": folder, "libraries": libraries}
    configuration = folder / "ceph.conf"
    configuration.write_text(_CONFIGURATION.format(**where))
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": f"{libraries}:{libraries}/ceph:{base}/lib/{libraries.name}",
        "PYTHONPATH": f"{base}/usr/lib/python3/dist-packages",
        "CEPH_CONF": str(configuration),
    }

    def run(program: str, *arguments: str) -> None:
        command = [str(base / "usr/bin" / program), *arguments]
        if program == "ceph":
            # It is written in Python, for the interpreter of the system.
            command.insert(0, shutil.which("python3", path="/usr/bin") or sys.executable)
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr[-1000:]}")

    def serve(name: str, program: str, *arguments: str, at: int = 0) -> Server:
        command = [str(base / "usr/bin" / program), "-f", *arguments]
        process = start(command, folder / f"{name}.out", environment)
        server = Server("ceph", f"http://127.0.0.1:{at}", process, folder)
        stack.callback(s3_servers.stop, server)
        return server

    monitors = str(folder / "monmap")
    run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"v1:127.0.0.1:{port}", monitors)
    run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monitors)
    serve("mon", "ceph-mon", "-i", "a")
    run("ceph", "osd", "create")
    run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=here")
    run("ceph-osd", "-i", "0", "--mkfs")
    serve("osd", "ceph-osd", "-i", "0")
    keys = ("--access-key", ACCESS_KEY, "--secret", SECRET_KEY)
    run("radosgw-admin", "user", "create", "--uid", "admin", "--display-name", "admin", *keys)
    at = free_port()
    frontend = f"beast endpoint=127.0.0.1:{at}"
    server = serve("rgw", "radosgw", "-n", "client.rgw", "--rgw-frontends", frontend, at=at)
    wait_for(server, "/", folder / "rgw.out")
    return server
