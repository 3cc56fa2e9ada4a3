"""Built-in types: how their values are laid out, and their text.

OIDs of built-in types never change (``pg_type.dat``). A value's text is what the server writes
with DateStyle ISO, TimeZone UTC, bytea_output hex, IntervalStyle postgres: as COPY does in a dump.
"""

from __future__ import annotations

import socket
import struct
import uuid as uuids
from collections.abc import Callable, Mapping
from functools import cache, partial

from collectors.postgres.heap.jsonb import jsonb
from collectors.postgres.heap.model import Gap, Type, Value
from collectors.postgres.heap.numeric import float4, float8, numeric
from collectors.postgres.heap.times import date, interval, time, timestamp, timestamptz, timetz
from collectors.postgres.heap.varlena import Unreadable, take

Reader = Callable[[bytes], Value]
"""A stored value, without the header of its length, to its text. May raise Unreadable."""

# name, OID, OID of its array, bytes, alignment; what format_type and pg_dump call it, if otherwise.
_BUILT_IN = """
bool 16 1000 1 c boolean
bytea 17 1001 -1 i
char 18 1002 1 c "char"
name 19 1003 64 c
int8 20 1016 8 d bigint
int2 21 1005 2 s smallint
int2vector 22 1006 -1 i
int4 23 1007 4 i integer
regproc 24 1008 4 i
text 25 1009 -1 i
oid 26 1028 4 i
tid 27 1010 6 s
xid 28 1011 4 i
cid 29 1012 4 i
oidvector 30 1013 -1 i
json 114 199 -1 i
xml 142 143 -1 i
pg_node_tree 194 0 -1 i
point 600 1017 16 d
lseg 601 1018 32 d
path 602 1019 -1 d
box 603 1020 32 d
polygon 604 1027 -1 d
line 628 629 24 d
cidr 650 651 -1 i
float4 700 1021 4 i real
float8 701 1022 8 d double precision
circle 718 719 24 d
macaddr8 774 775 8 i
money 790 791 8 d
macaddr 829 1040 6 i
inet 869 1041 -1 i
aclitem 1033 1034 12 i
bpchar 1042 1014 -1 i character
varchar 1043 1015 -1 i character varying
date 1082 1182 4 i
time 1083 1183 8 d time without time zone
timestamp 1114 1115 8 d timestamp without time zone
timestamptz 1184 1185 8 d timestamp with time zone
interval 1186 1187 16 d
timetz 1266 1270 12 d time with time zone
bit 1560 1561 -1 i
varbit 1562 1563 -1 i bit varying
numeric 1700 1231 -1 i
refcursor 1790 2201 -1 i
regprocedure 2202 2207 4 i
regoper 2203 2208 4 i
regoperator 2204 2209 4 i
regclass 2205 2210 4 i
regtype 2206 2211 4 i
uuid 2950 2951 16 c
txid_snapshot 2970 2949 -1 d
pg_lsn 3220 3221 8 d
tsvector 3614 3643 -1 i
tsquery 3615 3645 -1 i
gtsvector 3642 3644 -1 i
regconfig 3734 3735 4 i
regdictionary 3769 3770 4 i
jsonb 3802 3807 -1 i
int4range 3904 3905 -1 i
numrange 3906 3907 -1 i
tsrange 3908 3909 -1 i
tstzrange 3910 3911 -1 i
daterange 3912 3913 -1 i
int8range 3926 3927 -1 d
jsonpath 4072 4073 -1 i
regnamespace 4089 4090 4 i
regrole 4096 4097 4 i
regcollation 4191 4192 4 i
pg_snapshot 5038 5039 -1 d
xid8 5069 271 8 d
"""
_ALIGN = {"c": 0, "s": 1, "i": 3, "d": 7}
_QUOTE = frozenset('"\\{} \t\n\r\v\f')


def mask(align: str) -> int:
    """``d`` to 7: what rounds a place up, as in ``at + mask & ~mask``."""
    return _ALIGN.get(align, 3)


