"""The arithmetic of the bias audit, on DuckDB and Postgres: as scipy and statsmodels have it, as the rule prints it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path

import duckdb
import numpy as np
import psycopg
import pytest
from scipy.stats import fisher_exact
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from tests.models.bias_counts import (
    WORKED_RACE,
    WORKED_RATIOS,
    WORKED_SEX,
    Cell,
    Stratum,
    berkeley,
    cells,
    paired,
    random_strata,
)

pytestmark = pytest.mark.slow

Row = Mapping[str, object]


class Audit:
    """The audit as dbt compiled it, over counts of our own; on either warehouse, in a transaction that is given up."""

    def __init__(self, connection: duckdb.DuckDBPyConnection | psycopg.Connection, pooled: str, audit: str) -> None:
        self._connection, self._pooled, self._audit = connection, pooled, audit

    def of(self, counts: Sequence[Cell], strata: Sequence[Stratum] = ()) -> dict[tuple[int, str], Row]:
        """Return the rows of the audit by audit's number and category."""
        run = self._connection.execute
        place = "'a', 'hired', 'selection', 'sex'"
        run("begin")
        run("delete from restricted.int_bias_counts")
        run("delete from restricted.int_bias_strata")
        run(
            "insert into restricted.int_bias_counts (model_version_id, client_slug, tool_stage, metric, dimension,"
            " category, n, selected, member_count, n_squares, n_selected_products, selected_squares, is_unknown)"
            " values "
            + ", ".join(
                f"({one.audit}, {place}, '{one.category}', {one.n}, {one.selected}, {one.n}, {one.n}, {one.selected},"
                f" {one.selected}, {one.is_unknown})"
                for one in counts
            )
        )
        if strata:
            run(
                "insert into restricted.int_bias_strata (model_version_id, client_slug, tool_stage, metric, dimension,"
                " category, opportunity_id, n, selected) values "
                + ", ".join(
                    f"({one.audit}, {place}, '{one.category}', {one.opportunity}, {one.n}, {one.selected})"
                    for one in strata
                )
            )
        run("delete from restricted.int_bias_pooled")
        run(f"insert into restricted.int_bias_pooled {self._pooled}")
        cursor = run(self._audit)
        names = [str(column[0]) for column in cursor.description or ()]
        rows = [dict(zip(names, map(_plain, row), strict=True)) for row in cursor.fetchall()]
        run("rollback")
        return {(int(str(row["model_version_id"])), str(row["category"])): row for row in rows}


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


@pytest.fixture(params=["duckdb", "postgres"])
def audit(request: pytest.FixtureRequest, built: Path, tmp_path: Path) -> Iterator[Audit]:
    compiled = next((built.parent / "target" / "compiled").rglob("models/restricted"))
    pooled, sql = ((compiled / f"{name}.sql").read_text() for name in ("int_bias_pooled", "rpt_bias_audit"))
    if request.param == "duckdb":
        copy = shutil.copy(built, tmp_path / "warehouse.duckdb")
        with duckdb.connect(str(copy)) as connection:
            yield Audit(connection, pooled, sql)
    else:
        with closing(psycopg.connect(request.getfixturevalue("built_on_postgres"), autocommit=True)) as server:
            yield Audit(server, *(text.replace('"warehouse".', "") for text in (pooled, sql)))


def test_ratios_are_those_of_the_rules_worked_example(audit: Audit) -> None:
    rows = audit.of([*WORKED_SEX, *WORKED_RACE])
    found = {category: row["impact_ratio"] for (_, category), row in rows.items()}
    assert found == pytest.approx(WORKED_RATIOS, abs=0.01)
    assert rows[1, "Female"]["z"] == pytest.approx(-1.240, abs=5e-4)
    assert rows[1, "Female"]["p_value"] == pytest.approx(0.215, abs=5e-4)
    assert rows[2, "White"]["z"] == pytest.approx(-2.175, abs=5e-4)
    assert rows[2, "White"]["p_value"] == pytest.approx(0.030, abs=5e-4)
    below = {category for (_, category), row in rows.items() if row["adverse_impact"]}
    assert below == {"White", "Black or African American", "Asian"}


