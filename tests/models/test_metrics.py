"""The metric layer: one spelling for reports and cards, words for each formula, a page made from both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from dashboards.errors import DefinitionError
from dashboards.metrics import Formula, expand, load_metrics
from orchestration.models.dictionary import dictionary

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt_project"
METRICS = load_metrics(PROJECT)
MODELS = {path.stem: path for path in (PROJECT / "models").rglob("*.sql")}
CARDS = sorted((ROOT / "dashboards" / "definitions" / "cards").glob("*.sql"))
TAG = re.compile(r"{{ (?:metric|metric_of_sums)\('\w+'(?:, '\w+')?\) }}")
BY_HAND = {
    # Shares of applications, moves and scores, over rows of facts; four stages side by side.
    *("calibration", "conversion_by_cohort", "conversion_by_source", "moves_by_kind"),
    # Indices over ranks and shares, which no column holds.
    *("exposure_evenness", "rpt_recommendation_coverage_weekly"),
    # Over the report's own groups and parts, with their sums beside them.
    *("rpt_client_health_weekly", "rpt_days_in_stage_weekly", "rpt_freshness_budget_daily"),
    *("rpt_list_diversity_weekly", "rpt_time_to_fill_weekly"),
    # A share of the tables, at the cut.
    "freshness_summary",
}


def columns(model: str) -> set[str]:
    (entry,) = yaml.safe_load(MODELS[model].with_suffix(".yml").read_text())["models"]
    return {column["name"] for column in entry["columns"]}


def words(formula: Formula) -> set[str]:
    texts = (formula.numerator, formula.denominator, formula.formula)
    return set(re.findall(r"[a-z_]\w*", " ".join(text for text in texts if text is not None)))


def test_formulas_are_names_of_columns_numbers_and_plain_operators() -> None:
    for name, metric in METRICS.items():
        it = metric.formula
        for text in filter(None, (it.numerator, it.denominator, it.formula, it.column)):
            assert re.fullmatch(r"[a-z0-9_ +*()-]+", text), name
            assert not re.search(r"[a-z_]\(", text), f"{name} calls a function"


def test_a_metric_can_be_computed_again_from_the_columns_of_its_first_model() -> None:
    for name, metric in METRICS.items():
        assert words(metric.formula) <= columns(metric.models[0]), name
        if metric.column_name is not None and metric.formula.percentile is None:
            assert metric.column_name in columns(metric.models[0]), name
        for model in metric.models:
            assert model in MODELS, name


def test_reports_and_cards_name_metrics_instead_of_dividing() -> None:
    reports = [path for path in MODELS.values() if path.parent.name == "reporting"]
    dividing = {
        path.stem for path in reports if "safe_divide(" in path.read_text() or "percentile(" in path.read_text()
    }
    dividing |= {path.stem for path in CARDS if re.search(r" / |avg\(|median\(|quantile", _code(path))}
    assert dividing == BY_HAND


@pytest.mark.slow
def test_macros_of_models_and_cards_spell_the_same_text(built: Path) -> None:
    everything = (built.parent / "target" / "compiled").rglob("*.sql")
    compiled = {path.stem: path for path in everything if path.parent.suffix != ".yml"}  # there lie fixtures of tests
    spelled = 0
    for name, path in MODELS.items():
        for tag in TAG.findall(path.read_text()):
            assert expand(tag, METRICS, path=path) in compiled[name].read_text(), (name, tag)
            spelled += 1
    assert spelled >= 18


def test_sums_of_a_group_are_summed_before_they_are_divided() -> None:
    fill = METRICS["internal_fill_rate"].formula
    assert fill.sql("w", sums=True) == (
        "cast(sum(w.internal_hire_count) as double precision)"
        " / nullif(sum(w.internal_hire_count) + sum(w.external_hire_count), 0)"
    )
    assert METRICS["stickiness"].formula.sql(sums=True).endswith("/ nullif(28 * sum(active_28d_count), 0)")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "select\n{{ metric('internal_fil_rate') }}",
            "c.sql:2: metric 'internal_fil_rate' does not exist; did you mean",
        ),
        ("{{ metric_of_sums('median_days_to_hire') }}", "metric 'median_days_to_hire' is a percentile"),
        ("{{ metric('lag_seconds') }}", "metric 'lag_seconds' has no formula"),
    ],
)
def test_a_wrong_metric_in_a_card_is_reported_with_its_line(sql: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(message)):
        expand(sql, METRICS, path=Path("c.sql"))


def test_a_formula_without_words_is_reported(tmp_path: Path) -> None:
    (tmp_path / "metrics.yml").write_text((PROJECT / "metrics.yml").read_text())
    (tmp_path / "dbt_project.yml").write_text("vars: {metrics: {luck: {formula: wins}}}")
    with pytest.raises(DefinitionError, match="metric 'luck' has a formula and no words here"):
        load_metrics(tmp_path)


def test_the_dictionary_is_what_the_metric_layer_says() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == dictionary(), (
        "python -m orchestration.models.dictionary > docs/metrics.md"
    )


def _code(path: Path) -> str:
    return "\n".join(line.partition("--")[0] for line in path.read_text().splitlines())
