"""Fixed sentences of the exhibits: what a basis and a clock mean, and what every page says.

Verdicts and witnesses have their words in :mod:`recon.prose`.
"""

from __future__ import annotations

BASES = {
    "stamped": "Stamped: the medium wrote this time itself, as a side effect of storing.",
    "asserted": "Asserted: whoever wrote the record supplied this time as data.",
}

_FAMILIES = {
    "log": "Written into the line by the program that kept the log; who can write the log can "
    "write any time.",
    "examiner": "The examiner's own clock when the bytes were fetched.",
    "utc": "UTC, as an anchor gives it: a verified time-stamp, a signed answer or a time service. "
    "Its interval is as wide as whoever vouches for it says.",
    "tsa": "A date in a time-stamp that was not verified; whoever made the bytes could write any.",
    "ntp": "UTC by the word of a host's own time daemon; who runs the host could write any.",
}
UNKNOWN_CLOCK = "Whose clock this is, and who could set it, is not known to this tool."


def clock(name: str, basis: str) -> str:
    """What a clock is and who could set it, in one sentence.

    Source: the clock names of the collectors, and the documents of PostgreSQL, Amazon S3 and git.
    """
    family, _, rest = name.partition(":")
    which = rest.rpartition("/")[2]
    if family == "pg":
        return _postgres(which)
    if family == "s3":
        return (
            "The storage service's date for the stored version; the client that uploads does not "
            "supply it. A replica keeps the date of the version it was copied from."
            if basis == "stamped"
            else "A date that the uploading client supplied as metadata; the service does not "
            "check it."
        )
    if family == "git":
        return (
            "The clock of the machine that keeps this repository, written when the ref moved "
            "there; who controls that machine can set it."
            if which == "reflog"
            else "The clock of the computer where this was written, or any date its user gave: "
            "git records what it is told."
        )
    return _FAMILIES.get(family, UNKNOWN_CLOCK)


def _postgres(which: str) -> str:
    if which == "commit":
        return (
            "The database server's clock at commit, written by PostgreSQL beside the transaction. "
            "Who runs the server can set that clock; a client of the database cannot."
        )
    if which == "server":
        return "The database server's clock; who runs the server can set it."
    if which == "dump":
        return (
            "The clock of the machine that ran pg_dump; who ran it could set it. The archive holds "
            "local time without a zone: the zone is as the case declares it, and where it "
            "declares none the reading is as wide as all zones."
        )
    return (
        "A value in a column of the row, put there as data by whoever wrote the row; the database "
        "does not check it against any clock."
    )


def sentence(phrase: str) -> str:
    """A phrase as a sentence of its own."""
    return f"{phrase[:1].upper()}{phrase[1:].rstrip('.')}."


def ruled_out(state: bool | None) -> str:  # noqa: FBT001  (the three states of a finding's field)
    """Whether an innocent explanation stands."""
    return {True: "Ruled out", False: "Fits the evidence", None: "Not examined"}[state]


PLURALS = {
    "contradiction": "contradictions",
    "conflict": "conflicts",
    "breach": "breaches",
    "missing": "missing",
    "undetermined": "undetermined",
    "observation": "observations",
}

NOTICE = "Drafted by software; not certified by any person"
OFFERED = (
    "Undecided. Counsel decides whether this is a summary (FRE 1006), an illustrative aid "
    "(FRE 107), the basis of expert testimony (FRE 702, 703), or nothing."
)
COUNSEL = (
    "Note for counsel. This page was drafted by software from the evidence named on it. It says "
    "what records state and whether they can all be true; it does not say who did anything, or "
    "why. Facts and inference stand in separate blocks: the facts are copied from the items whose "
    "hashes are given, the inference is the tool's and needs a witness who adopts it. The "
    "tool certifies nothing for a person; counsel checks every legal point."
)
