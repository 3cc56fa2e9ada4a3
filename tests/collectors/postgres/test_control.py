from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.postgres.control import crc32c, lsn, read_control, render
from recon.errors import BadInputError
from tests.servers import Postgres

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def sample(exports: Path) -> bytes:
    """The control file of a base backup."""
    return (exports / "base" / "global" / "pg_control").read_bytes()


def test_it_says_what_pg_controldata_says(server: Postgres) -> None:
    server.psql("checkpoint")
    ours = render(read_control((server.data / "global" / "pg_control").read_bytes()))
    shown = server.run("pg_controldata", "-D", server.data)
    theirs = {
        name.strip(): value.strip()
        for name, value in (line.split(":", 1) for line in shown.splitlines())
    }
    times = {"pg_control last modified", "Time of latest checkpoint"}
    for line in ours.splitlines():
        name, value = line.split(": ", 1)
        if name not in times:
            assert value == theirs[name], name
    read = read_control((server.data / "global" / "pg_control").read_bytes())
    assert f"{read.checkpoint_time:%a %b %e %H:%M:%S %Y}" == theirs["Time of latest checkpoint"]
    assert f"{read.written:%a %b %e %H:%M:%S %Y}" == theirs["pg_control last modified"]


@given(at=st.integers(0, 291), bit=st.integers(0, 7))
@settings(deadline=None)
def test_any_flipped_bit_is_found(sample: bytes, at: int, bit: int) -> None:
    data = bytearray(sample)
    data[at] ^= 1 << bit
    with pytest.raises(BadInputError):
        read_control(bytes(data))


@given(size=st.integers(0, 295))
@settings(deadline=None)
def test_a_short_file_is_refused(sample: bytes, size: int) -> None:
    with pytest.raises(BadInputError, match="bytes"):
        read_control(sample[:size])


def test_crc_of_the_standard() -> None:
    """RFC 3720, B.4: 32 bytes of zeros give aa 36 91 8a, least significant byte first."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"123456789") == 0xE3069283


def test_lsn_is_written_as_postgresql_does() -> None:
    assert lsn(0x1_0000_00AB) == "1/AB"
