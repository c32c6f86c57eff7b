"""A small warehouse with the columns of the real marts: tables are made from the contracts in dbt_project, rows by SQL.

A column that the models rename is therefore missing here too, and the cards that read it fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import yaml

from dashboards import usage
from dashboards.cut import Cut
from dashboards.metrics import load_metrics

ROOT = Path(__file__).resolve().parents[2]
DEFINITIONS = ROOT / "dashboards" / "definitions"
METRICS = load_metrics(ROOT / "dbt_project")
MARTS = ROOT / "dbt_project" / "models" / "marts"
RESTRICTED = ROOT / "dbt_project" / "models" / "restricted"
CUT = Cut(42, datetime(2026, 3, 11, 9, 30, tzinfo=UTC), datetime(2026, 3, 11, 9, 31, tzinfo=UTC))
AUDITED = Cut(41, CUT.at - timedelta(hours=20), CUT.made_at - timedelta(hours=20))
"""What the bias audit is made of: it is built once a day."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TYPES = {"text": "varchar", "double precision": "double", "text[]": "varchar[]"}


class DuckConnection:
    """The room's Protocol on a DuckDB connection; counts what it was asked."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.statements: list[str] = []

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        self.statements.append(sql)
        return self.connection.sql(sql, params=dict(parameters) if parameters else None).to_arrow_table()

    def interrupt(self) -> None:
        self.connection.interrupt()

    def number(self, sql: str) -> float:
        return float(self.connection.execute(sql).fetchall()[0][0])


@cache
def contracts() -> dict[str, tuple[str, dict[str, str]]]:
    """Model -> (schema, column -> DuckDB type) as dbt's YAML says."""
    found = {}
    folders = ((MARTS / "core", "marts"), (MARTS / "reporting", "reporting"), (RESTRICTED, "restricted"))
    for folder, schema in folders:
        for path in sorted(folder.glob("rpt_bias*.yml" if schema == "restricted" else "*.yml")):
            for model in yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)["models"]:
                columns = {one["name"]: _TYPES.get(one["data_type"], one["data_type"]) for one in model["columns"]}
                found[model["name"]] = (schema, columns)
    return found


def all_columns() -> dict[str, dict[str, str]]:
    """Relation -> column -> type of all that cards of any audience may read."""
    return {f"{schema}.{name}": columns for name, (schema, columns) in contracts().items()} | {
        relation: dict(columns) for relation, columns in usage.COLUMNS.items()
    }


def empty_warehouse() -> tuple[DuckConnection, dict[str, str]]:
    """A warehouse whose marts have no rows, and its relations."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'; create schema marts; create schema reporting; create schema restricted")
    relations = {}
    for name, (schema, columns) in contracts().items():
        connection.execute(
            f"create table {schema}.{name} ({', '.join(f'{key} {kind}' for key, kind in columns.items())})"
        )
        relations[name] = f"{schema}.{name}"
    return DuckConnection(connection), relations


def full_warehouse(scale: int = 30) -> tuple[DuckConnection, dict[str, str]]:
    """A warehouse with plausible rows; `scale` applications a week at the largest of three clients."""
    warehouse, relations = empty_warehouse()
    script = Path(__file__).with_name("fixture.sql").read_text(encoding="utf-8")
    warehouse.connection.execute(script.replace("{scale}", str(scale)))
    return warehouse, relations


def asked_by_three() -> usage.UsageConnection:
    """Three people asked with `flux query` over forty days; Metabase's log tells nothing."""
    relations = ["reporting.rpt_overview_weekly", "marts.fct_applications", "marts.dim_client", "raw_app.applications"]
    asked = [
        usage.Asked(
            ["ada", "grace", "linus"][number % 7 % 3],
            CUT.made_at - timedelta(hours=5 + number * number % 960),
            0.02 + number % 13 / 10,
            number % 11 != 0,
            relations[number % 3 : number % 5 + 1] if number % 11 else [],
        )
        for number in range(140)
    ]
    begun = min(one.at for one in asked)
    logs = [usage.Log("flux query", "7 days", begun, asked), usage.Log("Metabase", "no log is configured")]
    models = [(f"{schema}.{name}", "Data platform", len(name) % 4) for name, (schema, _) in contracts().items()]
    return usage.UsageConnection(logs, models, CUT.made_at)
