"""Rows from bytes: heap tuples of pages and of WAL, decoded without a server.

| file | reads |
| --- | --- |
| ``types``, ``numeric``, ``times``, ``jsonb``, ``varlena`` | one stored value to its text |
| ``tuples`` | a tuple to the values of a table's columns |
| ``page`` | a page to its tuples |
| ``catalogs`` | how the catalogue's own tables are laid out |

A value that is there and cannot be said is a :class:`~collectors.postgres.heap.model.Gap`, never
a guess.
"""
