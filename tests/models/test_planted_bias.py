"""The audit finds what was planted in the stand-in's story, at the size of the demo, and nothing where nothing was.

The story's rows go straight into the relations that the restricted models read; the models are those that dbt compiled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from demo.config import BIAS, DemoConfig
from demo.simulation import Simulation
from demo.story import Change, Delete, Insert

pytestmark = pytest.mark.slow

END = dt.date(2026, 11, 2)
UNFAIR = 3  # matcher 2.0.0
CHAIN = (
    *("int_bias_decisions", "int_bias_counts", "int_bias_strata"),
    *("int_bias_comparisons", "int_bias_exact_tests", "int_bias_pooled", "rpt_bias_audit"),
)
EMPTY = """
create schema marts; create schema restricted; create schema intermediate;
create table intermediate.int_current_cut as select 1 as cut_id, timestamptz '2026-11-02 00:00:00+00' as cut_at;
create table marts.dim_model_version (model_version_id bigint, model_label text);
create table marts.fct_applications (
    application_id bigint, client_id bigint, member_id bigint, opportunity_id bigint, recommendation_id bigint,
    status text, furthest_stage_rank integer, decided_at timestamptz);
"""


@dataclass
class Told:
    """What a story told of recommendations and of who people are."""

    engines: dict[object, object] = field(default_factory=dict)
    recommendations: list[tuple[object, ...]] = field(default_factory=list)
    people: dict[object, tuple[object, ...]] = field(default_factory=dict)

    def hear(self, changes: Iterable[Change]) -> None:
        for change in changes:
            if isinstance(change, Delete) and change.table.name == "restricted.member_demographics":
                self.people.pop(change.key["member_id"], None)
            elif isinstance(change, Insert) and change.table.name == "restricted.member_demographics":
                self.people.update((row[0], row[:4]) for row in change.rows)
            elif isinstance(change, Insert) and change.table.name == "recommendation_requests":
                self.engines.update((row[0], row[5]) for row in change.rows)
            elif isinstance(change, Insert) and change.table.name == "match_recommendations":
                self.recommendations.extend((row[0], *row[2:7], self.engines[row[1]], row[11]) for row in change.rows)


def told(bias: float) -> Told:
    config = DemoConfig(end_on=END, bias=bias)
    found = Told()
    for one in Simulation(config).transactions(config.end):
        found.hear(one.changes)
    return found


def audited(story: Told, directory: Path, built: Path) -> duckdb.DuckDBPyConnection:
    """Return a warehouse with the audit of the story."""
    connection = duckdb.connect(directory / "warehouse.duckdb")
    connection.execute(EMPTY)
    names = (
        "recommendation_id",
        "client_id",
        "member_id",
        "opportunity_id",
        "rank",
        "score",
        "model_version_id",
        "asked",
    )
    columns = zip(*story.recommendations, strict=True)
    connection.register("recommendations", pa.table(dict(zip(names, map(list, columns), strict=True))))
    connection.execute(
        "create table marts.fct_recommendations as select * exclude (asked), make_timestamptz(asked) as requested_at"
        " from recommendations;"
        "create table intermediate.int_clients_zoned as"
        " select distinct client_id, 'client ' || client_id as client_slug from recommendations"
    )
    names = ("member_id", "client_id", "sex", "race_ethnicity")
    columns = zip(*story.people.values(), strict=True)
    connection.register("people", pa.table(dict(zip(names, map(list, columns), strict=True))))
    connection.execute("create table restricted.stg_restricted__member_demographics as from people")
    for name in CHAIN:
        (path,) = (built.parent / "target" / "compiled").rglob(f"models/restricted/{name}.sql")
        connection.execute(f"create table restricted.{name} as {path.read_text(encoding='utf-8')}")
    return connection


def women_over_men(audit: duckdb.DuckDBPyConnection, version: int) -> tuple[float, float, float]:
    """Return the ratio of scoring rates of women to men over all clients, with its interval."""
    rows = audit.execute(
        "select category, impact_ratio, ir_ci_low, ir_ci_high from restricted.rpt_bias_audit"
        " where client_slug = '(all)' and metric = 'scoring' and dimension = 'sex'"
        " and test_used is not null and model_version_id = ?",
        [version],
    ).fetchall()
    ((category, ratio, low, high),) = [row for row in rows if row[0] in ("Male", "Female")]
    return (ratio, low, high) if category == "Female" else (1 / ratio, 1 / high, 1 / low)


def logits(audit: duckdb.DuckDBPyConnection, client: int) -> npt.NDArray[np.float64]:
    """Return the best scores of the newest matcher, one of each pair, as logits."""
    rows = audit.execute(
        "select max(ln(score / (1 - score))) as logit from marts.fct_recommendations"
        " where client_id = ? and model_version_id = ? group by member_id, opportunity_id",
        [client, UNFAIR],
    ).fetchnumpy()
    return np.asarray(rows["logit"], dtype=np.float64)


def planted_ratio(fair: duckdb.DuckDBPyConnection, unfair: duckdb.DuckDBPyConnection) -> float:
    """What the bias does to the ratio where sex decides nothing else: everybody's fair scores, with it and without."""
    passed, assessed = {"Male": 0.0, "Female": 0.0}, {"Male": 0, "Female": 0}
    for client, sex, n in unfair.execute(
        "select client_id, category, n from restricted.int_bias_counts where client_id is not null"
        " and metric = 'scoring' and dimension = 'sex' and category in ('Male', 'Female') and model_version_id = ?",
        [UNFAIR],
    ).fetchall():
        median = np.median(logits(unfair, client))
        taken_off = BIAS if sex == "Female" else 0.0
        passed[sex] += n * float(np.mean(logits(fair, client) - taken_off > median))
        assessed[sex] += n
    return passed["Female"] / assessed["Female"] / (passed["Male"] / assessed["Male"])


@pytest.fixture(scope="module")
def fair(built: Path, tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    return audited(told(0), tmp_path_factory.mktemp("fair"), built)


@pytest.fixture(scope="module")
def unfair(built: Path, tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    return audited(told(BIAS), tmp_path_factory.mktemp("unfair"), built)


def test_the_planted_bias_is_found_within_its_confidence_interval(
    fair: duckdb.DuckDBPyConnection, unfair: duckdb.DuckDBPyConnection
) -> None:
    _, low, high = women_over_men(unfair, UNFAIR)
    planted = planted_ratio(fair, unfair)
    assert low < planted < high
    assert high < 1


@pytest.mark.parametrize("version", [2, UNFAIR])
def test_no_bias_is_found_where_none_was_planted(fair: duckdb.DuckDBPyConnection, version: int) -> None:
    _, low, high = women_over_men(fair, version)
    assert low < 1 < high


def test_the_older_matcher_stays_fair(unfair: duckdb.DuckDBPyConnection) -> None:
    _, low, high = women_over_men(unfair, 2)
    assert low < 1 < high


def test_only_scores_of_the_newest_matcher_differ_between_the_two_stories(
    fair: duckdb.DuckDBPyConnection, unfair: duckdb.DuckDBPyConnection
) -> None:
    columns = "recommendation_id, client_id, member_id, opportunity_id, rank, model_version_id, requested_at"
    for query in (
        f"select {columns} from marts.fct_recommendations order by 1",
        f"select {columns}, score from marts.fct_recommendations where model_version_id <> {UNFAIR} order by 1",
        "from restricted.stg_restricted__member_demographics order by 1",
    ):
        one, other = (connection.execute(query).fetchnumpy() for connection in (fair, unfair))
        assert all(np.array_equal(one[name], other[name]) for name in one)
