"""Keys whose values the warehouse's type cannot hold: their rows are told apart by the text beside them."""

from pathlib import Path

import pytest

from ingestion.load.loader import ChangeLoader
from ingestion.postgres.pgoutput.lsn import Lsn
from ingestion.verify import replay_histories, verify_tables
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.warehouses import Warehouse

KEYS = {
    "d date": ("2026-01-01", "infinity", "-infinity", "0044-03-15 BC", "5874897-12-31"),
    "at timestamptz": ("2026-01-01 00:00:00+00", "infinity", "0044-03-15 10:00:00+00 BC", "294276-12-31 23:59:59+00"),
    "ts timestamp(0)": ("2026-01-01", "294276-12-31 23:59:59.9", "-infinity"),
    "n numeric(10,2)": ("1.50", "NaN", "-0.01"),
    "w numeric": ("1.0", "NaN", "Infinity", "1e100"),
    "f float8": ("0", "NaN", "-Infinity", "1e300"),
    "tod time": ("00:00:00", "24:00:00"),
    "i interval": ("1 day", "-178000000 years"),
}  # fmt: skip


@pytest.fixture
def flux(database: str, tmp_path: Path, warehouse: Warehouse) -> Pipeline:
    return pipeline(database, tmp_path, warehouse=warehouse)


def differing(flux: Pipeline) -> dict[str, object]:
    """Tables whose mirror is not the source, or whose history does not replay to it."""
    with flux.destination.open() as destination:

        def bring(lsn: Lsn) -> None:
            flux.capture()
            ChangeLoader(destination, flux.home / "log").drain(until=lsn)

        compared = [
            *verify_tables(flux.source, destination, bring, spool=flux.home).tables,
            *replay_histories(destination),
        ]
    return {found.source: (found.differing_keys, found.sample) for found in compared if not found.equal}


def test_a_key_may_hold_what_its_warehouse_type_cannot(flux: Pipeline) -> None:
    tables = {f"k_{column.split()[0]}": (column, values) for column, values in KEYS.items()}
    for table, (column, values) in tables.items():
        key = column.split()[0]
        flux.execute(
            f"create table {table} ({column}, m int, long text, primary key ({key}, m))",
            f"alter table {table} alter long set storage external",
            f"insert into {table} values ('{values[0]}', 0, repeat('x', 9000)), ('{values[1]}', 1, repeat('x', 9000)), "
            f"('{values[0]}', 2, repeat('x', 9000)), ('{values[1]}', 2, repeat('x', 9000))",
        )
    flux.replicate()
    for table, (column, values) in tables.items():
        key = column.split()[0]
        flux.execute(
            f"insert into {table} select '{values[0]}', 5, repeat('x', 9000)",
            *(f"insert into {table} select '{value}', 6, repeat('x', 9000)" for value in values),
            # to an odd key and away from one, with a value that is not sent
            f"update {table} set {key} = '{values[1]}' where m = 0",
            f"update {table} set {key} = '{values[0]}' where m = 1",
            f"begin; update {table} set m = 7 where m = 6; update {table} set m = m + 1 where m = 7; commit",
            f"update {table} set long = 'short' where m = 8 and {key} = '{values[-1]}'",
            f"delete from {table} where m = 2 and {key} = '{values[1]}'",
        )
    flux.replicate()
    assert differing(flux) == {}
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')")
    for table, (column, values) in tables.items():
        flux.execute(f"delete from {table} where {column.split()[0]} = '{values[1]}' and m = 8")
    flux.replicate()
    assert differing(flux) == {}
