"""recon: what did your records say on March 8?

A forensic reconciliation toolkit::

    import recon

    case = recon.open("march-8")
    case.timeline()          # a polars LazyFrame, one row per event
    case.findings()          # where the sources disagree
    case.asof("2026-03-08T12:00:00Z")   # said then, says now

The command line calls nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recon.version import __version__

if TYPE_CHECKING:
    from recon.case import Case, init
    from recon.case import open_case as open  # noqa: A004  (recon.open reads as what it does)
    from recon.packaged_case import demo

__all__ = ["Case", "__version__", "demo", "init", "open"]

_LAZY = {
    "Case": ("recon.case", "Case"),
    "demo": ("recon.packaged_case", "demo"),
    "init": ("recon.case", "init"),
    "open": ("recon.case", "open_case"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  (whatever the module holds)
    """Load on first use, so that ``import recon`` costs nothing."""
    if name not in _LAZY:
        raise AttributeError(f"module 'recon' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _LAZY[name]
    return getattr(import_module(module), attribute)
