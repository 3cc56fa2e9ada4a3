"""Running git over evidence so that nothing of the evidence runs.

- git never reads a configuration of the evidence: it is given a repository of our own
  (:mod:`collectors.git.shadow`), with system and user configuration off.
- The environment is made from nothing; what the caller's shell says to git is not heard.
- No hook, no file monitor, no pager, no editor, no prompt, no lazy fetch, no replacement of
  objects, no protocol but the one that is asked for (git-config(1): ``protocol.allow``).
"""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.errors import BadInputError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import IO

_PASSED_ON = (
    "PATH",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
)
"""Of the caller's environment: where git is, and how the network is reached."""

_OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.pager=cat",
    "core.commitGraph=false",
    "core.attributesFile=/dev/null",
    "credential.helper=",
    "submodule.recurse=false",
    "transfer.fsckObjects=false",  # malformed objects are evidence too
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
)
_PIPE = 1 << 20
"""Bytes of a pipe: the most that Linux gives anyone. A usual one holds git up at every 64 KiB."""
_SAID = 800
"""Characters of git's own words that an error repeats."""


@dataclass(frozen=True, slots=True)
class Git:
    """git on one repository of ours."""

    folder: Path
    """The bare repository that it works on, or will make."""
    scratch: Path
    """Home for the time being: empty."""
    protocols: tuple[str, ...] = ()
    """Transports that it may use: ``https``, ``ssh`` …; by default none."""
    borrowed: tuple[Path, ...] = ()
    """Object folders of ours that it may read beside its own."""

    def environment(self) -> dict[str, str]:
        """All that git is told by environment."""
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {
            **passed,
            "HOME": str(self.scratch),
            "XDG_CONFIG_HOME": str(self.scratch),
            "LC_ALL": "C",
            "TZ": "UTC",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "false",
            "SSH_ASKPASS": "false",
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            # Overrides any `protocol.*.allow`; `none` is the name of no transport.
            "GIT_ALLOW_PROTOCOL": ":".join(self.protocols) or "none",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": ":".join(str(path) for path in self.borrowed),
            "GIT_DIR": str(self.folder),
        }

    def command(self, *arguments: str) -> list[str]:
        """The command line, with every option that is not the environment's."""
        options = [*_OPTIONS, *(f"protocol.{name}.allow=always" for name in self.protocols)]
        return ["git", *(part for option in options for part in ("-c", option)), *arguments]

    def start(
        self,
        arguments: Sequence[str],
        *,
        stdin: IO[bytes] | int,
        stdout: IO[bytes] | int,
        stderr: IO[bytes] | int,
    ) -> subprocess.Popen[bytes]:
        """Start git; the caller reads its output.

        Raises:
            UnreachableError: there is no git here.
        """
        try:
            return subprocess.Popen(  # noqa: S603  (our own words, no shell)
                self.command(*arguments),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=self.environment(),
                cwd=self.scratch,
                pipesize=_PIPE,
            )
        except OSError as error:
            raise UnreachableError(
                "git on the path", error.strerror or str(error), "git", "install git"
            ) from error

    def run(self, *arguments: str) -> bytes:
        """What git prints.

        Raises:
            BadInputError: it failed, in its own words.
        """
        process = self.start(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = process.communicate()
        if process.returncode:
            raise BadInputError(
                f"`git {shlex.join(arguments[:2])}` to succeed",
                said(err) or f"exit code {process.returncode}",
                "git",
            )
        return out


def said(stderr: bytes) -> str:
    """Git's own words, in one line of bounded length. They may repeat words of the evidence."""
    text = stderr.decode("utf-8", "backslashreplace").strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    joined = "; ".join(lines)
    return joined if len(joined) <= _SAID else joined[:_SAID] + "…"
