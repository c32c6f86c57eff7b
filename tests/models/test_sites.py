"""The sites as the graph builds them: a page that fails keeps its last good version; Fairness on either warehouse."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from dashboards.asking import Asking, refusal
from dashboards.model import Card, Encode, Measure
from ingestion.warehouse.publish import publish
from orchestration.defs.dashboards import site
from orchestration.serving import Serving
from orchestration.settings import Settings
from orchestration.walk import readers, sites

pytestmark = pytest.mark.slow

FUNNEL = dg.AssetKey(["site", "hiring_funnel"])


def materialised(settings: Settings, manifest: Path) -> tuple[dg.AssetCheckEvaluation, str]:
    """Build one page by its asset; give the outcome of its check, and the page."""
    [assets] = site.definitions(settings, manifest).assets or ()
    assert isinstance(assets, dg.AssetsDefinition)
    result = dg.materialize([assets], selection=[FUNNEL], raise_on_error=False)
    assert result.success
    [evaluation] = result.get_asset_check_evaluations()
    return evaluation, (settings.home / "site" / "hiring_funnel.html").read_text(encoding="utf-8")


def test_pages_hold_what_their_cards_promise_where_clients_are_small(built: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    publish(built, settings.published_path)
    [(_, report)] = sites.build_sites(settings, built.parent / "target" / "manifest.json", audiences=["leadership"])
    assert report.failures == ()
    assert report.cards > 30


def test_a_failed_expectation_keeps_the_last_good_page_in_the_graph_and_shows_why(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home")
    publish(built, settings.published_path)
    manifest = built.parent / "target" / "manifest.json"
    evaluation, good = materialised(settings, manifest)
    assert evaluation.passed
    assert "last good version" not in good

    definitions = Path(shutil.copytree(readers.DEFINITIONS, tmp_path / "definitions"))
    funnel = definitions / "hiring_funnel.yaml"
    text = funnel.read_text(encoding="utf-8")
    funnel.write_text(text.replace('rows: "> 0"', 'rows: "> 100000"'), encoding="utf-8")
    monkeypatch.setattr(sites, "DEFINITIONS", definitions)
    evaluation, kept = materialised(settings, manifest)
    assert (evaluation.asset_key, evaluation.passed) == (FUNNEL, False)
    assert evaluation.metadata["kept_last_good"].value is True
    assert "expected > 100000" in str(evaluation.metadata["failures"].value)
    assert "This is the last good version of this page." in kept
    assert "<li><strong>Reached or passed</strong>: the result has " in kept
    body = good.partition('<div class="title">')[2]
    assert body
    assert kept.endswith(body)


def test_fairness_is_drawn_from_a_postgres_warehouse(
    built_on_postgres: str, postgres_home: Path, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, warehouse_url=built_on_postgres)
    readers.publish(settings)
    manifest = postgres_home / "target" / "manifest.json"
    [(audience, report)] = sites.build_sites(settings, manifest, audiences=["fairness"])
    assert report.failures == ()
    assert stat.S_IMODE((tmp_path / audience.directory).stat().st_mode) == 0o700
    with psycopg.connect(built_on_postgres) as warehouse:
        [(numbers, audit_id)] = warehouse.execute(
            "select count(*), max(audit_id) from restricted.rpt_bias_audit_summary"
            " where is_newest_version and dimension in ('sex', 'race') and client_name is null"
        ).fetchall()
    page = report.index.read_text(encoding="utf-8")
    card = page.partition('id="cells_hidden"')[2].partition("</section>")[0]
    assert f"of {numbers} numbers" in card
    assert numbers > 0
    assert f"Cut {audit_id} · " in page


def test_a_query_that_postgres_refuses_or_does_not_answer_is_told_without_its_values(built_on_postgres: str) -> None:
    card = Card("a", "A", "kpi", "A.", encode=Encode(y=(Measure("a"),)), budget_seconds=0.01)
    told = {}
    with Serving(built_on_postgres) as warehouse:
        for sql in (
            "select a from marts.nothing",
            "select cast(word as integer) as a from (select 'a secret' as word) as words",
            "select count(*) as a from generate_series(1, 1000000000000)",
        ):
            with pytest.raises(Exception) as refused:  # noqa: PT011  the driver's own
                Asking(warehouse, card).arrow(sql)
            told[sql] = refusal(refused.value)
        assert warehouse.arrow("select 1 as a").num_rows == 1  # the connection goes on
    missing, wrong, endless = told.values()
    assert missing == 'the query failed (ProgrammingError): relation "serving.nothing" does not exist'
    assert wrong == "the query failed (DataError)"
    assert endless.startswith("the query was stopped after 0.3 s, 30 times its budget")
