"""A time-stamping authority for tests: ``openssl ts`` with a CA of its own, at a chosen clock.

tsa = authority(tmp, at=datetime(2026, 3, 8, 12, tzinfo=UTC))
tsa.stamp(log, tmp / "log.tsr")
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

FAKETIME = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
)
_CONFIGURATION = """\
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha1, sha256, sha384, sha512
{accuracy}
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def run(*command: str | Path, at: datetime | None = None) -> str:
    """A program with the clock set to ``at``, and standing there."""
    environment = os.environ | {"TZ": "UTC", "LC_ALL": "C"}
    if at is not None:
        library = next(one for one in FAKETIME if Path(one).exists())
        environment |= {"LD_PRELOAD": library, "FAKETIME": f"{at:%Y-%m-%d %H:%M:%S}"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Authority:
    """A TSA's keys and certificates; ``root`` is its CA's."""

    folder: Path
    accuracy: str

    @property
    def root(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        return self.folder / "tsa.pem"

    def stamp(  # one option of the request each
        self,
        data: Path,
        to: Path,
        at: datetime,
        *,
        digest: str = "sha256",
        certificate: bool = True,
    ) -> Path:
        """A response over a file, as the TSA gives it when its clock says ``at``."""
        query, conf = self.folder / "q.tsq", self.folder / "tsa.cnf"
        conf.write_text(_CONFIGURATION.format(folder=self.folder, accuracy=self.accuracy))
        wanted = ["-cert"] * certificate
        run("openssl", "ts", "-query", "-data", data, f"-{digest}", *wanted, "-out", query)
        reply = ["openssl", "ts", "-reply", "-config", conf, "-queryfile", query, "-out", to]
        run(*reply, "-signer", self.certificate, "-inkey", self.folder / "tsa.key", at=at)
        return to


def authority(
    folder: Path,
    since: datetime,
    days: int = 365,
    *,
    accuracy: str = "accuracy = secs:1, millisecs:500",
    usage: str = "critical,timeStamping",
    name: str = "Example TSA",
) -> Authority:
    """A CA that is valid for ten years, and under it a TSA for ``days``."""
    folder.mkdir(parents=True)
    ca, tsa = folder / "ca.key", folder / "tsa.key"
    (folder / "serial").write_text("01\n")
    (folder / "extensions").write_text(
        f"extendedKeyUsage={usage}\nkeyUsage=critical,digitalSignature\n"
    )
    new: Sequence[str | Path] = ("openssl", "req", "-newkey", "rsa:2048", "-nodes")
    root = ("-subj", f"/O=Example/CN={name} Root", "-addext", "basicConstraints=critical,CA:TRUE")
    run(*new, "-x509", "-keyout", ca, "-out", folder / "ca.pem", "-days", "3650", *root, at=since)
    run(*new, "-keyout", tsa, "-out", folder / "tsa.csr", "-subj", f"/O=Example/CN={name}")
    sign = ["openssl", "x509", "-req", "-in", folder / "tsa.csr", "-CA", folder / "ca.pem"]
    sign += ["-CAkey", ca, "-CAcreateserial", "-days", str(days)]
    run(*sign, "-extfile", folder / "extensions", "-out", folder / "tsa.pem", at=since)
    return Authority(folder, accuracy)
