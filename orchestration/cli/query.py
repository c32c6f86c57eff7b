"""`flux query`."""

from __future__ import annotations

import csv
import datetime as dt
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from orchestration import query_log
from orchestration.cli.output import examples, json_option, plain, print_json, print_table, read_settings
from orchestration.engines import require_models
from orchestration.errors import FluxError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from orchestration.settings import Settings
    from orchestration.warehouse import Warehouse

    Rows = Sequence[Sequence[object]]


@click.command(
    epilog=examples(
        'flux query "select count(*) from raw_app.applications"',
        'flux query "select * from reporting.rpt_hiring_funnel_weekly" --csv > funnel.csv',
    )
)
@click.argument("sql")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a heading line.")
@json_option
@click.option("--live", is_flag=True, help="Ask the live warehouse; waits until its owner lends it.")
def command(sql: str, as_csv: bool, as_json: bool, live: bool) -> None:
    """Run SQL on the published warehouse.

    The published copy is what dashboards and training sets read: complete as of the last build or load. --live takes
    the warehouse's lock and reads what was committed last. A Postgres warehouse is read as it is, read-only.

    Who asked, when, which relations and for how long is noted for the Usage page; the query's text is not.
    """
    if as_csv and as_json:
        raise click.UsageError("choose one of --csv and --json")
    settings = read_settings()
    require_models(settings)

    with _noted(settings, sql):
        names, rows = (
            _ask_postgres(settings, sql) if settings.has_postgres_warehouse else _ask_duckdb(settings, sql, live)
        )
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([["" if cell is None else plain(cell) for cell in row] for row in rows])
    else:
        print_table(names, rows)
        click.echo(f"({len(rows)} row{'' if len(rows) == 1 else 's'})", err=True)


@contextmanager
def _noted(settings: Settings, sql: str) -> Iterator[None]:
    """Note the query in the log, answered or refused; without a home there is no log."""
    begun, clock = dt.datetime.now(dt.UTC), time.perf_counter()
    answered = False
    try:
        yield
        answered = True
    finally:
        if settings.home.exists():
            query_log.note(
                settings.logs_directory, sql=sql, begun=begun, seconds=time.perf_counter() - clock, answered=answered
            )


def _ask_postgres(settings: Settings, sql: str) -> tuple[list[str], Rows]:
    """Ask a Postgres warehouse. Dates and times come as it writes them: Python has no infinity among them."""
    import psycopg
    from psycopg.types.string import TextLoader

    try:
        with psycopg.connect(
            settings.warehouse, options="-c default_transaction_read_only=on -c timezone=UTC"
        ) as asked:
            for kind in ("date", "time", "timetz", "timestamp", "timestamptz", "interval"):
                asked.adapters.register_loader(kind, TextLoader)
            cursor = asked.execute(sql.encode())
            return [column.name for column in cursor.description or ()], cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        raise FluxError(f"the warehouse refused the query: {str(error).splitlines()[0]}") from error


def _ask_duckdb(settings: Settings, sql: str, live: bool) -> tuple[list[str], Rows]:
    from orchestration.warehouse import Warehouse

    if live:
        from ingestion.warehouse.lease import lease

        with lease(settings.home, "flux query --live"), Warehouse.open(settings.warehouse_path) as warehouse:
            table = _run(warehouse, sql)
    else:
        with Warehouse.open(settings.published_path) as warehouse:
            table = _run(warehouse, sql)
    return table.column_names, list(zip(*[_cells(column) for column in table.columns], strict=True))


def _cells(column: pa.ChunkedArray) -> list[object]:
    """Give a column's values; in DuckDB's words where Python's dates end (infinity, years beyond 9999)."""
    try:
        values: list[object] = column.to_pylist()
    except (OverflowError, ValueError):
        import duckdb
        import pyarrow as pa

        with duckdb.connect() as words:
            words.register("_column", pa.table({"cell": column}))
            texts = words.execute("select cell::varchar from _column").fetchall()
        values = [text for (text,) in texts]
    return values


def _run(warehouse: Warehouse, sql: str) -> pa.Table:
    import duckdb

    try:
        return warehouse.arrow(sql)
    except duckdb.Error as error:
        raise FluxError(f"the warehouse refused the query: {error}") from error
