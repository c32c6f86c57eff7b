"""The table of what engines get wrong, staged line by line; docs/replication.md holds the results.

Each line has a table of its own, with rows of the copy and rows of the stream. A line is OK in a warehouse when the
mirror, given back to the source's Postgres as text, is the source's table, and the history replays to the mirror.
`REGENERATE=1` writes the results.
"""

import os
from pathlib import Path

from tests.crash.equality import differences
from tests.crash.processes import Home
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.warehouses import PostgresWarehouse

DOCUMENT = Path(__file__).parents[2] / "docs" / "replication.md"
BEGIN, END = "<!-- correctness: written by tests/ingestion/test_correctness_table.py -->", "<!-- end -->"
LONG = "repeat(md5(random()::text), 400)"

# Line -> (columns, statements whose rows are copied, statements whose changes are streamed); {t} is the line's table.
LINES: dict[str, tuple[str, list[str], list[str]]] = {
    "NULL, '', Unicode, bigint": (
        "id bigint primary key, a text, b varchar(9)",
        ["insert into {t} values (1, null, ''), (9223372036854775807, '😀 \U0010ffff ü', 'NULL')"],
        ["insert into {t} values (-9223372036854775808, '', null), (2, E'\\\\N', E'\\n')", "update {t} set a = b"],
    ),
    "text[] and int[]": (
        "id int primary key, a text[], b int[]",
        ["insert into {t} values (1, '{{a,NULL,\"NULL\",\"\"}}', '{{1,NULL}}'), (2, '{{}}', '[2:3]={{1,2}}')"],
        [
            "insert into {t} values (3, array['a,b', '\"', '\\\\'], '{{{{1,2}},{{3,4}}}}')",
            "update {t} set a = null where id = 1",
        ],
    ),
    "unconstrained numeric": (
        "id int primary key, n numeric",
        ["insert into {t} values (1, 1::numeric / 7), (2, 1e100), (3, 0.000)"],
        [
            "insert into {t} values (4, 1e-100), (5, repeat('9', 1000)::numeric)",
            "update {t} set n = n / 3 where id = 1",
        ],
    ),
    "NaN and infinite floats and numerics": (
        "id int primary key, a float8, b float4, c numeric, d numeric(10, 2)",
        ["insert into {t} values (1, 'NaN', 'Infinity', 'NaN', 'NaN'), (2, '-0', '-Infinity', 'Infinity', 1.5)"],
        [
            "insert into {t} values (3, '-Infinity', 'NaN', '-Infinity', 'NaN')",
            "update {t} set d = 0, a = '-0' where id = 1",
        ],
    ),
    "infinite timestamptz, timestamp, date": (
        "id int primary key, a timestamptz, b timestamp, c date",
        [
            "insert into {t} values (1, 'infinity', '-infinity', 'infinity'), "
            "(2, now(), '294276-12-31', '5874897-12-31')"
        ],
        ["insert into {t} values (3, '-infinity', 'infinity', '-infinity')", "update {t} set a = b where id = 3"],
    ),
    "dates before Christ": (
        "id int primary key, a timestamptz, b timestamp, c date",
        ["insert into {t} values (1, '0044-03-15 BC', '0044-03-15 BC', '0044-03-15 BC'), (2, null, null, null)"],
        [
            "insert into {t} values (3, '4713-01-02 BC', '4713-01-02 BC', '4713-01-02 BC')",
            "update {t} set a = b, c = null",
        ],
    ),
    "JSON null and SQL NULL": (
        "id int primary key, a json, b jsonb",
        ["insert into {t} values (1, 'null', 'null'), (2, null, null)"],
        ["insert into {t} values (3, ' [ ]', '{{\"a\": null}}')", "update {t} set a = b, b = null"],
    ),
    "UPDATE with unchanged TOAST": (
        "id int primary key, n int, long text",
        ["alter table {t} alter long set storage external", f"insert into {{t}} values (1, 0, {LONG}), (2, 0, {LONG})"],
        [f"insert into {{t}} values (3, 0, {LONG})", "update {t} set n = 1", "update {t} set n = 2 where id > 1"],
    ),
    "UPDATE of the primary key": (
        "id int primary key, long text",
        ["alter table {t} alter long set storage external", f"insert into {{t}} values (1, {LONG}), (2, {LONG})"],
        [
            "update {t} set id = id + 10",
            "begin; update {t} set id = 0 where id = 11; update {t} set id = 11 where id = 12; commit",
        ],
    ),
    "DELETE, DELETE and INSERT in one transaction, savepoints rolled back": (
        "id int primary key, n int",
        ["insert into {t} select i, 0 from generate_series(1, 9) i"],
        [
            "delete from {t} where id = 1",
            "begin; delete from {t} where id = 2; insert into {t} values (2, 5); commit",
            "begin; insert into {t} values (20, 1); savepoint s; delete from {t}; rollback to s; "
            "update {t} set n = 3; commit",
        ],
    ),
    "ADD COLUMN midway": (
        "id int primary key",
        ["insert into {t} values (1)"],
        [
            "insert into {t} values (2)",
            "alter table {t} add c text default 'old'",
            "insert into {t} values (3, null), (4, 'x')",
        ],
    ),
    "TRUNCATE": (
        "id int primary key",
        ["insert into {t} select generate_series(1, 40)"],
        ["begin; insert into {t} values (41); truncate {t}; insert into {t} values (42); commit"],
    ),
    "Relation messages repeated inside a transaction": (
        "id int primary key, n int",
        ["insert into {t} values (1, 1)"],
        [
            "begin; insert into {t} values (2, 2); alter table {t} add x int; insert into {t} values (3, 3, 3); "
            "alter table {t} alter n set statistics 7; update {t} set x = 1; alter table {t} drop x; "
            "insert into {t} values (4, 4); commit; analyze {t}; insert into {t} values (5, 5)"
        ],
    ),
    "many transactions of 100 changes each": (
        "id int primary key, n int, t text[], at timestamptz default now()",
        ["insert into {t} select i, i, array['x', i::text] from generate_series(1, 3000) i"],
        [
            "do $$ begin for i in 1..100 loop update {t} set n = n + 1 where id between i * 9 and i * 9 + 49; "
            "insert into {t} select 3000 + i * 40 + j, j from generate_series(1, 40) j; "
            "delete from {t} where id between 3000 + i * 20 and 3009 + i * 20; commit; end loop; end $$"
        ],
    ),
}


