"""Which of the server's messages tell what was done, by how they begin.

The words are those of PostgreSQL 14 to 18 in English, as servers of those versions wrote them.
A log of a server with another ``lc_messages`` is read, but tells only its errors.
"""

from __future__ import annotations

import re

import polars as pl

STATEMENT, CONNECTION, DISCONNECTION = "log.statement", "log.connection", "log.disconnection"
CHECKPOINT, RECOVERY, MESSAGE = "log.checkpoint", "log.recovery", "log.message"

HEADS: dict[str, tuple[str, str]] = {
    "connection received: ": (CONNECTION, "received"),
    "connection authenticated: ": (CONNECTION, "authenticated"),
    "connection authorized: ": (CONNECTION, "authorized"),
    "replication connection authorized: ": (CONNECTION, "authorized"),
    "disconnection: ": (DISCONNECTION, "disconnected"),
    "checkpoint starting": (CHECKPOINT, "start"),
    "checkpoint complete": (CHECKPOINT, "complete"),
    "restartpoint starting": (CHECKPOINT, "restartpoint-start"),
    "restartpoint complete": (CHECKPOINT, "restartpoint-complete"),
    "recovery restart point at ": (CHECKPOINT, "restartpoint"),
    "starting PostgreSQL ": (RECOVERY, "server-start"),
    "database system was shut down": (RECOVERY, "was-shut-down"),
    "database system was interrupted": (RECOVERY, "was-interrupted"),
    "database system was not properly shut down": (RECOVERY, "was-not-shut-down"),
    "database system shutdown was interrupted": (RECOVERY, "was-interrupted"),
    "database system is ready to accept": (RECOVERY, "ready"),
    "database system is shut down": (RECOVERY, "shut-down"),
    "received fast shutdown request": (RECOVERY, "shutdown-request"),
    "received smart shutdown request": (RECOVERY, "shutdown-request"),
    "received immediate shutdown request": (RECOVERY, "shutdown-request"),
    "received promote request": (RECOVERY, "promote-request"),
    "entering standby mode": (RECOVERY, "standby"),
    "starting point-in-time recovery to ": (RECOVERY, "point-in-time"),
    "starting archive recovery": (RECOVERY, "archive-recovery"),
    "starting backup recovery with redo LSN ": (RECOVERY, "backup-recovery"),
    "completed backup recovery with redo LSN ": (RECOVERY, "backup-recovery-complete"),
    "restored log file ": (RECOVERY, "restored-file"),
    "redo starts at ": (RECOVERY, "redo-start"),
    "redo done at ": (RECOVERY, "redo-done"),
    "redo is not required": (RECOVERY, "redo-not-required"),
    "consistent recovery state reached at ": (RECOVERY, "consistent"),
    "recovery stopping ": (RECOVERY, "stopping"),
    "recovery has paused": (RECOVERY, "paused"),
    "pausing at the end of recovery": (RECOVERY, "paused"),
    "last completed transaction was at log time ": (RECOVERY, "last-transaction"),
    "selected new timeline ID: ": (RECOVERY, "new-timeline"),
    "new target timeline is ": (RECOVERY, "target-timeline"),
    "archive recovery complete": (RECOVERY, "archive-recovery-complete"),
    "started streaming WAL from primary": (RECOVERY, "streaming"),
    'parameter "': (MESSAGE, "setting"),
    "received SIGHUP, reloading configuration files": (MESSAGE, "reload"),
}
"""Beginnings of messages of level LOG, and the kind and attribute of their event."""
ERRORS = ("ERROR", "FATAL", "PANIC")

# The statement as it was sent, with what log_duration or log_min_duration_statement puts before.
# An execute is of a prepared statement, "name" or "name/portal"; parse and bind execute nothing.
_STATEMENT = (
    r"^(?:duration: [0-9.]+ ms  )?"
    r"(?:statement|execute (?:fetch from )?[^:\n]{1,200}): (?P<sql>(?s:.*))$"
)
_HEAD = rf"^({'|'.join(re.escape(head) for head in sorted(HEADS, key=len, reverse=True))})"
COUNTED_TAGS = frozenset(
    "SELECT VALUES TABLE SHOW SET RESET FETCH MOVE DECLARE CLOSE BEGIN START SAVEPOINT RELEASE "  # noqa: SIM905  (a list of words reads as one)
    "DEALLOCATE DISCARD LISTEN UNLISTEN NOTIFY EXPLAIN WITH".split()
)
"""Statements that by themselves change no table: counted, where nothing in them writes."""
WRITING_WORDS = frozenset(
    "INSERT UPDATE DELETE MERGE INTO TRUNCATE CREATE DROP ALTER EXECUTE ANALYZE".split()  # noqa: SIM905  (as above)
)
"""Words that may stand for a write within one that by its tag only reads."""
_XID = r"^recovery stopping (?:before|after) (?:commit|abort)[a-z ]* of transaction ([0-9]{1,10})"


def told(records: pl.DataFrame) -> pl.DataFrame:
    """Add ``kind`` and ``attribute`` (null where a message is counted alone) and ``sql``."""
    message, severity = pl.col("message"), pl.col("severity")
    heads = pl.DataFrame(
        [(head, kind, attribute) for head, (kind, attribute) in HEADS.items()],
        schema={"head": pl.String, "kind": pl.String, "attribute": pl.String},
        orient="row",
    )
    is_log = severity == "LOG"
    found = records.with_columns(
        head=pl.when(is_log).then(message.str.extract(_HEAD, 1)),
        sql=pl.when(is_log).then(message.str.extract(_STATEMENT, 1)),
    ).join(heads, on="head", how="left", maintain_order="left")
    return found.with_columns(
        kind=pl.when(severity.is_in(list(ERRORS)))
        .then(pl.lit(MESSAGE))
        .when(pl.col("sql").is_not_null())
        .then(pl.lit(STATEMENT))
        .otherwise("kind"),
        attribute=pl.when(severity.is_in(list(ERRORS))).then(severity).otherwise("attribute"),
        # The transaction that recovery stopped at, or the message's own.
        stopped=pl.when(pl.col("head") == "recovery stopping ").then(message.str.extract(_XID, 1)),
    ).drop("head")
