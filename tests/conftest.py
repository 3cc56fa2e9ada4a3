"""Where the tests' own builds of PostgreSQL are, however pytest was started."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("RECON_POSTGRES", str(Path(__file__).parent.parent / ".tools" / "postgres"))
