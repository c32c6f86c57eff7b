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

import training
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
from training import Cut, DatasetSpec, build_dataset, load_spec
from training.inputs import changed_relation
from training.rebuild import rebuild
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


def spec_by_member() -> DatasetSpec:
    """The shipped specification, split by people: two months of days are too short for three splits in time."""
    by_member = Split("entity", train=0.6, valid=0.2, test=0.2, embargo=timedelta(0), by="subject_key")
    return replace(load_spec("match"), split=by_member)


def cut_of(warehouse: Warehouse | Serving) -> Cut:
    cut = newest_cut(warehouse)
    return Cut(cut.epoch, cut.lsn, cut.at)


def test_a_training_set_has_one_logical_hash(file: Warehouse, serving: Serving, tmp_path: Path) -> None:
    reports = [
        build_dataset(warehouse, spec_by_member(), out=tmp_path / name, cut=cut_of(warehouse))
        for name, warehouse in (("file", file), ("server", serving))
    ]
    assert reports[0].logical_hash == reports[1].logical_hash
    assert reports[0].id == reports[1].id
    assert reports[0].rows == reports[1].rows

    # Made on one, it is proved on the other and had again there, from its manifest alone and with the same bytes.
    made = training.open(reports[0].directory).manifest
    assert list(changed_relation(serving, made, cut_of(serving))) == []
    rebuilt = rebuild(serving, made, out=tmp_path / "again", cut=cut_of(serving))
    assert (rebuilt.id, rebuilt.created, rebuilt.files_differing) == (made.id, True, ())


def test_who_withdrew_consent_is_missing_from_a_successor_on_a_server_and_nothing_else_is(
    serving: Serving, built_on_postgres: str, tmp_path: Path
) -> None:
    report = build_dataset(serving, spec_by_member(), out=tmp_path, cut=cut_of(serving))
    dataset = training.open(report.directory)
    people = dataset.arrow("train", ["subject_key"]).column(0).unique().to_pylist()[:2]
    left = ", ".join(f"'{person}'" for person in people)
    with closing(connect(built_on_postgres)) as connection:
        try:
            connection.execute(f"delete from serving.ml_match_examples_v2 where subject_key in ({left})")
            connection.execute(f"delete from serving.ml_match_spine where subject_key in ({left})")
            connection.execute(
                "insert into serving.ml_match_left_out (subject_key, reason, known_at)"
                f" select unnest(array[{left}]), 'consent withdrawn', now()"
            )
            changes = [change.kind for change in changed_relation(serving, dataset.manifest, cut_of(serving))]
            rebuilt = rebuild(serving, dataset.manifest, out=tmp_path, cut=cut_of(serving), before=dataset.directory)
        finally:
            publish_serving(connection, served(connection))
    assert set(changes) == {"relation"}
    assert (rebuilt.successor, dict(rebuilt.left_out)) == (True, {"consent withdrawn": 2})
    assert rebuilt.rows + rebuilt.rows_left_out == sum(report.rows.values())


def test_each_card_has_equal_rows(file: Warehouse, serving: Serving) -> None:
    relations = {
        row["table_name"]: f"{row['table_schema']}.{row['table_name']}"
        for row in file.arrow("select table_schema, table_name from information_schema.tables").to_pylist()
    }
    loaded = load_definitions(DEFINITIONS, load_metrics(project_directory()))
    queries = check_sources(loaded.shared(), relations) | check_sources(loaded.of("fairness"), relations)
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
