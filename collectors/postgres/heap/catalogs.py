"""How the server's own catalogue tables are laid out, of PostgreSQL 14 to 18.

``name:type`` of each column, up to the last one that is read here.
Source: ``pg_class.h``, ``pg_attribute.h``, ``pg_type.h``, ``pg_namespace.h``, ``pg_enum.h``,
``pg_database.h``; held against ``pg_attribute`` of real servers in the tests.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from collectors.postgres.heap.model import Column, Table
from collectors.postgres.heap.types import by_oid

PG_CLASS, PG_ATTRIBUTE, PG_TYPE, PG_NAMESPACE, PG_ENUM, PG_DATABASE = (
    *(1259, 1249, 1247, 2615, 3501, 1262),
)
CATALOGS = (PG_CLASS, PG_ATTRIBUTE, PG_TYPE, PG_NAMESPACE, PG_ENUM)
"""OIDs of the tables that describe others; their first files have these numbers."""

_CLASS = """
oid:oid relname:name relnamespace:oid reltype:oid reloftype:oid relowner:oid relam:oid
relfilenode:oid reltablespace:oid relpages:int4 reltuples:float4 relallvisible:int4 {18}
reltoastrelid:oid relhasindex:bool relisshared:bool relpersistence:char relkind:char relnatts:int2
"""
_ATTRIBUTE_14 = """
attrelid:oid attname:name atttypid:oid attstattarget:int4 attlen:int2 attnum:int2 attndims:int4
attcacheoff:int4 atttypmod:int4 attbyval:bool attalign:char attstorage:char attcompression:char
attnotnull:bool atthasdef:bool atthasmissing:bool attidentity:char attgenerated:char
attisdropped:bool attislocal:bool attinhcount:int4 attcollation:oid
attacl:_aclitem attoptions:_text attfdwoptions:_text attmissingval:bytea
"""
# Of attmissingval (anyarray) the bytes are taken as they are.
_ATTRIBUTE_16 = """
attrelid:oid attname:name atttypid:oid attlen:int2 attnum:int2 {17} atttypmod:int4 attndims:int2
attbyval:bool attalign:char attstorage:char attcompression:char attnotnull:bool atthasdef:bool
atthasmissing:bool attidentity:char attgenerated:char attisdropped:bool attislocal:bool
attinhcount:int2 {target} attacl:_aclitem attoptions:_text attfdwoptions:_text attmissingval:bytea
"""
_TYPE = """
oid:oid typname:name typnamespace:oid typowner:oid typlen:int2 typbyval:bool typtype:char
typcategory:char typispreferred:bool typisdefined:bool typdelim:char typrelid:oid
typsubscript:regproc typelem:oid typarray:oid typinput:regproc typoutput:regproc typreceive:regproc
typsend:regproc typmodin:regproc typmodout:regproc typanalyze:regproc typalign:char typstorage:char
typnotnull:bool typbasetype:oid
"""
_OTHERS = {
    PG_TYPE: _TYPE,
    PG_NAMESPACE: "oid:oid nspname:name nspowner:oid",
    PG_ENUM: "oid:oid enumtypid:oid enumsortorder:float4 enumlabel:name",
    PG_DATABASE: "oid:oid datname:name datdba:oid encoding:int4",
}
_ACLITEM_ARRAY = 1034
# From 16 on an aclitem has 64 bits of rights, and is aligned to eight bytes.
_WIDE_ACL_SINCE = 16
_NO_CACHE_OFFSET_SINCE = 18
_TARGET_LAST_SINCE = 17
_ALL_FROZEN_SINCE = 18


@cache
def catalog(oid: int, major: int) -> Table:
    """The layout of one of these tables."""
    types = {one.name: one for one in by_oid().values()}
    if major >= _WIDE_ACL_SINCE:
        types["_aclitem"] = replace(types["_aclitem"], align="d")
    columns = []
    for word in _text(oid, major).split():
        name, _, kind = word.partition(":")
        columns.append(Column(name, types[kind]))
    return Table(tuple(columns), f"built in, of PostgreSQL {major}", whole=False)


def _text(oid: int, major: int) -> str:
    if oid == PG_CLASS:
        return _CLASS.replace("{18}", "relallfrozen:int4" if major >= _ALL_FROZEN_SINCE else "")
    if oid == PG_ATTRIBUTE and major < _WIDE_ACL_SINCE:
        return _ATTRIBUTE_14
    if oid == PG_ATTRIBUTE:
        target = ["attstattarget:int2", "attcollation:oid"]
        if major >= _TARGET_LAST_SINCE:
            target.reverse()
        cache_offset = "" if major >= _NO_CACHE_OFFSET_SINCE else "attcacheoff:int4"
        return _ATTRIBUTE_16.replace("{17}", cache_offset).replace("{target}", " ".join(target))
    return _OTHERS[oid]
