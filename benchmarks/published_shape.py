"""Writes a published warehouse of any size: the tables that the questions read, as a build and `publish` leave them.

Rows are functions of their number (`benchmarks/published/*.sql`), so the same size gives the same file. Clients are of
very different size (of two hundred the largest has 7 % of all rows, the median one 0.35 %), and grow; people prefer
what is new, higher places and some channels. Facts lie as a build clusters them, client by client in the order of
time, but for the newest week: what increments brought lies behind, in the order of commit. Reports lie in the order in
which a hash table gave them. Names and types of columns are the models' contracts, which a test compares with a real
build. Memory is bounded; a hundred million impressions take minutes and some 9 GB.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import yaml

from benchmarks.errors import BenchError
from benchmarks.process import ROOT
from ingestion.warehouse.duckdb.connection import UNUSED_COMPRESSION
from ingestion.warehouse.publish import STORAGE_VERSION

_SQL: Final = Path(__file__).parent / "published"
_MARTS: Final = ROOT / "dbt_project" / "models" / "marts"
CLIENTS: Final = 200
WEEKS: Final = 104
FIRST_DAY: Final = "2024-11-04"  # a Monday
CLUSTERED: Final = {"fct_impressions": "shown_at", "fct_applications": "applied_at"}  # large facts and their time
_MEMORY: Final = "3GB"

# u is a row's place among all, 0 to 1. Its client is the whole part of clients * u * u, its time the root of the rest:
# so rows come client by client, each client's in the order of time, and no row has to be looked up or sorted.
_MACROS: Final = """
create macro client_count() as {clients};
create macro week_count() as {weeks};
create macro impression_count() as {impressions};
create macro application_count() as {impressions} // 10;
create macro member_count() as {impressions} // 50;
create macro opportunity_count() as {impressions} // 250;
create macro noise(i, salt) as hash(i, salt) / 18446744073709551616.0;
create macro one_of(list, i, salt) as list[1 + cast(floor(len(list) * noise(i, salt)) as bigint)];
create macro client_of(i, n) as cast(floor({clients} * pow((i + 0.5) / n, 2)) as bigint);
create macro age_of(i, n) as sqrt({clients} * pow((i + 0.5) / n, 2) - client_of(i, n));
create macro row_id(i, n) as cast(floor(age_of(i, n) * n) as bigint) * {clients} + client_of(i, n) + 1;
create macro first_of(n, k) as cast(ceil(n * sqrt(k / {clients}) - 0.5) as bigint);
create macro pick(n, k, x) as greatest(least(first_of(n, k + x), first_of(n, k + 1) - 1), 0);
create macro member_id_of(k, x) as 1 + pick(member_count(), k, x);
create macro opportunity_id_of(k, t, x) as 1 + pick(opportunity_count(), k, pow(greatest(t - 0.08 * x, 0), 2));
create macro moment(t) as
    timestamptz '{first_day} 00:00:00+00' + to_microseconds(cast(cast(t as double) * {weeks} * 604800000000 as bigint));
create table numbers as select cast(range as integer) as i from range({impressions});
create view client_weeks as
    select
        range as i,
        range // {weeks} as k,
        range % {weeks} as week_number,
        date '{first_day}' + 7 * cast(range % {weeks} as integer) as week_starts_on,
        range % {weeks} < {weeks} - 1 as is_complete_week
    from range(({clients} + 1) * {weeks});
"""


@dataclass(frozen=True, slots=True)
class Published:
    """What was written."""

    path: Path
    rows: dict[str, int]
    seconds: float

    @property
    def megabytes(self) -> int:
        """Size of the file."""
        return round(self.path.stat().st_size / 2**20)


def tables() -> dict[str, str]:
    """Give the tables that are written, with their schemas."""
    return {path.stem: "reporting" if path.stem.startswith("rpt_") else "marts" for path in sorted(_SQL.glob("*.sql"))}


def contract(model: str) -> dict[str, str]:
    """Give the columns of a mart with their types, from its YAML."""
    (path,) = _MARTS.rglob(f"{model}.yml")
    (document,) = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    return {column["name"]: column["data_type"] for column in document["columns"]}


def write(
    path: Path, impressions: int, *, clients: int = CLIENTS, say: Callable[[str], None] = lambda text: None
) -> Published:
    """Write a file with so many impressions, a tenth as many applications, and what belongs to them."""
    began = time.monotonic()
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = {}
    with duckdb.connect(config={"temp_directory": str(path.parent / "spill")}) as connection:
        connection.execute(f"set TimeZone = 'UTC'; set memory_limit = '{_MEMORY}'")
        connection.execute(f"set disabled_compression_methods = '{UNUSED_COMPRESSION}'")
        sizes = {"clients": clients, "weeks": WEEKS, "impressions": impressions}
        connection.execute(_MACROS.format(**sizes, first_day=FIRST_DAY))
        connection.execute(f"attach '{path}' as published (storage_version '{STORAGE_VERSION}')")
        connection.execute("create schema published.marts; create schema published.reporting")
        for name, schema in tables().items():
            rows[name] = _write_table(connection, f"published.{schema}.{name}", name)
            say(f"{name}: {rows[name]:,} rows")
        connection.execute("detach published")
    return Published(path, rows, time.monotonic() - began)


def _write_table(connection: duckdb.DuckDBPyConnection, relation: str, model: str) -> int:
    query = (_SQL / f"{model}.sql").read_text(encoding="utf-8")
    columns = contract(model)
    given = [row[0] for row in connection.execute(f"describe {query}").fetchall()]
    if given != list(columns):
        raise BenchError(f"benchmarks/published/{model}.sql gives {given}, the model's contract says {list(columns)}")
    connection.execute(f"create table {relation} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    if moment := CLUSTERED.get(model):
        newest = f"moment({1 - 1 / WEEKS})"
        parts = [f"where {moment} < {newest}", f"where {moment} >= {newest} order by {moment}"]
    else:
        parts = ["order by hash(made)" if model.startswith("rpt_") else ""]
    for part in parts:
        connection.execute(f"insert into {relation} select * from ({query}) as made {part}")
    count = connection.execute(f"select count(*) from {relation}").fetchone()
    assert count is not None
    return int(count[0])
