"""Versions of PostgreSQL that a test runs over, and which of them `make test` leaves out."""

from __future__ import annotations

import pytest

from tests.programs import MAJORS

USUAL = (15, 18)
"""That of the system, and the newest."""

EACH = [
    pytest.param(major, marks=[] if major in USUAL else [pytest.mark.thorough]) for major in MAJORS
]
"""Every version; those between the usual ones are for `make thorough`."""
