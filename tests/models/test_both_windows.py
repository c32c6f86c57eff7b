"""What readers get is the same whichever warehouse it comes from: cards of the dashboards, training sets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dashboards.checks import check_sources
from dashboards.compile import relations_of_warehouse
from dashboards.loader import load_definitions
from dashboards.metabase.surroundings import load_surroundings
from dashboards.metabase.wanted import Item, wanted
from dashboards.metrics import load_metrics
from ingestion.warehouse.postgres.connection import connect
from ingestion.warehouse.postgres.serving import publish_serving
from orchestration.models import project_directory
from orchestration.serving import Serving, generated, translated
from orchestration.walk.documenting import columns_of, landed_of
from orchestration.walk.readers import DEFINITIONS, newest_cut, served
from orchestration.warehouse import Warehouse
from training import Cut, build_dataset, load_spec
from training.spec import Split

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def file(built: Path) -> Iterator[Warehouse]:
    with Warehouse.open(built) as warehouse:
        yield warehouse


@pytest.fixture(scope="module")
def serving(built_on_postgres: str) -> Iterator[Serving]:
    with closing(connect(built_on_postgres)) as connection:
        publish_serving(connection, served(connection))
    with Serving(built_on_postgres) as warehouse:
        yield warehouse


def test_a_training_set_has_one_logical_hash(file: Warehouse, serving: Serving, tmp_path: Path) -> None:
    spec = load_spec("match")
    # Two months of days are too short for three splits in time.
    by_member = Split("entity", train=0.6, valid=0.2, test=0.2, embargo=timedelta(0), by="subject_key")
    spec = replace(spec, split=by_member)
    reports = []
    for name, warehouse in (("file", file), ("server", serving)):
        cut = newest_cut(warehouse)
        reports.append(build_dataset(warehouse, spec, out=tmp_path / name, cut=Cut(cut.epoch, cut.lsn, cut.at)))
    assert reports[0].logical_hash == reports[1].logical_hash
    assert reports[0].id == reports[1].id
    assert reports[0].rows == reports[1].rows


def test_each_card_has_equal_rows(file: Warehouse, serving: Serving) -> None:
    relations = {
        row["table_name"]: f"{row['table_schema']}.{row['table_name']}"
        for row in file.arrow("select table_schema, table_name from information_schema.tables").to_pylist()
    }
    queries = check_sources(load_definitions(DEFINITIONS, load_metrics(project_directory())).shared(), relations)
    differing = {
        name: [pair for pair in zip(here, there, strict=False) if pair[0] != pair[1]][:1] or (len(here), len(there))
        for name, query in queries.items()
        if (here := rows(file, query.sql)) != (there := rows(serving, query.sql))
    }
    assert not differing
    assert len(queries) > 30


def test_each_card_of_metabase_has_equal_rows(file: Warehouse, serving: Serving, built_on_postgres: str) -> None:
    relations = relations_of_warehouse(file)
    definitions = load_definitions(DEFINITIONS, load_metrics(project_directory())).shared()
    queries = check_sources(definitions, relations)
    around = load_surroundings(DEFINITIONS / "metabase", definitions, relations)
    here, there = (
        wanted(definitions, queries, around, translate, database=1, relations=relations)
        for translate in (lambda tree: tree.sql(dialect="duckdb"), generated)
    )
    client = int(str(rows(file, "select min(client_id) from marts.dim_client")[0][0]))
    cards = [item for item in here if item.startswith("card:")]
    locked = [(card, client) for card in cards if "client_id" in here[card].fields["tags"]]
    with closing(connect(built_on_postgres)) as connection:
        for card, number in (*((card, None) for card in cards), *locked):
            found = connection.execute(with_values(there[card], number))
            names = [column.name for column in found.description or ()]
            server = plain_rows(dict(zip(names, row, strict=True)) for row in found.fetchall())
            assert rows(file, with_values(here[card], number)) == server, card
    assert len(cards) > 40
    assert len(locked) > 15


def with_values(item: Item, client: int | None) -> str:
    """Give a card's SQL with its variables' defaults in their places, or as an address that is signed for a client."""
    sql = str(item.fields["sql"])
    if client is None:
        sql = re.sub(r"\[\[.*?\]\]", "", sql)
    sql = sql.replace("[[", "").replace("]]", "").replace("{{client_id}}", str(client))
    for name, tag in item.fields["tags"].items():
        sql = sql.replace(f"{{{{{name}}}}}", f"'{tag['default']}'")
    return sql


def test_docs_read_the_same_of_both(file: Warehouse, serving: Serving) -> None:
    here, there = columns_of(file), columns_of(serving)
    models = [relation for relation in here if relation.startswith(("marts.", "reporting.", "ml."))]
    assert {relation: list(here[relation]) for relation in models} == {
        relation: list(there[relation]) for relation in models
    }
    assert {name: one.row_count for name, one in landed_of(file).items()} == {
        name: one.row_count for name, one in landed_of(serving).items()
    }
    assert {one.status for one in landed_of(serving).values()} <= {"fresh", "late", "inexact"}


def rows(warehouse: Warehouse | Serving, sql: str) -> list[tuple[object, ...]]:
    """Return a query's rows; of doubles eight digits and no sign of zero: sums depend on their order."""
    return plain_rows(warehouse.arrow(sql).to_pylist())


def plain_rows(found: Iterable[dict[str, object]]) -> list[tuple[object, ...]]:
    return [
        tuple(
            f"{float(value) + 0.0:.8g}" if isinstance(value, (int, float, Decimal)) and value is not True else value
            for value in row.values()
        )
        for row in found
    ]


def test_relations_are_those_that_were_published() -> None:
    sql = "with weeks as (select * from reporting.weeks) select count(*) / 2 from weeks join marts.m on true"
    assert translated(sql) == (
        "WITH weeks AS (SELECT * FROM serving.weeks) SELECT CAST(COUNT(*) AS DOUBLE PRECISION) / 2 FROM weeks"
        " JOIN serving.m ON TRUE"
    )
