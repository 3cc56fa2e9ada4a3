"""Stored values to text: held against COPY of real servers."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from collectors.postgres.heap.tuples import Decoder
from tests.collectors.postgres.heap.tables import copied, in_columns, shown, stored, table_of
from tests.servers import Postgres

pytestmark = pytest.mark.live

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300)
DIGITS = st.text("0123456789", min_size=1, max_size=60)
FLOATS = st.floats(width=64).map(repr)
# (type, its values as SQL takes them)
NASTY: dict[str, list[str]] = {
    "bool": ["t", "f"],
    "int2": ["0", "-32768", "32767"],
    "int4": ["0", "-2147483648", "2147483647"],
    "int8": ["0", "-9223372036854775808", "9223372036854775807"],
    "oid": ["0", "4294967295"],
    '"char"': ["", "a", "~"],
    "name": ["", "n", "n" * 63, "ü" * 31],
    "float4": [
        "0",
        "-0",
        "1",
        "-1",
        "1e6",
        "999999",
        "1e-4",
        "1e-5",
        "1e38",
        "1e-45",
        "NaN",
        "Infinity",
        "-Infinity",
        "1.1",
        "16777216",
    ],
    "float8": [
        "0",
        "-0",
        "1",
        "1e15",
        "999999999999999",
        "1e-4",
        "1e-5",
        "1e308",
        "5e-324",
        "NaN",
        "Infinity",
        "-Infinity",
        ".1",
    ],
    "numeric": [
        "0",
        "0.00",
        "-0.000",
        "1",
        "10",
        "10000",
        "100000000",
        "0.1",
        "0.0001",
        "0.00001",
        "0.00000001",
        "-1234567890.0987654321",
        "1e300",
        "1e-300",
        "NaN",
        "Infinity",
        "-Infinity",
        "99999999999999999999.9999",
        "10000.00010000",
        "0.10",
    ],
    "numeric(10,3)": ["0", "-1.5", "1234567.891"],
    "text": [
        "",
        "a",
        "x" * 126,
        "x" * 127,
        "x" * 1000,
        "ü—😀",
        "\\N",
        "tab\tline\nback\\",
        '"',
        "NULL",
    ],
    "varchar(20)": ["", "abc  "],
    "char(7)": ["", "abc", "üü"],
    "bytea": ["", "\\x00", "\\xdeadbeef", "\\x" + "00" * 200],
    "date": [
        "2000-01-01",
        "1999-12-31",
        "2026-03-08",
        "0001-01-01",
        "4713-01-01BC",
        "0044-03-15BC",
        "2000-02-29",
        "1900-02-28",
        "5874897-12-31",
        "infinity",
        "-infinity",
        "2100-03-01",
    ],
    "time": ["00:00", "24:00", "12:34:56.789", "23:59:59.999999", "00:00:00.000001"],
    "timetz": ["00:00+00", "12:34:56.5-05:30", "24:00+15:59:59", "01:02:03-15"],
    "timestamp": [
        "2000-01-01",
        "1999-12-31 23:59:59.999999",
        "4713-01-01 00:00 BC",
        "infinity",
        "294276-12-31 23:59:59.999999",
        "-infinity",
        "0001-12-31 11:00 BC",
        "12345-01-01",
    ],
    "timestamptz": [
        "2000-01-01",
        "1969-12-31 23:59:59.999999",
        "4713-01-01 00:00 BC",
        "infinity",
        "-infinity",
        "2026-02-14 10:05:00.5+01",
    ],
    "interval": [
        "0",
        "1 year",
        "-1 year",
        "1 mon",
        "14 mons -3 days 04:05:06.7",
        "-14 mons 3 days",
        "1 day -00:00:00.000001",
        "-1 day",
        "-1 mon 1 day -1 sec",
        "100000 hours",
        "2 days",
    ],
    "uuid": ["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "json": ['{"a":\n 1}', "[]", '"\\u00e9"'],
    "jsonb": [
        "{}",
        "[]",
        '""',
        "1",
        "null",
        "true",
        "-1.50e3",
        '{"b":[1,2.50,null,{"a":{}}],"a":"x\\ny\\u0001"}',
        "[" + ",".join(str(n) for n in range(100)) + "]",
        "{" + ",".join(f'"k{n}": "{"v" * n}"' for n in range(70)) + "}",
        '["ü", "\\\\", "\\""]',
        '[[[[1]]], {"x": [false, "z"]}, 12345678901234567890.123]',
        '{"": 0.00001}',
    ],
    "inet": [
        "0.0.0.0",  # noqa: S104  (a value)
        "10.1.2.3/8",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:1.2.3.4",
        "2001:db8::1/64",
        "1:0:0:2::",
        "fe80::1:0:0:1",
        "1:2:3:4:5:6:7:0",
        "0:0:0:0:0:0:102:304",
        "::1:0:0:0:0",
    ],
    "cidr": ["10.0.0.0/8", "::/0", "2001:db8::/32", "1.2.3.4/32"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bit(5)": ["10110", "00000"],
    "varbit": ["", "1", "101100111"],
    "pg_lsn": ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"],
    "text[]": [
        "{}",
        '{a,NULL,"","null","a b","q\\"u\\\\o","{",",",ü}',
        "{{a,b},{c,d}}",
        "[0:1]={x,y}",
        "[2:3][-1:0]={{1,2},{3,4}}",
        "{" + ",".join("y" * n for n in range(1, 90)) + "}",
    ],
    "int4[]": [
        "{}",
        "{1,NULL,-3}",
        "{{{1},{2}},{{3},{4}}}",
        "{" + ",".join(map(str, range(500))) + "}",
    ],
    "int2[]": ["{1,2,3}", "{NULL}"],
    "int8[]": ["{1,NULL,9223372036854775807}"],
    "bool[]": ["{t,f,NULL}"],
    "numeric[]": ["{1.50,NULL,-0.001}"],
    "float8[]": ["{1,1e300,NULL}"],
    "timestamptz[]": ['{"2026-01-01 00:00:00+00",NULL}'],
    "uuid[]": ["{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"],
    "name[]": ["{a,b}"],
    "jsonb[]": ['{"{\\"a\\": 1}",NULL}'],
    "oidvector": ["", "1 2 3"],
    "int2vector": ["1 -2"],
    "tid": ["(0,1)", "(4294967295,65535)"],
    "xml": ["<a>b</a>"],
}


def _literal(text: str) -> str:
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


def test_values_of_every_type_read_as_copy_writes_them(server: Postgres) -> None:
    types = list(NASTY)
    rows = max(map(len, NASTY.values()))
    columns = ", ".join(f"c{at} {kind}" for at, kind in enumerate(types))
    server.psql(f"drop table if exists nasty; create table nasty (n int, {columns})")
    lines = []
    for row in range(rows):
        cells = [NASTY[kind][row] if row < len(NASTY[kind]) else None for kind in types]
        lines.append(f"({row}, {', '.join(map(_literal, cells))})")
    server.psql(f"insert into nasty values {', '.join(lines)}")  # noqa: S608  (quoted above)

    decoder = Decoder(table_of(server, "nasty"))
    ours = {}
    held = [one.tuple for one in stored(server, "nasty")]
    for one, together in zip(held, in_columns(decoder, held), strict=True):
        values = shown(decoder.values(one))
        assert values == shown(together)
        ours[values[0]] = values
    theirs = copied(server, "select * from nasty order by n")
    wrong = [
        (kind, mine, said)
        for row in theirs
        for kind, mine, said in zip(["n", *types], ours[row[0]], row, strict=True)
        if mine not in {said, "[not in the archive]"}
    ]
    assert not wrong
    assert len(ours) == rows


@given(
    st.lists(
        st.tuples(
            TEXTS,
            st.floats(width=32).map(repr),
            FLOATS,
            st.builds(lambda s, a, b: f"{s}{a}.{b}", st.sampled_from(["", "-"]), DIGITS, DIGITS),
            st.datetimes().map(str),
            st.timedeltas().map(lambda d: f"{d.days} days {d.seconds} sec {d.microseconds} us"),
            st.recursive(
                st.none() | st.booleans() | st.integers() | TEXTS,
                lambda inner: (
                    st.lists(inner, max_size=40) | st.dictionaries(TEXTS, inner, max_size=40)
                ),
                max_leaves=60,
            ).map(json.dumps),
            st.lists(TEXTS, max_size=9),
            st.binary(max_size=300).map(lambda data: "\\x" + data.hex()),
            st.ip_addresses().map(str),
        ),
        min_size=1,
        max_size=40,
    )
)
@settings(
    max_examples=12,
    # A failing batch shows its values; to shrink it would take a server minutes.
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck],
)
def test_values_read_back_as_the_server_gives_them_whatever_they_are(
    server: Postgres, rows: list[tuple[object, ...]]
) -> None:
    server.psql(
        "drop table if exists any_value; create table any_value (n int, a text, b float4, "
        "c float8, d numeric, e timestamptz, f interval, g jsonb, h text[], i bytea, j inet); "
        "alter table any_value alter g set storage main, alter h set storage main"
    )
    lines = []
    for number, row in enumerate(rows):
        cells = [
            "array[" + ",".join(map(_literal, cell)) + "]::text[]"
            if isinstance(cell, list)
            else _literal(str(cell).replace("\\u0000", "") if at == 6 else str(cell))
            for at, cell in enumerate(row)
        ]
        lines.append(f"({number}, {', '.join(cells)})")
    server.psql("insert into any_value values " + ", ".join(lines))  # noqa: S608  (quoted above)
    decoder = Decoder(table_of(server, "any_value"))
    held = [one.tuple for one in stored(server, "any_value")]
    ours = [shown(decoder.values(one)) for one in held]
    assert [shown(one) for one in in_columns(decoder, held)] == ours
    assert ours == copied(server, "select * from any_value order by n")