def test_each_line_is_as_the_document_says(
    database: str, tmp_path: Path, postgres_warehouse: PostgresWarehouse
) -> None:
    flux = pipeline(database, tmp_path)
    in_postgres = Pipeline(flux.source, tmp_path, postgres_warehouse)
    tables = {line: f"line_{number}" for number, line in enumerate(LINES)}

    def replicate() -> None:
        flux.replicate()
        in_postgres.load()

    for line, (columns, copied, _) in LINES.items():
        flux.execute(f"create table {tables[line]} ({columns})", *(text.format(t=tables[line]) for text in copied))
    replicate()
    for line, (_, _, streamed) in LINES.items():
        flux.execute(*(text.format(t=tables[line]) for text in streamed))
    replicate()
    replicate()  # what a change of shape had copied anew
    in_both = [
        differences(Home(tmp_path, database, flux.source.slot)),
        differences(Home(tmp_path, database, flux.source.slot, postgres_warehouse.url)),
    ]
    rows = ["| | Flux on DuckDB | Flux on Postgres |", "|---|---|---|"]
    for line, table in tables.items():
        names = {f"public.{table}", f"history of public.{table}"}
        rows.append(f"| {' | '.join([line, *('wrong' if names & set(found) else 'OK' for found in in_both)])} |")
    text = DOCUMENT.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    written = f"{head}{BEGIN}\n\n" + "\n".join(rows) + f"\n\n{END}{tail}"
    if os.environ.get("REGENERATE"):
        DOCUMENT.write_text(written)
    assert written == DOCUMENT.read_text(), f"{in_both}; REGENERATE=1 writes the results anew"
    assert in_both == [{}, {}]
