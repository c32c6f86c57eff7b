"""Whose rows may be in a dataset: pairs of one client, people who consent today, nobody who asked to be forgotten.

Read from the raw tables by plain queries, beside the models that are to honour the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any  # Any: values of any column

import pyarrow as pa
import pyarrow.compute as pc

from training.connection import Connection
from training.gate.finding import Finding
from training.gate.origins import Origins
from training.gate.parts import Parts, aligned, beside
from training.spec import DatasetSpec

PURPOSE = "ml_training"
_SHOWN = 5  # rows that evidence names


def check_tenants(connection: Connection, spec: DatasetSpec, parts: Parts, origins: Origins) -> Finding:
    """The member, the opportunity and the row are of one client each time, by the product's own tables."""
    owners = {
        column: connection.arrow(
            f"select id, min(client_id) as client from raw_app_history.{table} where client_id is not null group by id"
        )
        for column, table in (("member_id", "members"), ("opportunity_id", "opportunities"))
    }
    found = _Wrong()
    told = ("client_id",) if "client_id" in parts.names else ()
    for piece, spine in _pieces(connection, spec, parts, origins, told, "client_id", *owners):
        client = spine.column("client_id")
        wrong = _differs(piece.column("client_id"), client) if told else _never(client)
        for column, clients in owners.items():
            wrong = pc.or_(wrong, _differs(aligned(spine.column(column), clients, "id").column("client"), client))
        found.add(piece.column(spec.id), {"of_two_clients": wrong, "not_in_the_spine": pc.is_null(client)})
    return found.finding("cross_tenant", {"rows": parts.rows})


def check_consent(connection: Connection, spec: DatasetSpec, parts: Parts, origins: Origins) -> Finding:
    """Each member consents to it today, was not erased, and the client has not opted out, whatever the row's age."""
    consents = connection.arrow(
        f"select distinct member_id from raw_app.consents where purpose = '{PURPOSE}' and withdrawn_at is null"
    )
    erased = connection.arrow(
        "select distinct members.id from raw_app_history.members as members"
        " inner join raw_app.erasure_requests as requests on requests.subject = members.user_id"
    )
    keys = connection.arrow(
        "select md5(concat('subject|', cast(subject as varchar))) as subject_key from raw_app.erasure_requests"
    )
    opted_out = connection.arrow("select id from raw_app.clients where ml_opt_out")
    found, people = _Wrong(), pa.array([], pa.string())
    for piece, spine in _pieces(connection, spec, parts, origins, (), "client_id", "member_id", "subject_key"):
        member, subject = spine.column("member_id"), spine.column("subject_key").cast(pa.string())
        people = pc.unique(pa.chunked_array([people, *subject.chunks])).drop_null()
        found.add(
            piece.column(spec.id),
            {
                "without_consent": pc.invert(_among(member, consents, "member_id")),
                "erased": pc.or_(_among(member, erased, "id"), _among(subject, keys, "subject_key")),
                "opted_out": _among(spine.column("client_id"), opted_out, "id"),
            },
        )
    return found.finding("consent", {"rows": parts.rows, "people": len(people)})


def _pieces(
    connection: Connection, spec: DatasetSpec, parts: Parts, origins: Origins, told: Sequence[str], *columns: str
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield pieces of the dataset (id and what is `told`), each beside its rows of the spine."""
    for piece in parts.pieces((spec.id, spec.time, *told)):
        ids, at = piece.column(spec.id), piece.column(spec.time)
        yield piece, beside(connection, origins.spine, origins.id, origins.time, columns, ids, at)


def _among(column: pa.ChunkedArray, table: pa.Table, name: str) -> pa.ChunkedArray:
    values = table.column(name).combine_chunks()
    return pc.is_in(column, value_set=values.cast(column.type))


def _differs(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether both are known and not the same."""
    return pc.fill_null(pc.not_equal(one, other), False)


def _never(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([False] * len(column))])


class _Wrong:
    """Rows that must not be there, by what is wrong with them: how many, and some of their ids."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._ids: dict[str, list[Any]] = {}

    def add(self, ids: pa.ChunkedArray, wrong: Mapping[str, pa.ChunkedArray]) -> None:
        """Take the rows of a piece for which a condition holds."""
        for what, condition in wrong.items():
            found = ids.filter(condition)
            if len(found):
                self._rows[what] = self._rows.get(what, 0) + len(found)
                self._ids[what] = [*self._ids.get(what, ()), *found.slice(0, _SHOWN).to_pylist()][:_SHOWN]

    def finding(self, check: str, evidence: Mapping[str, Any]) -> Finding:
        """Say what was found."""
        wrong = {what: {"rows": rows, "ids": self._ids[what]} for what, rows in self._rows.items()}
        return Finding(check, not wrong, {**evidence, **wrong})
