"""Texts of commits and tags to columns.

A commit as git writes it is read by one expression. Everything else (several author lines, odd
identities, other hashes) is read header by header, which is four times as slow and gives the same
where both can read: a law that the tests hold.
"""

from __future__ import annotations

import polars as pl

from collectors.git.identity import actor, clock, seconds

_HEX = r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b"
_NAME = "(?:[0-9a-f]{64}|[0-9a-f]{40})"
_REGULAR = (
    r"\A(tree [0-9a-f]{40}\n(?:parent [0-9a-f]{40}\n)*)"
    r"author ([^<>\n]*<([^<>\n]*)>) ([0-9]+) [+-][0-9]{4}\n"
    r"committer ([^<>\n]*<([^<>\n]*)>) ([0-9]+) [+-][0-9]{4}\n"
)
_SHORT, _SECONDS = 200, 11
"""Bytes of an identity and digits of a time that the one expression reads; fewer than the caps."""
_AGAIN = r"(?m)^(?:author|committer|parent|tree) "
_LINE = 1000
"""Characters of an identity line that are read; git's own limit on an identity is far below."""
_CALLED = 4096
"""Characters of a tag's own name that are kept."""
_TITLE = 200
"""Characters of a message's first line that are kept."""


def commits(raw: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Commits (``name``, ``item``, ``text``) read, and of the irregular ones the headers too.

    Columns of the first: ``name``, ``item``, ``hashes`` (``git:…`` of tree and parents),
    ``mentioned`` (digests in the message, or null), ``clock``, ``actor``, ``seconds``,
    ``author_clock``, ``author_actor``, ``author_seconds``, ``title`` (the message's first line, as
    far as :data:`_TITLE`). The second is for warnings: it also
    has ``head``, ``author`` and ``committer``.
    """
    part = pl.col("found").struct
    found = raw.with_columns(
        found=pl.col("text").str.extract_groups(_REGULAR),
        # In a commit that the expression reads, this is where its committer line stands.
        rest=pl.col("text").str.splitn("\ncommitter ", 2).struct.field("field_1"),
    ).with_columns(
        regular=part.field("1").is_not_null()
        & (pl.max_horizontal(*(part.field(n).str.len_bytes() for n in "25")) <= _SHORT)
        & (pl.max_horizontal(*(part.field(n).str.len_bytes() for n in "47")) <= _SECONDS)
        & ~pl.col("rest").str.contains(_AGAIN).fill_null(True)
    )
    regular = found.filter("regular")
    hold = regular["rest"].str.contains(_HEX)
    silent, telling = regular.filter(~hold), regular.filter(hold)
    nothing = pl.lit(None, dtype=pl.List(pl.String))
    quick = _read(silent, nothing)
    said = _read(telling.with_columns(body=_behind(pl.col("rest"), "\n\n")), _mentioned())
    slow = by_header(found.filter(~pl.col("regular")).select("name", "text", "item"))
    return pl.concat([quick, said, slow.select(quick.columns)]), slow


def _read(found: pl.DataFrame, mentioned: pl.Expr) -> pl.DataFrame:
    """Of regular commits all but the digests that they mention, which are given."""
    part = pl.col("found").struct
    return found.select(
        "name",
        "item",
        hashes=_hashes(part.field("1")),
        mentioned=mentioned,
        clock="git:committer:" + part.field("6").str.strip_chars(),
        actor=part.field("5").str.strip_chars(),
        seconds=part.field("7").cast(pl.Int64),
        author_clock="git:author:" + part.field("3").str.strip_chars(),
        author_actor=part.field("2").str.strip_chars(),
        author_seconds=part.field("4").cast(pl.Int64),
        title=_title(_behind(pl.col("rest"), "\n\n")),
    )


def by_header(raw: pl.DataFrame) -> pl.DataFrame:
    """Commits of any kind, each header for itself."""
    return (
        _split(raw)
        .with_columns(
            # git takes parents right behind the tree, and nowhere else (parse_commit_buffer).
            hashes=_hashes(
                pl.col("text").str.extract(rf"\A(tree {_NAME}\n(?:parent {_NAME}\n)*)")
            ).fill_null(pl.lit([], dtype=pl.List(pl.String))),
            mentioned=_mentioned(),
            author=_line("author"),
            committer=_line("committer"),
            title=_title(pl.col("body")),
        )
        .with_columns(
            clock=clock("committer", pl.col("committer")),
            actor=actor(pl.col("committer")),
            seconds=seconds(pl.col("committer")),
            author_clock=clock("author", pl.col("author")),
            author_actor=actor(pl.col("author")),
            author_seconds=seconds(pl.col("author")),
        )
    )


def tags(raw: pl.DataFrame) -> pl.DataFrame:
    """Tags: ``object``, ``target`` (its type), ``called``, ``tagger``, ``clock``, ``actor``."""
    return (
        _split(raw)
        .with_columns(
            object=pl.col("text").str.extract(rf"\Aobject ({_NAME})\n"),
            target=pl.col("head").str.extract(r"(?m)^type (.*)$").str.slice(0, 10),
            called=pl.col("head").str.extract(r"(?m)^tag (.*)$").str.slice(0, _CALLED),
            tagger=_line("tagger"),
            mentioned=_mentioned(),
        )
        .with_columns(
            clock=clock("tagger", pl.col("tagger")),
            actor=actor(pl.col("tagger")),
            seconds=seconds(pl.col("tagger")),
            hashes=pl.when(pl.col("object").is_not_null())
            .then(pl.concat_list("git:" + pl.col("object")))
            .otherwise(pl.lit([], dtype=pl.List(pl.String))),
        )
    )


def named() -> pl.Expr:
    """``names`` of an event: objects in the header, digests in the message; never null.

    A digest in the message that is as long as the repository's own names is ``git:``, of 64
    digits elsewhere ``sha256:``; in a repository of SHA-256 format it may be either, and is given
    as ``sha256:``, since what a message quotes at that length is a file's digest.
    """
    size = pl.element().str.len_bytes()
    said = pl.when(size == 40).then("git:" + pl.element()).otherwise("sha256:" + pl.element())  # noqa: PLR2004
    both = pl.concat_list("hashes", pl.col("mentioned").list.eval(said))
    return (
        pl.when(pl.col("mentioned").is_null())
        .then("hashes")
        .otherwise(both.list.unique(maintain_order=True))
    )


def parents() -> pl.Expr:
    """How many parents a commit has; they stand in :func:`named` behind the tree."""
    hashes = pl.col("hashes").list
    count = pl.when(pl.col("mentioned").is_null()).then(hashes.len()).otherwise(hashes.n_unique())
    return (count.cast(pl.Int64) - 1).clip(lower_bound=0)


def _hashes(lines: pl.Expr) -> pl.Expr:
    """``git:…`` of each ``tree`` and ``parent`` line."""
    return lines.str.replace_all("tree |parent ", "git:").str.strip_suffix("\n").str.split("\n")


def _split(raw: pl.DataFrame) -> pl.DataFrame:
    """``head`` (header lines) and ``body`` (the message) of the text."""
    parts = pl.col("text").str.splitn("\n\n", 2).struct
    return raw.with_columns(head=parts.field("field_0"), body=parts.field("field_1"))


def _line(word: str) -> pl.Expr:
    """The first header line of that word, without the word. It may be empty; null if none."""
    return pl.col("head").str.extract(rf"(?m)^{word} ?(.*)$").str.slice(0, _LINE)


def _title(message: pl.Expr) -> pl.Expr:
    """The message's first line, as the commit has it; empty where there is none."""
    line = message.str.splitn("\n", 2).struct.field("field_0")
    return line.str.slice(0, _TITLE).fill_null("")


def _behind(text: pl.Expr, mark: str) -> pl.Expr:
    return text.str.splitn(mark, 2).struct.field("field_1")


def _mentioned() -> pl.Expr:
    """Digests that the message holds: they were there before it was hashed."""
    body = pl.col("body")
    return pl.when(body.str.contains(_HEX)).then(body.str.extract_all(_HEX))
