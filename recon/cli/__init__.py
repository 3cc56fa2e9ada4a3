"""The command line: read options, call once, print, choose an exit code.

Exit codes: 0 nothing disagrees, 1 findings, 2 usage, 3 bad case or input, 4 source unreachable
or refused, 5 evidence that does not match its hash; 70 a fault in recon itself.
"""

from __future__ import annotations

import sys

from recon import messages
from recon.cli import answers, begin, holdings, inquire, look, produce
from recon.cli.app import app, print_error

__all__ = ["answers", "app", "begin", "holdings", "inquire", "look", "main", "produce"]

_INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the number of SIGINT."""


def main() -> None:
    """Run the command line; errors that a person can act on become one message and a code."""
    from recon.errors import ReconError

    try:
        app()
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            print_error("interrupted; what was stored stays, and the same command goes on")
        raise
    except ReconError as error:
        print_error(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read us has seen enough. Python would complain once more while closing.
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        print_error(messages.refused(error))
        sys.exit(3)
    except Exception:  # noqa: BLE001  (a fault of ours must not look like exit code 1, findings)
        import traceback

        print_error(f"a fault in recon, not in the evidence:\n{traceback.format_exc()}")
        sys.exit(70)  # EX_SOFTWARE of sysexits.h
