"""From the warehouse to its readers: the published copy. (Dashboards: `walk.sites`; training sets: `walk.training`.)"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

import dashboards
from dashboards.catalogue import READABLE
from ingestion.warehouse.lease import lease
from ingestion.warehouse.postgres import connection as postgres
from ingestion.warehouse.postgres.serving import SERVING, publish_serving
from ingestion.warehouse.publish import Audience
from ingestion.warehouse.publish import publish as _publish
from orchestration.engines import require_models
from orchestration.errors import FluxError
from orchestration.serving import CURRENT_CUT, Serving
from orchestration.settings import Settings
from orchestration.spill import spill
from orchestration.warehouse import Warehouse

Reading = Warehouse | Serving

ROWS_MEMORY_BYTES = 1 << 30
DEFINITIONS = Path(dashboards.__file__).parent / "definitions"


@dataclass(frozen=True, slots=True)
class Published:
    """What readers got: where it stands, its tables, rows and bytes, and what more the engine tells."""

    target: str
    tables: int
    rows: int
    bytes: int
    seconds: float
    facts: Mapping[str, int | list[str]]


@dataclass(frozen=True, slots=True)
class Cut:
    """The newest row of `_flux.cuts`: the state of the data that the last build ran on. Times are aware."""

    cut_id: int
    epoch: int
    lsn: int
    at: dt.datetime
    made_at: dt.datetime


def publish(settings: Settings) -> Published:
    """Publish the warehouse for readers, and what is restricted apart. Waits for the lease.

    Of a Postgres warehouse it is the models: what is raw is read in place, where each commit is seen whole, and
    `restricted` belongs to the roles that were granted it.
    """
    require_models(settings)
    with lease(settings.home, "publish"):
        if settings.has_postgres_warehouse:
            return _serve(settings)
        report = _publish(settings.warehouse_path, settings.published_path)
        _publish(settings.warehouse_path, settings.restricted_path, audience=Audience.RESTRICTED)
    facts: dict[str, int | list[str]] = {
        "views": report.views,
        "left_out": [out.relation for out in report.left_out],
    }
    return Published(str(report.target), report.tables, report.rows, report.file_bytes, report.seconds, facts)


def _serve(settings: Settings) -> Published:
    with closing(postgres.connect(settings.warehouse)) as connection:
        report = publish_serving(connection, served(connection))
        size = connection.execute(
            "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from pg_class as c"
            " inner join pg_namespace as n on n.oid = c.relnamespace where n.nspname = $1 and c.relkind = 'r'",
            [SERVING],
        ).fetchone()
    return Published(f"schema {SERVING}", report.tables, report.rows, size[0] if size else 0, report.seconds, {})


def served(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """List what readers get of a Postgres warehouse as (schema, name): models, and the cut of their build."""
    found: list[tuple[str, str]] = connection.execute(
        "select schemaname, tablename from pg_tables where schemaname = any($1)"
        " or (schemaname = $2 and tablename = $3) order by 1, 2",
        [list(READABLE), *CURRENT_CUT],
    ).fetchall()
    return found


def reading(settings: Settings) -> Reading:
    """Open what is published. Raises FluxError when nothing is."""
    require_models(settings)
    if settings.has_postgres_warehouse:
        return Serving(settings.warehouse)
    return Warehouse.open(settings.published_path)


def reading_rows(settings: Settings) -> Reading:
    """Open what is published for a training set, whose rows are sorted: with a bound of memory, and files beyond it."""
    opened = reading(settings)
    if isinstance(opened, Warehouse):
        opened.bound(settings.build_memory_bytes or ROWS_MEMORY_BYTES, spill(settings.datasets_directory / ".spill"))
    return opened


def newest_cut(warehouse: Reading) -> Cut:
    """Give the cut that the published models were built on. Raises FluxError before the first build."""
    rows = warehouse.arrow(warehouse.newest_cut).to_pylist()
    if not rows:
        raise FluxError("no models were built yet; run 'flux build' (or 'flux demo')")
    return Cut(**rows[0])


def cut_of(warehouse: Reading, number: int) -> Cut:
    """Give the cut of that number."""
    sql = f"select cut_id, epoch, lsn, clock_at as at, made_at from _flux.cuts where cut_id = {number}"
    [row] = warehouse.arrow(sql).to_pylist()
    return Cut(**row)