def test_berkeley_admitted_women_less_only_in_sum(audit: Audit) -> None:
    strata = berkeley(1)
    row = audit.of(cells(strata), strata)[1, "Women"]
    assert row["impact_ratio"] == pytest.approx(0.68, abs=0.005)
    assert row["z"] == pytest.approx(-9.60, abs=0.005)
    assert row["adverse_impact"]
    assert float(str(row["pooled_impact_ratio"])) > 1
    assert float(str(row["pooled_p_value"])) > 0.1


def test_every_number_is_that_of_scipy_and_statsmodels(audit: Audit) -> None:
    chance = random.Random(5)
    strata = [one for number in range(150) for one in random_strata(chance, number)]
    counts = cells(strata)
    rows = audit.of(counts, strata)
    assert len(rows) == len(counts)
    used = {"z": 0, "fisher": 0, "pooled": 0}
    for own in counts:
        row = rows[own.audit, own.category]
        if row["is_excluded_lt2pct"]:
            assert own.n * 50 < sum(one.n for one in counts if one.audit == own.audit)
            continue
        best = next(one for one in counts if one.audit == own.audit and one.category == row["benchmark_category"])
        assert Fraction(best.selected, best.n) >= Fraction(own.selected, own.n)
        if best.selected:
            assert row["impact_ratio"] == pytest.approx(own.selected / own.n / (best.selected / best.n), rel=1e-12)
        wanted = Fraction(4, 5) * Fraction(best.selected, best.n)
        assert row["adverse_impact"] == (Fraction(own.selected, own.n) < wanted)
        assert row["shortfall"] == max(0, ceil(wanted * own.n) - own.selected)
        if own.category == best.category:
            assert row["test_used"] is None
            continue
        used[str(row["test_used"])] += 1
        assert row["p_value"] == pytest.approx(_p_value(str(row["test_used"]), own, best), abs=1e-7)
        if 0 < own.selected < own.n and 0 < best.selected < best.n:
            low, high = confint_proportions_2indep(
                own.selected, own.n, best.selected, best.n, compare="ratio", method="log"
            )
            assert (row["ir_ci_low"], row["ir_ci_high"]) == pytest.approx((low, high), rel=1e-6)
        used["pooled"] += _agrees_pooled(row, [one for one in strata if one.audit == own.audit], own, best)
    assert min(used.values()) > 30


def _p_value(test: str, own: Cell, best: Cell) -> float:
    if test == "fisher":
        table = [[own.selected, own.n - own.selected], [best.selected, best.n - best.selected]]
        return float(fisher_exact(table).pvalue)
    return float(proportions_ztest([own.selected, best.selected], [own.n, best.n])[1])


def _agrees_pooled(row: Row, strata: Sequence[Stratum], own: Cell, best: Cell) -> bool:
    """Compare with statsmodels; False where too few decisions give it no test."""
    pairs = paired(strata, own.category, best.category)
    if row["pooled_z"] is None or row["pooled_impact_ratio"] is None or any(_n(pair) < 2 for pair in pairs):
        return False
    tables = [
        np.array([[one.selected, one.n - one.selected] for one in (pair[own.category], pair[best.category])], float)
        for pair in pairs
    ]
    pooled = StratifiedTable(tables)
    assert row["stratum_count"] == len(tables)
    assert row["pooled_impact_ratio"] == pytest.approx(pooled.riskratio_pooled, rel=1e-9)
    assert row["pooled_p_value"] == pytest.approx(pooled.test_null_odds(correction=False).pvalue, abs=1e-7)
    return True


def _n(pair: Mapping[str, Stratum]) -> int:
    return sum(one.n for one in pair.values())


def test_the_unknown_are_told_and_in_no_ratio(audit: Audit) -> None:
    rows = audit.of([Cell(1, "Male", 90, 30), Cell(1, "Female", 80, 20), Cell(1, "Unknown", 50, 50, is_unknown=True)])
    assert rows[1, "Unknown"]["n"] == 50
    assert rows[1, "Unknown"]["impact_ratio"] is rows[1, "Unknown"]["share"] is None
    assert rows[1, "Female"]["benchmark_category"] == "Male"
    assert rows[1, "Female"]["share"] == pytest.approx(80 / 170)
