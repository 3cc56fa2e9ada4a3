"""Ceph's RGW for tests: a cluster of one monitor and one store in memory, as Debian packages it.

The store sets nothing of itself when it starts: it would ask before it knows the cluster's id, and
now and then end on that, with all others waiting for it.

``scripts/system radosgw ceph-mon ceph-osd`` installs it; ``RECON_CEPH`` names a folder in which the
packages are unpacked (``dpkg -x``), where they are not installed. Nothing of it is kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from tests import s3_servers
from tests.s3_servers import ACCESS_KEY, SECRET_KEY, Server, free_port, start, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LIBRARIES = f"usr/lib/{'aarch64' if os.uname().machine == 'aarch64' else 'x86_64'}-linux-gnu"
_STARTS = 2
_PATIENCE = 90
"""Seconds for one step, of which none takes a tenth on a machine that does nothing else."""
_USER = ("user", "create")
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
osd_class_update_on_start = false
osd_crush_update_on_start = false
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


class NotStartedError(RuntimeError):
    """A step that failed, or took too long: what it was, and what the daemons wrote."""


@contextlib.contextmanager
def ceph(folder: Path, users: Sequence[str] = ()) -> Iterator[Server]:
    """An RGW with an administrator, ended with its cluster at the end of the block.

    Each of ``users`` may do what :func:`allow` says; the name is the access key, the secret is
    everybody's.

    A cluster that does not come up is ended, and another one started, on other ports.

    Raises:
        NotStartedError: that one does not come up either.
    """
    base = root()
    if base is None:
        raise FileNotFoundError("radosgw, ceph-mon, ceph-osd: not installed")
    for left in reversed(range(_STARTS)):
        with contextlib.ExitStack() as stack:
            cluster = _Cluster(folder / str(left), base, stack)
            try:
                server = cluster.start(users)
            except NotStartedError as error:
                if not left:
                    raise
                print(f"started anew, as {error}", file=sys.stderr)
                continue
            yield server
        return


def allow(server: Server, user: str, policy: str) -> None:
    """The IAM document is from now on all that the user may do.

    Raises:
        botocore.exceptions.ClientError: there is a name in it that this Ceph does not know.
    """
    import boto3

    iam = boto3.client(
        "iam",
        endpoint_url=server.endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=s3_servers.REGION,
    )
    iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=policy)


class _Cluster:
    """Monitor, store, user, gateway, one after another."""

    def __init__(self, folder: Path, base: Path, stack: contextlib.ExitStack) -> None:
        self.folder, self.base, self.stack = folder, base, stack
        self.daemons: dict[str, Server] = {}
        for name in ("mon", "osd"):
            (folder / name).mkdir(parents=True)
        libraries, self.fsid, self.port = base / _LIBRARIES, str(uuid.uuid4()), free_port()
        where = {"fsid": self.fsid, "port": self.port, "folder": folder, "libraries": libraries}
        configuration = folder / "ceph.conf"
        configuration.write_text(_CONFIGURATION.format(**where))
        self.environment = {
            **os.environ,
            "LD_LIBRARY_PATH": f"{libraries}:{libraries}/ceph:{base}/lib/{libraries.name}",
            "PYTHONPATH": f"{base}/usr/lib/python3/dist-packages",
            "CEPH_CONF": str(configuration),
        }

    def start(self, users: Sequence[str]) -> Server:
        """All of it; what each step waits for is what the step before has brought up."""
        address = f"v1:127.0.0.1:{self.port}"
        monitors = str(self.folder / "monmap")
        self._run("monmaptool", "--create", "--fsid", self.fsid, "--addv", "a", address, monitors)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monitors)
        self._serve("mon", "ceph-mon", "-i", "a")
        self._run("ceph", "osd", "create")
        self._run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=here")
        self._run("ceph-osd", "-i", "0", "--mkfs")
        self._serve("osd", "ceph-osd", "-i", "0")
        end = time.monotonic() + _PATIENCE
        # Without a store that is up, whoever asks for an object waits for ever.
        while json.loads(self._run("ceph", "osd", "stat", "-f", "json"))["num_up_osds"] < 1:
            if time.monotonic() > end or self.daemons["osd"].process.poll() is not None:
                raise self._failed("the store", f"was not up within {_PATIENCE} s, or ended")
            time.sleep(0.2)
        for name, key, caps in [
            ("admin", ACCESS_KEY, "user-policy=*"),
            *((user, user, "") for user in users),
        ]:
            keys = ("--access-key", key, "--secret", SECRET_KEY, "--caps", caps)
            self._run("radosgw-admin", *_USER, "--uid", name, "--display-name", name, *keys)
        at = free_port()
        frontend = f"beast endpoint=127.0.0.1:{at}"
        server = self._serve(
            "rgw", "radosgw", "-n", "client.rgw", "--rgw-frontends", frontend, at=at
        )
        try:
            wait_for(server, "/", self.folder / "rgw.out", _PATIENCE)
        except TimeoutError as error:
            raise self._failed("the gateway", str(error)) from error
        return server

    def _run(self, program: str, *arguments: str) -> str:
        """What a program that ends says."""
        command = [str(self.base / "usr/bin" / program), *arguments]
        if program == "ceph":
            # It is written in Python, for the interpreter of the system.
            command.insert(0, shutil.which("python3", path="/usr/bin") or sys.executable)
        what = f"{program} {' '.join(arguments[:3])}"
        with subprocess.Popen(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            end = time.monotonic() + _PATIENCE
            while True:
                try:
                    out, wrong = process.communicate(timeout=1)
                    break
                except subprocess.TimeoutExpired:
                    is_over = time.monotonic() > end
                    if not is_over and all(d.process.poll() is None for d in self.daemons.values()):
                        continue
                    process.kill()
                    how = (
                        f"did not end within {_PATIENCE} s"
                        if is_over
                        else "waited, and a daemon ended"
                    )
                    raise self._failed(what, how) from None
        if process.returncode:
            raise self._failed(what, f"ended with {process.returncode}: {wrong[-1000:]}")
        return out

    def _serve(self, name: str, program: str, *arguments: str, at: int = 0) -> Server:
        """A daemon, ended with the cluster."""
        command = [str(self.base / "usr/bin" / program), "-f", *arguments]
        process = start(command, self.folder / f"{name}.out", self.environment)
        server = Server("ceph", f"http://127.0.0.1:{at}", process, self.folder)
        self.stack.callback(s3_servers.stop, server)
        self.daemons[name] = server
        return server

    def _failed(self, what: str, how: str) -> NotStartedError:
        """With each daemon's state, and the end of what it wrote."""
        said = [f"Ceph did not start: {what} {how}"]
        for name, daemon in self.daemons.items():
            code = daemon.process.poll()
            said.append(f"{name}: {'runs' if code is None else f'ended with {code}'}")
            for log in (self.folder / f"{name}.out", *sorted(self.folder.glob(f"*{name}*.log"))):
                text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
                said.append(f"{log.name}: …{text[-500:]}")
        return NotStartedError("\n".join(said))
