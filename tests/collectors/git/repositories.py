"""Repositories made by git itself, at chosen dates."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import polars as pl

from collectors.git import GitClaim, GitOptions, collector
from recon.collector import Parsed, Source
from recon.evidence import Acquiring, CaseItems, Evidence

ADA = "Ada Byron <ada@acme.example>"
CI = "CI <ci@acme.example>"


class Repository:
    """A repository and the git that works on it."""

    def __init__(self, path: Path, *options: str) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.home = path.parent / ".home"
        self.home.mkdir(exist_ok=True)
        self("init", "-q", "-b", "main", *options)

    def __call__(
        self,
        *arguments: str,
        when: str = "2026-02-14T09:30:00Z",
        stdin: bytes = b"",
        author: str | None = None,
        who: str = ADA,
        check: bool = True,
    ) -> str:
        name, _, email = who.rstrip(">").partition(" <")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LC_ALL": "C",
            "TZ": "UTC",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": email,
            "GIT_AUTHOR_DATE": author or when,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": email,
            "GIT_COMMITTER_DATE": when,
        }
        done = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", *arguments],
            cwd=self.path,
            env=environment,
            input=stdin,
            capture_output=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "backslashreplace").strip()

    def commit(self, text: str, when: str, **more: str) -> str:
        """One file changed, one commit; its hash."""
        (self.path / "file").write_text(text)
        self("add", "file")
        self("commit", "-q", "-m", text, when=when, **more)
        return self("rev-parse", "HEAD")

    def object(self, kind: str, content: bytes) -> str:
        """An object of any content, as only ``--literally`` takes it; its hash."""
        return self("hash-object", "-t", kind, "-w", "--literally", "--stdin", stdin=content)


class Collected:
    """A repository acquired and parsed."""

    def __init__(self, case: Path, claims: tuple[GitClaim, ...] = (), **options: object) -> None:
        case.mkdir(parents=True, exist_ok=True)
        self.source = Source("code", "git", "platform", GitOptions(**options), claims, case.parent)
        self.evidence = Evidence(case)
        acquiring = Acquiring(self.evidence, self.source)
        acquiring.run(collector.acquire)
        self.failures = acquiring.failures
        self.items = CaseItems(self.evidence, "code")
        self.parsed: Parsed = collector.parse(self.source, self.items)
        self.events = self.parsed.events.collect()

    def kind(self, kind: str) -> pl.DataFrame:
        return self.events.filter(pl.col("kind") == kind)

    def said(self) -> str:
        """All warnings in one text."""
        return "\n".join(f"{w.citation}: {w.message}" for w in self.parsed.warnings)
