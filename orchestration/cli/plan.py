"""`flux plan`."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings

if TYPE_CHECKING:
    from ingestion.postgres.plan import Plan


@click.command(epilog=examples("FLUX_SOURCE_URL=postgresql://flux@db/app flux plan"))
@json_option
def command(as_json: bool) -> int:
    """Say what would be replicated, how, and what cannot.

    Reads the source's catalog and settings and changes nothing there. Exit code 1 when something keeps the whole
    source from being replicated.
    """
    from ingestion.postgres.plan import make_plan
    from orchestration.walk.product import product

    with product(read_settings()) as source:
        plan = make_plan(source)
    if as_json:
        print_json(_document(plan))
    else:
        _print(plan)
    return 1 if plan.problems else 0


def _document(plan: Plan) -> dict[str, object]:
    return {
        "source": plan.source,
        "server": plan.server,
        "tables": [
            {
                "source": planned.table.source,
                "rows": planned.rows,
                "bytes": planned.table.bytes,
                "identity": planned.identity,
                "key": planned.key,
                "columns": planned.columns,
                "selection": asdict(planned.fates) if planned.fates is not None else None,
                "row_filter": planned.table.rows,
                "notes": planned.notes,
            }
            for planned in plan.tables
        ],
        "refused": [
            {"source": refusal.table.source, "reason": refusal.reason, "fix": refusal.fix} for refusal in plan.refused
        ],
        "creates": plan.creates,
        "locks": plan.locks,
        "problems": [str(problem) for problem in plan.problems],
        "warnings": plan.warnings,
        "copy": {
            "bytes": plan.copy_bytes,
            "seconds": plan.copy_seconds,
            "assumption": plan.estimates.assumption,
        },
        "wal": {
            "budget_bytes": plan.estimates.budget_bytes,
            "keep_bytes": plan.estimates.keep_bytes,
            "retained_bytes": plan.estimates.retained_bytes,
        },
        "schemas": _schemas(plan),
    }


def _print_selection(plan: Plan) -> None:
    """Print what becomes of the columns of classified tables, one line for each fate that some column has."""
    rows = [
        [planned.table.source, field.name.replace("_", " "), ", ".join(getattr(planned.fates, field.name))]
        for planned in plan.tables
        if planned.fates is not None
        for field in fields(planned.fates)
        if getattr(planned.fates, field.name)
    ]
    if rows:
        print_table(("table", "columns are", "which"), rows, title="columns of classified tables")


def _print(plan: Plan) -> None:
    click.echo(f"{plan.source} ({plan.server})")
    print_table(
        ("table", "rows (estimate)", "bytes", "key", "notes"),
        [
            [p.table.source, p.rows, p.table.bytes, ", ".join(p.key) or "(whole row)", "; ".join(p.notes)]
            for p in plan.tables
        ],
        title=f"replicates {len(plan.tables)} tables",
    )
    _print_selection(plan)
    if plan.refused:
        print_table(
            ("table", "why not", "what would change it"),
            [[refusal.table.source, refusal.reason, refusal.fix] for refusal in plan.refused],
            title=f"does not replicate {len(plan.refused)} tables",
        )
    for title, lines in (
        ("runs at the source", plan.creates),
        ("locks there", plan.locks),
        ("WAL that the slot holds back there, at worst", plan.estimates.wal),
        ("schemas in the warehouse", [", ".join(_schemas(plan))]),
        ("warnings", plan.warnings),
        ("problems, to be solved first", [str(problem) for problem in plan.problems]),
    ):
        if lines:
            click.echo(f"{title}:")
            for line in lines:
                click.echo(f"  {line}")
    seconds = max(plan.copy_seconds, 1)
    click.echo(f"first copy: {plan.copy_bytes:,} bytes, about {seconds:,.0f} s {plan.estimates.assumption}")


def _schemas(plan: Plan) -> list[str]:
    """Schemas of mirrors and histories, and of Flux' own tables."""
    from ingestion.warehouse.names import landing_schemas

    found = {schema for table in plan.selected for schema in landing_schemas(table.schema, plan.protected_schemas)}
    return [*sorted(found), "_flux"]
