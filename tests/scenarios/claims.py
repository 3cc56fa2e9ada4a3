"""The tables of a scenario that ``case.toml`` claims, and how a live server gives their rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from psycopg import sql

from tests.scenarios.truth import Row

if TYPE_CHECKING:
    from typing import LiteralString

    import psycopg


@dataclass(frozen=True, slots=True)
class Claim:
    """A ``[[source.claim]]``."""

    table: str
    subject: str
    time: str
    attributes: Mapping[str, str]

    def toml(self) -> str:
        """As it stands in ``case.toml``."""
        attributes = ", ".join(f'{name} = "{column}"' for name, column in self.attributes.items())
        return (
            f'[[source.claim]]\ntable = "{self.table}"\nsubject = "{self.subject}"\n'
            f'time = "{self.time}"\nattributes = {{ {attributes} }}\n'
        )

    def rows(self, session: psycopg.Connection[Any]) -> list[Row]:
        """What the server has of it now, by subject."""
        fields = re.findall(r"\{(\w+)\}", self.subject)
        columns = [*fields, *self.attributes.values()]
        query = sql.SQL("select xmin::text::bigint, {}, {} from {}").format(
            sql.Identifier(self.time),
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(one)) for one in columns),
            sql.SQL(cast("LiteralString", self.table)),
        )
        found = []
        for xid, asserted, *texts in session.execute(query):
            named = dict(zip(fields, texts[: len(fields)], strict=True))
            values = zip(self.attributes, texts[len(fields) :], strict=True)
            given = {name: value for name, value in values if value is not None}
            found.append(Row(self.subject.format(**named), given, asserted, xid))
        return sorted(found, key=lambda row: (row.subject, row.xid))


LINEAGE = Claim(
    "ml.lineage", "model:{model}@{version}", "registered_at", {"artifact": "artifact_sha256"}
)
EVALUATIONS = Claim("ml.evaluations", "model:{model}@{version}", "evaluated_at", {"auc": "auc"})
