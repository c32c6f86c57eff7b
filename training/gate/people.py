"""Whose rows may be in a dataset: pairs of one client, people who consent today, nobody who asked to be forgotten.

Read from the raw tables by plain queries, beside the models that are to honour the same.
"""

from typing import Any  # Any: values of any column

import pyarrow as pa
import pyarrow.compute as pc

from training.connection import Connection
from training.gate.finding import Finding
from training.gate.origins import Origins
from training.gate.parts import Parts, aligned
from training.gate.text import listed
from training.spec import DatasetSpec

PURPOSE = "ml_training"
_SHOWN = 5  # rows that evidence names


def check_tenants(connection: Connection, spec: DatasetSpec, parts: Parts, origins: Origins) -> Finding:
    """The member, the opportunity and the row are of one client each time, by the product's own tables."""
    ids = parts.column(spec.id)
    spine = _spine(connection, spec, origins, ids, "client_id", "member_id", "opportunity_id")
    client = spine.column("client_id")
    wrong = _differs(parts.column("client_id"), client) if "client_id" in parts.names else _never(client)
    for column, table in (("member_id", "members"), ("opportunity_id", "opportunities")):
        query = (
            f"select id, min(client_id) as client from raw_app_history.{table} where client_id is not null group by id"
        )
        owners = aligned(spine.column(column), connection.arrow(query), "id").column("client")
        wrong = pc.or_(wrong, _differs(owners, client))
    return _finding("cross_tenant", ids, {"rows": len(ids)}, {"of_two_clients": wrong})


def check_consent(connection: Connection, spec: DatasetSpec, parts: Parts, origins: Origins) -> Finding:
    """Each member consents to it today, was not erased, and the client has not opted out, whatever the row's age."""
    ids = parts.column(spec.id)
    spine = _spine(connection, spec, origins, ids, "client_id", "member_id", "subject_key")
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
    member = spine.column("member_id")
    return _finding(
        "consent",
        ids,
        {"rows": len(ids), "people": pc.count_distinct(spine.column("subject_key")).as_py()},
        {
            "without_consent": pc.invert(_among(member, consents, "member_id")),
            "erased": pc.or_(_among(member, erased, "id"), _among(spine.column("subject_key"), keys, "subject_key")),
            "opted_out": _among(spine.column("client_id"), opted_out, "id"),
        },
    )


def _spine(connection: Connection, spec: DatasetSpec, origins: Origins, ids: Any, *columns: str) -> pa.Table:
    query = f"select {listed(origins.id, *columns)} from {origins.spine}"
    return aligned(ids, connection.arrow(query), origins.id)


def _among(column: pa.ChunkedArray, table: pa.Table, name: str) -> pa.ChunkedArray:
    values = table.column(name).combine_chunks()
    return pc.is_in(column, value_set=values.cast(column.type))


def _differs(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether both are known and not the same."""
    return pc.fill_null(pc.not_equal(one, other), False)


def _never(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([False] * len(column))])


def _finding(check: str, ids: pa.ChunkedArray, evidence: dict[str, Any], wrong: dict[str, pa.ChunkedArray]) -> Finding:
    for what, condition in wrong.items():
        found = ids.filter(condition)
        if len(found):
            evidence[what] = {"rows": len(found), "ids": found.slice(0, _SHOWN).to_pylist()}
    return Finding(check, not wrong.keys() & evidence.keys(), evidence)
