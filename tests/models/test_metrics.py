"""The metric layer: one spelling for reports and cards, words for each formula, a page made from both."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from dashboards.errors import DefinitionError
from dashboards.metrics import Formula, expand, load_metrics
from orchestration.models.dictionary import column_texts, dictionary
from orchestration.models.exposures import exposures
from orchestration.walk.sites import definitions

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt_project"
METRICS = load_metrics(PROJECT)
MODELS = {path.stem: path for path in (PROJECT / "models").rglob("*.sql")}
CARDS = sorted((ROOT / "dashboards" / "definitions" / "cards").glob("*.sql"))
TAG = re.compile(r"{{ (?:metric|metric_of_sums)\('\w+'(?:, '\w+')?\) }}")
# What spells a ratio, a mean or a percentile. A constant below the line only changes the unit (/ 60, / 86400).
BY_HAND = re.compile(r"/(?!\s*\d)|safe_divide\(|\b(?:avg|mean|median|percentile\w*|quantile\w*|regr_\w+)\s*\(")
NO_METRIC = {
    # Points of a component of client health: a straight line between two values of a seed.
    "rpt_client_health_weekly": "(measures.measure - weights.zero_at) / (weights.full_at - weights.zero_at)",
    # Of a page's own: of decisions about people who did not tell, and of a log that no model holds.
    "fairness_summary": "cast(coalesce(unknown_n, 0) as double precision) / nullif(all_n, 0)",
    "usage_by_user": "median(seconds)",
}
# Formulas over counts of a fact's rows, which cards count, and over strata that leave no column.
OVER_ROWS = {
    *("fresh_table_share", "mean_score", "org_unit_change_share", "pooled_impact_ratio"),
    *("recommendation_click_rate", "role_change_share"),
}
RATES = re.compile(
    r"(share|rate|ratio|retention|coverage|diversity|gini|entropy|p_value)$|^(median|mean|p90)_|^(stickiness|health_score)$"
)


@cache
def described(model: str) -> dict[str, str]:
    """Return the model's columns with their descriptions."""
    (entry,) = yaml.load(MODELS[model].with_suffix(".yml").read_text(), Loader=yaml.CSafeLoader)["models"]
    return {column["name"]: column["description"] for column in entry["columns"]}


def columns(model: str) -> set[str]:
    return set(described(model))


def words(formula: Formula) -> set[str]:
    texts = (formula.numerator, formula.denominator, formula.formula, formula.mean, formula.weight)
    return set(re.findall(r"[a-z_]\w*", " ".join(text for text in texts if text is not None)))


def by_hand(name: str, sql: str) -> list[str]:
    """Return what spells a ratio in a text without comments, but for what is no metric."""
    return BY_HAND.findall(sql.replace(NO_METRIC.get(name, "\0"), ""))


def test_formulas_are_names_of_columns_numbers_and_plain_operators() -> None:
    for name, metric in METRICS.items():
        it = metric.formula
        for text in filter(None, (it.numerator, it.denominator, it.formula, it.column, it.mean, it.weight)):
            assert re.fullmatch(r"[a-z0-9_ +*()-]+", text), name
            assert not re.search(r"[a-z_]\(", text), f"{name} calls a function"


def test_a_metric_can_be_computed_again_from_the_columns_of_its_first_model() -> None:
    for name, metric in METRICS.items():
        assert (words(metric.formula) <= columns(metric.models[0])) is (name not in OVER_ROWS), name
        for model in metric.models:
            assert model in MODELS, name
            if metric.column_name is not None and not model.startswith(("fct_", "dim_")):
                assert metric.column_name in columns(model), (name, model)


def test_every_rate_of_a_report_is_a_metric() -> None:
    found = {(model, metric.column_name) for metric in METRICS.values() for model in metric.models}
    rates = {
        (report, column)
        for report in (name for name in MODELS if name.startswith("rpt_"))
        for column in columns(report)
        if RATES.search(column) and not column.endswith("_points")
    }
    assert rates <= found
    assert len(rates) > 40


def test_reports_and_cards_name_metrics_instead_of_dividing() -> None:
    reports = [path for name, path in MODELS.items() if name.startswith("rpt_")]
    assert {path.stem for path in (*reports, *CARDS) if by_hand(path.stem, _code(path))} == set()
    paths = MODELS | {path.stem: path for path in CARDS}
    assert all(spelled in _code(paths[name]) for name, spelled in NO_METRIC.items())


@pytest.mark.parametrize(
    "spelled",
    [
        "sum(hired) / sum(applied)",
        "sum(hired)/count(*)",
        "1.0 * hired / nullif(applied, 0)",
        "avg(is_hired::integer)",
        "{{ safe_divide('hired', 'applied') }}",
        "{{ percentile('days', 0.5) }}",
        "percentile_cont(0.5) within group (order by days)",
        "median(days)",
    ],
)
def test_a_ratio_that_is_spelled_by_hand_is_found(spelled: str) -> None:
    assert by_hand("any", f"select {spelled} as it from applications")


def test_metrics_and_units_are_not_taken_for_ratios() -> None:
    assert not by_hand("any", "select {{ metric('active_share', 'a') }} as active_share, seconds / 60 as minutes")


@pytest.mark.slow
def test_macros_of_models_and_cards_spell_the_same_text(built: Path) -> None:
    everything = (built.parent / "target" / "compiled").rglob("*.sql")
    compiled = {path.stem: path for path in everything if path.parent.suffix != ".yml"}  # there lie fixtures of tests
    spelled = 0
    for name, path in MODELS.items():
        for tag in TAG.findall(path.read_text()):
            assert expand(tag, METRICS, path=path) in compiled[name].read_text(), (name, tag)
            spelled += 1
    assert spelled >= 40


def test_sums_of_a_group_are_summed_before_they_are_divided() -> None:
    fill = METRICS["internal_fill_rate"].formula
    assert fill.sql("w", sums=True) == (
        "cast(sum(w.internal_hire_count) as double precision)"
        " / nullif(sum(w.internal_hire_count) + sum(w.external_hire_count), 0)"
    )
    assert METRICS["exposure_gini"].formula.sql("c", sums=True) == (
        "cast(sum(c.exposure_gini * c.impression_count) as double precision) / nullif(sum(c.impression_count), 0)"
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


def test_columns_that_hold_a_metric_are_described_by_its_words() -> None:
    assert (PROJECT / "models" / "metrics.md").read_text() == column_texts(), (
        "python -m orchestration.models.dictionary --columns > dbt_project/models/metrics.md"
    )
    held = [(model, metric) for metric in METRICS.values() for model in metric.models]
    held = [(model, metric) for model, metric in held if metric.column_name in columns(model)]
    assert len(held) > 70
    for model, metric in held:
        text = described(model)[str(metric.column_name)]
        assert f"{{{{ doc('metric_{metric.name}') }}}}" in text, (model, metric.column_name)


def _code(path: Path) -> str:
    return "\n".join(line.partition("--")[0] for line in path.read_text().splitlines())


def test_exposures_are_what_the_dashboards_read() -> None:
    assert (ROOT / "dbt_project" / "models" / "_exposures.yml").read_text() == exposures(definitions()), (
        "python -m orchestration.models.exposures > dbt_project/models/_exposures.yml"
    )
