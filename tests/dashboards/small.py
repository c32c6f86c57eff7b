"""A dashboard of one page in a temporary directory, for tests that change definitions."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import duckdb

from tests.dashboards.warehouse import DuckConnection

RELATIONS = {
    "rpt_weekly": "reporting.rpt_weekly",
    "fct_rows": "marts.fct_rows",
    "stg_app__rows": "staging.stg_app__rows",
    "rpt_audit": "restricted.rpt_audit",
    "rpt_audit_summary": "restricted.rpt_audit_summary",
}
COLUMNS = {
    "reporting.rpt_weekly": {"client_name": "text", "week": "date", "rows_made": "bigint"},
    "marts.fct_rows": {"name": "text", "amount": "double precision"},
    "restricted.rpt_audit": {"name": "text", "amount": "double precision"},
    "restricted.rpt_audit_summary": {"name": "text", "amount": "double precision", "people": "bigint"},
}

YAML = """\
title: Small
question: Is it small?
order: 1
owner: Nobody
audience: leadership
filters:
  client: {label: Client, column: client_name, all: All clients}
rows:
  - {weekly: 8, listing: 16}
cards:
  weekly:
    title: Weekly
    chart: line
    definition: Rows in a week.
    encode: {x: week, y: [{column: rows_made, label: Rows}]}
    grain: week
    filters: [client]
    expect:
      rows: "> 0"
      not_null: [week]
      unique: [client_name, week]
      range: {rows_made: [0, 100]}
  listing:
    title: Listing
    chart: table
    definition: Every row.
    columns:
      - {column: name, label: Name}
      - {column: amount, label: Amount, format: number}
    expect: {unique: [name]}
"""

WEEKLY = "select client_name, week, rows_made from {{ ref('rpt_weekly') }} order by 1, 2\n"
LISTING = "select name, amount from {{ ref('fct_rows') }} order by name\n"


def write(directory: Path, yaml: str = YAML, **sql: str) -> Path:
    """Write the definitions and return their directory."""
    cards = directory / "cards"
    cards.mkdir(parents=True, exist_ok=True)
    (directory / "small.yaml").write_text(yaml, encoding="utf-8")
    for name, text in {"weekly": WEEKLY, "listing": LISTING, **sql}.items():
        (cards / f"{name}.sql").write_text(dedent(text), encoding="utf-8")
    return directory


def connection() -> DuckConnection:
    """Four closed weeks and a running one (the cut is 2026-03-11), two clients and the rows for all."""
    duck = duckdb.connect()
    duck.execute("""
        set TimeZone = 'UTC';
        create schema reporting;
        create schema marts;
        create table reporting.rpt_weekly as
        select client_name, date '2026-02-09' + 7 * index::integer as week, made + index::integer as rows_made
        from (values ('All clients', 30), ('Acme', 20), ('Bolt & <Co>', 10)) as clients (client_name, made),
            range(5) as r (index);
        create table marts.fct_rows as
        select *
        from (values ('one', 1.5), ('<script>alert(1)</script>', null), ('three', 1234.5)) as rows (name, amount);
    """)
    return DuckConnection(duck)