@cache
def by_oid() -> dict[int, Type]:
    """Built-in types and their arrays."""
    return _tables()[0]


@cache
def _by_name() -> dict[str, Type]:
    return _tables()[1]


@cache
def _tables() -> tuple[dict[int, Type], dict[str, Type]]:
    oids: dict[int, Type] = {}
    names: dict[str, Type] = {}
    for line in _BUILT_IN.strip().splitlines():
        name, oid, array, length, align, *words = line.split()
        one = Type(name, int(oid), int(length), align)
        oids[one.oid] = names[" ".join(words) or name] = one
        if int(array):
            # An array is aligned as its elements, and to four bytes at least.
            outer = Type(f"_{name}", int(array), -1, "d" if align == "d" else "i", element=one)
            oids[outer.oid] = names[(" ".join(words) or name) + "[]"] = outer
    return oids, names


def by_name(name: str) -> Type | None:
    """By what ``format_type`` or ``pg_dump`` calls it, modifiers and all; None: not built in."""
    bare = name.strip()
    array = bare.endswith("[]")
    while bare.endswith("[]"):
        bare = bare[:-2]
    start, stop = bare.find("("), bare.rfind(")")
    if 0 < start < stop:
        # "timestamp(3) with time zone": what stands in brackets is the modifier.
        bare = bare[:start] + bare[stop + 1 :]
    if bare.startswith("interval "):
        bare = "interval"
    return _by_name().get(bare + ("[]" if array else ""))


def reader(of: Type) -> Reader | None:
    """How to read a value of the type; None: its text cannot be told."""
    if of.labels is not None:
        return partial(_label, of.labels)
    if of.element is not None:
        inner = reader(of.element)
        return partial(_array, of.element, inner) if inner else None
    return _READERS.get(of.name)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _name(data: bytes) -> str:
    return _text(data.split(b"\0", 1)[0])


def _char(data: bytes) -> str:
    if data[0] & 0x80:
        return f"\\{data[0]:03o}"
    return chr(data[0]) if data[0] else ""


def _bytea(data: bytes) -> str:
    return "\\x" + data.hex()


def _bool(data: bytes) -> str:
    return "t" if data[0] else "f"


def _signed(data: bytes) -> str:
    return str(int.from_bytes(data, "little", signed=True))


def _unsigned(data: bytes) -> str:
    return str(int.from_bytes(data, "little"))


def _uuid(data: bytes) -> str:
    return str(uuids.UUID(bytes=data))


def _mac(data: bytes) -> str:
    return data.hex(":")


def _lsn(data: bytes) -> str:
    low, high = struct.unpack("<II", data)
    return f"{high:X}/{low:X}"


def _tid(data: bytes) -> str:
    high, low, line = struct.unpack("<HHH", data)
    return f"({high << 16 | low},{line})"


def _bits(data: bytes) -> str:
    (count,) = struct.unpack_from("<i", data)
    if not 0 <= count <= (len(data) - 4) * 8:
        raise Unreadable
    return f"{int.from_bytes(data[4:]):0{(len(data) - 4) * 8}b}"[:count] if count else ""


def _xml(data: bytes) -> Value:
    # What it declares of its encoding is left out or not by rules of its own.
    return Gap("not decoded: xml with a declaration") if data[:5] == b"<?xml" else _text(data)


def _network(data: bytes, *, whole: bool) -> str:
    family = {2: socket.AF_INET, 3: socket.AF_INET6}.get(data[0])
    size = 4 if data[0] == 2 else 16  # noqa: PLR2004  (PGSQL_AF_INET)
    if family is None or len(data) != size + 2:
        raise Unreadable
    text = socket.inet_ntop(family, data[2:])
    return text if not whole and data[1] == size * 8 else f"{text}/{data[1]}"


