r"""Server logs: what PostgreSQL wrote of itself, as stderr lines, csvlog or jsonlog.

The same message in the three formats (each on one line in its file)::

    2026-02-10 03:00:07.121 UTC [4711] ann@lineage LOG:  statement: drop table ml.lineage

    2026-02-10 03:00:07.121 UTC,"ann","lineage",4711,"127.0.0.1:40022",698a9d07.1267,3,"idle",
    2026-02-10 03:00:07 UTC,3/14,0,LOG,00000,"statement: drop table ml.lineage",,,,,,,,,"psql",
    "client backend",,0

    {"timestamp":"2026-02-10 03:00:07.121 UTC","user":"ann","dbname":"lineage","pid":4711,
     "remote_host":"127.0.0.1","remote_port":40022,"session_id":"698a9d07.1267","line_num":3,
     "ps":"idle","session_start":"2026-02-10 03:00:07 UTC","vxid":"3/14","txid":0,
     "error_severity":"LOG","message":"statement: drop table ml.lineage",
     "application_name":"psql","backend_type":"client backend","query_id":0}

| kind | attribute | value |
| --- | --- | --- |
| ``log.statement`` | tags of its statements: ``DROP TABLE``, ``BEGIN; INSERT; COMMIT`` | its text |
| ``log.connection`` | ``received``, ``authenticated``, ``authorized`` | the message |
| ``log.disconnection`` | ``disconnected`` | the message |
| ``log.checkpoint`` | ``start``, ``complete``, ``restartpoint…`` | the message |
| ``log.recovery`` | ``point-in-time``, ``stopping``, ``new-timeline``, ``ready``, … | the message |
| ``log.message`` | ``ERROR``, ``FATAL``, ``PANIC``; ``setting``, ``reload`` | the message |
| ``log.file`` | | what became of every line, from the first to the last time |

The message comes with its parts (``DETAIL``, ``STATEMENT``) as a stderr log writes them.
A logged statement was *asked for*: it is written before it is run, and may have failed or been
rolled back. Statements that only read, and messages of level LOG and below that are not listed,
are counted and give no event.

``names`` holds the tables that a statement names with their schema, the transaction, the digests
in the text, and the session: ``session:ID``, or ``pid:N`` (which recurs) where no id is told.

No coverage is claimed: what is logged differs by role, database and session (``log_statement``),
and whether lines were taken out of a file, the file cannot say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collectors.postgres.options import PostgresOptions
    from collectors.postgres.serverlog.read import Logs
    from recon.collector import Items

KIND = "pg.serverlog"
DEFAULT_PREFIXES = ("%m [%p] ", "%m [%p] %q%u@%d ")
"""PostgreSQL's own ``log_line_prefix``, and that of Debian's packages."""

__all__ = ["DEFAULT_PREFIXES", "KIND", "read_logs"]


def read_logs(items: Items, source: str, options: PostgresOptions, system_id: int | None) -> Logs:
    """Events and warnings of every server log; see :mod:`collectors.postgres.serverlog.read`."""
    from collectors.postgres.serverlog.read import read_all

    return read_all(items, source, options, system_id)
