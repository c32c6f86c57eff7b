"""The benchmark's questions on a real build: they have answers, and what they are measured on has its shape."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from benchmarks import published_shape
from benchmarks.questions import QUESTIONS, Question, plan_of, scan_of

pytestmark = pytest.mark.slow

VARIABLES = {"client_id": "1", "first_week_on": "date '2026-03-02'"}
CLUSTERS = (
    ("fct_impressions", "shown_at"),
    ("fct_recommendations", "requested_at"),
    ("fct_applications", "applied_at"),
    ("fct_application_stages", "entered_at"),
    ("fct_events", "event_at"),
)
asked = pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda question: question.file)


@asked
def test_a_question_has_an_answer(built: Path, question: Question) -> None:
    with duckdb.connect(str(built), read_only=True) as warehouse:
        for name, value in VARIABLES.items():
            warehouse.execute(f"set variable {name} = {value}")
        assert warehouse.execute(question.sql).fetchall()


@asked
def test_a_question_is_200_lines_over_six_models(question: Question) -> None:
    assert 190 <= len(question.sql.splitlines()) <= 290
    assert len(set(re.findall(r"from ((?:marts|reporting)\.\w+)", question.sql))) == 6


@asked
def test_the_floor_of_a_question_scans_each_of_its_models(built: Path, question: Question) -> None:
    plan = plan_of(built, question.sql, VARIABLES)
    floor = scan_of(plan, question)
    models = set(re.findall(r"from ((?:marts|reporting)\.\w+)", question.sql))
    assert models == {scan["table"] for scan in plan}
    again = plan_of(built, floor, VARIABLES)
    assert {scan["table"] for scan in again} == models
    for table in models:
        wanted, found = ({c for scan in p if scan["table"] == table for c in scan["columns"]} for p in (plan, again))
        assert found >= wanted


def test_what_the_benchmark_writes_has_the_columns_of_a_build(built: Path, tmp_path: Path) -> None:
    written = published_shape.write(tmp_path / "warehouse.duckdb", 20_000, clients=10)
    with duckdb.connect(str(built), read_only=True) as real, duckdb.connect(str(written.path)) as made:
        for name, schema in published_shape.tables().items():
            shape = f"select column_name, column_type from (describe {schema}.{name})"
            assert made.execute(shape).fetchall() == real.execute(shape).fetchall(), name


@pytest.mark.parametrize(("fact", "moment"), CLUSTERS)
def test_large_facts_lie_client_by_client(built: Path, fact: str, moment: str) -> None:
    with duckdb.connect(str(built), read_only=True) as warehouse:
        rows = warehouse.execute(f"select client_id, {moment} from marts.{fact}").fetchall()
    assert len(rows) > 20
    assert rows == sorted(rows)