def _vector(data: bytes) -> str:
    # An array of one dimension, always without nulls, printed without brackets.
    _, _, _, count, _ = struct.unpack_from("<iiIii", data)
    size = 2 if len(data) == 20 + 2 * count else 4
    signed = size == 2  # noqa: PLR2004  (int2vector)
    cells = (data[at : at + size] for at in range(20, 20 + size * count, size))
    return " ".join(str(int.from_bytes(cell, "little", signed=signed)) for cell in cells)


def _label(labels: Mapping[int, str], data: bytes) -> Value:
    oid = int.from_bytes(data, "little")
    return labels.get(oid, Gap(f"not decoded: a label of an enum, OID {oid}"))


def elements(inner: Type, data: bytes) -> tuple[list[int], list[int], list[bytes | None]]:
    """Dimensions, lower bounds and stored elements of an array.

    Raises:
        Unreadable: its lengths do not fit together.
    """
    # Places count from the header of its length, of four bytes.
    data = b"\0\0\0\0" + data
    count, offset, _ = struct.unpack_from("<iiI", data, 4)
    if not 0 <= count <= 6:  # noqa: PLR2004  (MAXDIM)
        raise Unreadable
    sizes = list(struct.unpack_from(f"<{count}i", data, 16))
    lows = list(struct.unpack_from(f"<{count}i", data, 16 + 4 * count))
    total = 1 if count else 0
    for size in sizes:
        total *= size
    if not 0 <= total <= len(data) * 8:
        raise Unreadable
    nulls = 16 + 8 * count if offset else 0
    at = offset or 16 + 8 * count + 7 & ~7
    step = mask(inner.align)
    found: list[bytes | None] = []
    for index in range(total):
        if nulls and not data[nulls + (index >> 3)] >> (index & 7) & 1:
            found.append(None)
            continue
        if inner.length > 0:
            at = at + step & ~step
            found.append(data[at : at + inner.length])
            at += inner.length
            if at > len(data):
                raise Unreadable
        else:
            piece, at = take(data, at, step)
            if not isinstance(piece, bytes):
                raise Unreadable
            found.append(piece)
    return sizes, lows, found


def _array(inner: Type, read: Reader, data: bytes) -> Value:
    """PostgreSQL documentation, 8.15.6 "Array Input and Output Syntax"."""
    sizes, lows, cells = elements(inner, data)
    if not sizes:
        return "{}"
    texts: list[str] = []
    for cell in cells:
        value = None if cell is None else read(cell)
        if isinstance(value, Gap):
            return value
        texts.append("NULL" if value is None else _quoted(value))
    for size in reversed(sizes):
        texts = [
            "{" + ",".join(texts[at : at + size]) + "}" for at in range(0, len(texts), size or 1)
        ]
    bounds = "".join(f"[{low}:{low + size - 1}]" for low, size in zip(lows, sizes, strict=True))
    return (f"{bounds}=" if any(low != 1 for low in lows) else "") + "".join(texts)


def _quoted(text: str) -> str:
    if text and text.upper() != "NULL" and "," not in text and _QUOTE.isdisjoint(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_READERS: dict[str, Reader] = {
    **dict.fromkeys(("text", "varchar", "bpchar", "json", "refcursor", "pg_node_tree"), _text),
    **dict.fromkeys(("int2", "int4", "int8"), _signed),
    **dict.fromkeys(("oid", "xid", "cid", "xid8"), _unsigned),
    **dict.fromkeys(("macaddr", "macaddr8"), _mac),
    **dict.fromkeys(("bit", "varbit"), _bits),
    **dict.fromkeys(("int2vector", "oidvector"), _vector),
    "name": _name,
    "char": _char,
    "bool": _bool,
    "bytea": _bytea,
    "uuid": _uuid,
    "pg_lsn": _lsn,
    "tid": _tid,
    "xml": _xml,
    "inet": partial(_network, whole=False),
    "cidr": partial(_network, whole=True),
    "numeric": numeric,
    "float4": float4,
    "float8": float8,
    "date": date,
    "time": time,
    "timetz": timetz,
    "timestamp": timestamp,
    "timestamptz": timestamptz,
    "interval": interval,
    "jsonb": jsonb,
}
