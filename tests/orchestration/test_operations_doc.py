"""docs/operations.md lists the metrics, the alerts with their runbooks and the tables of `_flux` as they are."""

import re
from contextlib import closing
from pathlib import Path

from ingestion.warehouse.duckdb.connection import connect
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from orchestration.alerts.rules import RULES
from orchestration.metrics import METRICS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def part(name: str) -> str:
    found = re.search(rf"<!-- {name} -->(.*?)<!-- end -->", DOCUMENT, flags=re.DOTALL)
    assert found is not None
    return found[1]


def rows(name: str) -> list[list[str]]:
    lines = [line for line in part(name).splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_every_metric_is_listed_with_its_labels_and_meaning() -> None:
    assert rows("metrics") == [[metric.name, ", ".join(metric.labels), metric.doc] for metric in METRICS]


def test_every_alert_is_listed_with_its_runbook_in_the_order_of_the_doctor() -> None:
    listed = re.findall(r"\[([^]]+)\]\(runbook\.md#([a-z-]+)\)", part("runbooks"))
    assert listed == [(rule.title, rule.anchor) for rule in RULES.values() if rule.is_alert]


def test_names_of_metrics_end_with_their_unit() -> None:
    units = ("bytes", "seconds", "rows", "info", "active", "changes", "replayable", "accepted", "loaded", "duplicates")
    for metric in METRICS:
        assert metric.name.rpartition("_")[2] in (*units, "quarantined", "incidents"), metric.name


def test_every_table_of_flux_is_listed_with_its_columns(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "w.duckdb")) as connection:
        DuckdbDestination(connection).events.ensure()
        there = connection.execute(
            "select table_name, list(column_name order by column_index) from duckdb_columns() "
            "where schema_name = '_flux' group by 1"
        ).fetchall()
    told = {
        name: [re.sub(r" \(.*?\)", "", column) for column in columns.split(", ")] for name, columns, _ in rows("tables")
    }
    assert told == dict(there)
