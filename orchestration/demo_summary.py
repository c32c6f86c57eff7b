"""What a demo brought, as people and machines want to read it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingestion.warehouse.engine import open_warehouse
from ingestion.warehouse.lease import lease
from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.status import EventStatus, read_status
from orchestration.walk.documenting import index_of
from orchestration.walk.rows import table_rows

if TYPE_CHECKING:
    from orchestration.graph_run import Outcome


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of the last lines of `flux demo`. `nodes` counts dbt nodes by kind and status."""

    tables: int
    rows: int
    transactions: int
    changes: int
    events: EventStatus
    events_by_sdk: int
    nodes: Mapping[str, int]
    checks: int
    failed: Sequence[str]
    """Checks that failed, and did not stop the run."""
    warnings: Sequence[str]
    tables_compared: int
    tables_equal: int
    cut: int
    site: Path
    docs: Path
    dataset: Path
    dataset_id: str
    dataset_rows: int
    dataset_bytes: int
    seconds: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Give the document that `flux demo --json` prints."""
        return {
            "tables": {
                "replicated": self.tables,
                "rows": self.rows,
                "compared": self.tables_compared,
                "equal": self.tables_equal,
            },
            "transactions": self.transactions,
            "changes": self.changes,
            "events": {
                "accepted": self.events.accepted,
                "loaded": self.events.loaded,
                "duplicates": self.events.duplicates,
                "quarantined": self.events.quarantined,
                "by_sdk": self.events_by_sdk,
            },
            "models": dict(self.nodes),
            "checks": {
                "run": self.checks,
                "failed": len(self.failed),
                "warnings": len(self.warnings),
                "broken": [*self.failed, *self.warnings],
            },
            "cut": self.cut,
            "site": str(self.site),
            "docs": str(self.docs),
            "dataset": {
                "id": self.dataset_id,
                "path": str(self.dataset),
                "rows": self.dataset_rows,
                "bytes": self.dataset_bytes,
            },
            "seconds": {name: round(seconds, 2) for name, seconds in self.seconds.items()},
        }

    def lines(self) -> list[tuple[str, str]]:
        """Give the summary as (what, figures)."""
        events = self.events
        models = ", ".join(f"{count:,} {kind}" for kind, count in self.nodes.items())
        return [
            (
                "tables",
                f"{self.tables} replicated, {self.rows:,} rows;"
                f" {self.tables_equal} of {self.tables_compared} compared equal the source",
            ),
            ("changes", f"{self.changes:,} history rows"),
            (
                "events",
                f"{events.accepted:,} accepted = {events.loaded:,} loaded + {events.duplicates:,} duplicates"
                f" + {events.quarantined:,} quarantined ({self.events_by_sdk:,} by Segment's own SDK)",
            ),
            ("models", models),
            ("checks", f"{self.checks:,} run, {verdict(self.failed, self.warnings)}"),
            ("cut", str(self.cut)),
            ("dashboards", str(self.site)),
            ("definitions", str(self.docs)),
            (
                "training set",
                f"{self.dataset_id}: {self.dataset_rows:,} rows, {self.dataset_bytes:,} bytes, {self.dataset}",
            ),
        ]


def summarise(settings: Settings, outcome: Outcome, told: Mapping[str, int], seconds: Mapping[str, float]) -> Summary:
    """Collect the figures from the status, the run and dbt's results."""
    status = read_status(settings.status_path)
    if status is None:
        raise FluxError(f"there is no {str(settings.status_path)!r}, although the load went well")
    made = {".".join(event.asset_key.path): event.metadata for event in outcome.materializations}
    dataset = next(metadata for key, metadata in made.items() if key.startswith("datasets."))
    build = json.loads((settings.dbt_directory / "last_build.json").read_text())
    compared = [check.passed for check in outcome.checks if check.check_name == "equals_the_source"]
    return Summary(
        tables=len(status.tables),
        rows=sum(table.rows for table in status.tables),
        transactions=told.get("transactions", 0),
        changes=_history_rows(settings),
        events=status.events,
        events_by_sdk=told.get("events by SDK", 0),
        nodes=build["nodes"],
        checks=len(outcome.checks),
        failed=_broken(outcome, dg.AssetCheckSeverity.ERROR),
        warnings=_broken(outcome, dg.AssetCheckSeverity.WARN),
        tables_compared=len(compared),
        tables_equal=sum(compared),
        cut=int(build["cut"]),
        site=settings.site_directory / "index.html",
        docs=index_of(settings),
        dataset=Path(str(dataset["path"].value)),
        dataset_id=str(dataset["id"].value),
        dataset_rows=int(str(dataset["dagster/row_count"].value)),
        dataset_bytes=int(str(dataset["bytes"].value)),
        seconds=dict(seconds),
    )


def verdict(failed: Sequence[str], warnings: Sequence[str]) -> str:
    """Tell failures from warnings, by name; more than three are counted."""
    told = []
    for what, names in (("failed", failed), ("warnings", warnings)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            told.append(f"{len(names)} {what}: {', '.join(names[:3])}{more}")
    return "; ".join(told) or "all passed"


def _broken(outcome: Outcome, severity: dg.AssetCheckSeverity) -> list[str]:
    broken = [check for check in outcome.checks if not check.passed and check.severity == severity]
    return [f"{check.check_name} of {'.'.join(check.asset_key.path)}" for check in broken]


def _history_rows(settings: Settings) -> int:
    with lease(settings.home, "count of rows"), open_warehouse(settings.warehouse) as destination:
        rows = table_rows(destination.machinery.session)
    return sum(count for (schema, _), count in rows.items() if schema.startswith("raw_app_history"))
