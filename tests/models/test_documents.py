"""What the pages for analysts and authors of models say is done here, word for word, on the small warehouse."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import duckdb
import pytest

from dashboards import catalogue
from dashboards.metrics import load_metrics
from tests.models.dbt_runs import DbtProcess, on_file

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
QUESTIONS = re.findall(r"^### (.+?)\n.*?```sql\n(.*?)```", (ROOT / "docs" / "analysts.md").read_text(), re.M | re.S)
STEP = re.compile(r"^`([^`\n]+)`(, at the end|, after `([^`\n]+)`)?:\n\n```\w+\n(.*?)^```", re.M | re.S)
PERKS = """
    create table raw_app.perks as
    select * from (values
        (1::bigint, (select min(id) from raw_app.clients), 'Bicycle', timestamptz '2026-03-02 09:00+00'),
        (2, (select max(id) from raw_app.clients), 'Sabbatical', timestamptz '2026-03-03 23:30+00')
    ) as t (id, client_id, name, created_at);
    create table raw_app_history.perks as select *, created_at as _commit_at from raw_app.perks;
"""


@pytest.mark.parametrize(("question", "sql"), QUESTIONS, ids=[question for question, _ in QUESTIONS])
def test_each_question_of_an_analyst_has_an_answer(built: Path, question: str, sql: str) -> None:
    with duckdb.connect(str(built), read_only=True) as warehouse:
        assert warehouse.execute(sql).fetchall(), question


def test_there_are_ten_questions() -> None:
    assert len(QUESTIONS) == 10


def test_the_answers_say_what_the_metric_layer_says(built: Path) -> None:
    """The internal fill rate of an analyst's query is the formula's, over the same rows."""
    sql = dict(QUESTIONS)["Which share of hires into jobs is internal, by client, over twelve weeks?"]
    formula = load_metrics(ROOT / "dbt_project")["internal_fill_rate"].formula.sql(sums=True)
    asked = sql.replace(
        "sum(internal_hire_count) / nullif(sum(internal_hire_count) + sum(external_hire_count), 0)", formula
    )
    assert asked != sql
    with duckdb.connect(str(built), read_only=True) as warehouse:
        assert warehouse.execute(asked).fetchall() == warehouse.execute(sql).fetchall()


def test_the_example_of_every_readable_model_runs(built: Path) -> None:
    found = catalogue.models(built.parent / "target" / "manifest.json", built.parent / "none.json")
    with duckdb.connect(str(built), read_only=True) as warehouse:
        for model in found:
            if model.schema in ("marts", "reporting", "ml"):
                warehouse.execute(model.example)
    assert {model.schema for model in found} == set(catalogue.LAYERS)


def test_the_examples_of_the_page_about_models_build(
    built: Path, tmp_path: Path, dbt: DbtProcess, parsed: Path
) -> None:
    project = tmp_path / "dbt_project"
    shutil.copytree(ROOT / "dbt_project", project)
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(built, warehouse)
    with duckdb.connect(str(warehouse)) as file:
        file.execute(PERKS)
    steps = STEP.findall((ROOT / "docs" / "models.md").read_text())
    for name, place, anchor, text in steps:
        apply(project / name, place, anchor, text)

    chosen = ["stg_app__perks", "stg_flux__relations", "dim_perk", "rpt_overview_weekly"]
    edited = on_file(dbt, warehouse, tmp_path, parsed, project)
    edited.run("build", "--exclude-resource-type", "unit_test", "--select", *chosen)

    assert len(steps) == 12
    assert "external_hire_share" in load_metrics(project)
    with duckdb.connect(str(warehouse), read_only=True) as file:
        assert file.execute("select perk_name from marts.dim_perk order by 1").fetchall() == [
            ("Bicycle",),
            ("Sabbatical",),
        ]
        both = "internal_fill_rate + external_hire_share"
        assert file.execute(f"select distinct round({both}, 9) from reporting.rpt_overview_weekly").fetchall()
        assert file.execute(
            "select row_count from staging.stg_flux__relations where relation = 'raw_app.perks'"
        ).fetchall()


def apply(path: Path, place: str, anchor: str, text: str) -> None:
    """Do one step of the page: a new file, lines at the end of one, or lines after the line with the anchor."""
    if not place:
        assert not path.exists(), f"{path.name} is there already"
        path.write_text(text)
        return
    lines = path.read_text().splitlines(keepends=True)
    at = [number for number, line in enumerate(lines) if anchor and anchor in line][:1] if anchor else [len(lines) - 1]
    assert at, f"{anchor!r} is not in {path.name}"
    path.write_text("".join([*lines[: at[0] + 1], text, *lines[at[0] + 1 :]]))


def test_a_notebook_reads_the_published_file_and_cannot_change_it(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas
    import sqlalchemy as sa
    from click.testing import CliRunner

    from orchestration.cli.warehouse import command

    (tmp_path / ".flux" / "published").mkdir(parents=True)
    shutil.copy(built, tmp_path / ".flux" / "published" / "warehouse.duckdb")
    monkeypatch.chdir(tmp_path)
    line = re.search(r"`pandas\.read_sql\((\".+?\"), (\".+?\")\)`", (ROOT / "README.md").read_text())
    assert line is not None
    sql, written = (json.loads(text) for text in line.groups())
    url = CliRunner().invoke(command, ["url"]).output.strip()
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)

    assert len(pandas.read_sql(sql, written)) > 10
    assert len(pandas.read_sql(sql, engine)) > 10
    with pytest.raises(sa.exc.ProgrammingError, match="read-only"), engine.connect() as connection:
        connection.exec_driver_sql("create table mine (i int)")


def test_a_postgres_warehouse_is_named_without_its_password_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from orchestration.cli.warehouse import command

    monkeypatch.setenv("FLUX_WAREHOUSE_URL", "postgresql://ada:s3cret@db:5432/warehouse")
    plain = CliRunner().invoke(command, ["url"]).output
    assert plain == "postgresql+psycopg://ada@db:5432/warehouse?options=-csearch_path%3Dserving\n"
    assert "s3cret" in CliRunner().invoke(command, ["url", "--show-password"]).output


def test_a_model_tells_its_lineage_tests_and_last_result(built: Path, tmp_path: Path) -> None:
    result = {"status": "success", "failures": 0, "cut": 3, "cut_at": "2026-05-01", "built_at": "2026-05-02"}
    last = tmp_path / "last_build.json"
    last.write_text(json.dumps({"results": {"model.flux.rpt_overview_weekly": result}}))
    found = {one.name: one for one in catalogue.models(built.parent / "target" / "manifest.json", last)}
    model = found["rpt_overview_weekly"]

    assert model.grain == "One row per client (and all clients) and week: the numbers that leadership sees first."
    assert model.key == ("client_slug", "week_starts_on")
    assert model.reads == ("marts.fct_client_week", "marts.dim_client", "reporting.rpt_time_to_hire_weekly")
    assert "reporting.rpt_overview_weekly" in found["fct_client_week"].read_by
    assert model.result is not None
    assert model.result.cut == 3
    assert found["fct_client_week"].result is None
    assert any(test.name == "assert_all_clients_are_the_sum_of_clients" for test in model.tests)
