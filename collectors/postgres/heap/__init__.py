"""Rows from bytes: heap tuples of pages and of WAL, decoded without a server.

| file | reads |
| --- | --- |
| ``types``, ``numeric``, ``times``, ``jsonb``, ``varlena`` | one stored value to its text |
| ``tuples`` | a tuple to the values of a table's columns |
| ``page``, ``pages`` | a page to its tuples; what is known of pages as records are replayed |
| ``versions`` | which record made the row version that stands at a place |
| ``kept``, ``frames`` | of more pages than memory holds: the last used ones there, others on disk |
| ``records``, ``toast`` | what a WAL record did to which tuples; values kept outside the row |
| ``catalogs``, ``columns``, ``describe``, ``history`` | how tables are laid out, and since when |
| ``copies``, ``ghosts`` | base backups, page by page |
| ``rows``, ``coverage``, ``quoted`` | events of row changes, where all would be seen, quotes |

A value that is there and cannot be said is a :class:`~collectors.postgres.heap.model.Gap`, never
a guess. Kinds of events, all of transactions that committed and stamped with their COMMIT, at the
stream and position of that, but cited by the record of the row, ``lsn X/Y`` (``lsn X/Y row N`` of
the later rows of one record):

- ``row.insert``, ``row.update``, ``row.delete``. They name the row version that they made
  (``version:SYSTEM/LSN.ROW``) and the one that they ended (``ended:…``). The subject is the
  claim's, of a deleted row too; the table's where the row is not in the archive.
- ``row.before``, cited ``lsn X/Y before``: the version that a record ended and that no record of
  the archive made in that place: written before the archive begins, or moved by a rewrite. Undated.
- ``row.ghost``, cited ``block B line L`` of a base backup's file: see
  :mod:`~collectors.postgres.heap.ghosts`.
"""
