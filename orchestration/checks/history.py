"""Reads how a landed table changed lately: from its history, of event tables from the events' own times.

One query a table: changes by the hour of the last weeks, with the newest. Costs a scan of one column of the history.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa

from orchestration.checks import pace
from orchestration.checks.contract import Contract
from orchestration.checks.errors import ChecksError

COPIES = ("snapshot", "resync")  # how a copy's rows are named in a history: they tell nothing of when things changed


def with_history(engine: sa.Engine, contracts: list[Contract]) -> list[Contract]:
    """Add to each contract the rules that the table's own past gives, where it is judged by that.

    Nothing is added in a warehouse without a clock or without histories. Raises ChecksError when the past cannot be
    read: that says nothing about the data.
    """
    judged = [contract for contract in contracts if contract.changes_within_hours is not None]
    try:
        now = _now(engine) if judged else None
        return contracts if now is None else [_with_history(engine, contract, now) for contract in contracts]
    except sa.exc.SQLAlchemyError as error:
        raise ChecksError(
            "the past of the landed tables could not be read, which says nothing about the data"
            f" ({type(error).__name__})"
        ) from error


def _with_history(engine: sa.Engine, contract: Contract, now: datetime) -> Contract:
    if contract.changes_within_hours is None:
        return contract
    past = _past(engine, contract, now)
    if past is None:
        return contract
    return replace(contract, rules=(*contract.rules, *pace.rules(past, contract.changes_within_hours)))


def _now(engine: sa.Engine) -> datetime | None:
    """The newest time that the data's clock has shown."""
    if not sa.inspect(engine).has_table("clock", schema="_flux"):
        return None
    with engine.connect() as connection:
        newest: datetime | None = connection.execute(sa.text("select max(clock_at) from _flux.clock")).scalar_one()
    return None if newest is None else _utc(newest)


def _past(engine: sa.Engine, contract: Contract, now: datetime) -> pace.Past | None:
    is_event = contract.schema.startswith("raw_segment")
    schema = contract.schema if is_event else contract.schema.replace("raw_app", "raw_app_history", 1)
    if not sa.inspect(engine).has_table(contract.table, schema=schema):
        return None
    moment = sa.column("timestamp" if is_event else "_commit_at", sa.DateTime(timezone=True))
    hour = sa.cast(sa.func.floor(sa.extract("epoch", moment) / pace.HOUR), sa.BigInteger).label("hour")
    changes = (
        sa.select(hour, sa.func.count(), sa.func.max(moment))
        .select_from(sa.table(contract.table, schema=schema))
        .where(moment >= now - pace.LOOK_BACK, moment <= now)
        .group_by(sa.text("1"))
    )
    if not is_event:
        changes = changes.where(sa.column("_op").not_in(COPIES))
    with engine.connect() as connection:
        rows = connection.execute(changes).all()
    moments: list[datetime] = [row[2] for row in rows]
    by_hour = {int(row[0]): int(row[1]) for row in rows}
    return pace.Past(by_hour, _utc(max(moments)) if moments else None, now)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
