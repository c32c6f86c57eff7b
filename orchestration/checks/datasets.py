"""The way out of training sets: what datasets.yaml promises of the written files, drift, and base rates of labels.

One run of Great Expectations on a view over the Parquet parts, in a DuckDB in memory: rows that break a promise are a
failure, a feature that moved or a label that became rare is a warning. Drift and base rates are measured by `training`
and come in as rules on what was measured, so that all of it stands on one page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from orchestration.checks.contract import Contract, Rule, read_contract
from orchestration.checks.errors import ChecksError
from orchestration.checks.results import LandingResult
from training import Dataset
from training.base_rates import base_rates, usual
from training.drift import drift
from training.spec import SPLITS

DATASETS = Path(__file__).with_name("datasets.yaml")
SCHEMA = "datasets"
DRIFT, BASE_RATE = "drift_of_", "base_rate_of_"  # how the names of measured rules begin


@dataclass(frozen=True, slots=True)
class DatasetPromises:
    """What the sets of one specification promise, and when somebody should look."""

    contract: Contract
    psi_at_most: float
    sets: int
    at_least: int
    tolerance: float


@dataclass(frozen=True, slots=True)
class DatasetResult:
    """The outcomes by the question that they answer, with the cut that the set was built on and its base rates."""

    promises: LandingResult
    drift: LandingResult
    base_rates: LandingResult
    cut: str  # epoch:position
    rates: Mapping[str, float | None]  # by label, over all splits; None where no row is mature


def load_promises(path: Path = DATASETS) -> dict[str, DatasetPromises]:
    """Read the promises by the specification's name. Raises ChecksError for what cannot be meant."""
    return {name: _promises(name, body) for name, body in yaml.safe_load(path.read_text(encoding="utf-8")).items()}


def check_dataset(
    dataset: Dataset, earlier: Sequence[Dataset], promises: DatasetPromises, *, data_docs: Path | None = None
) -> DatasetResult:
    """Check a finished dataset against its promises and against earlier ones, newest first.

    With `data_docs` its page for people is written there. Imports Great Expectations.
    """
    import duckdb

    from orchestration.checks.landing import engine_on, run_landing_checks

    measured = [*_drift_rules(dataset, earlier[:1], promises), *_base_rate_rules(dataset, earlier, promises)]
    contract = replace(promises.contract, rules=(*promises.contract.rules, *measured))
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'; set autoinstall_known_extensions = false")
        connection.execute(f"create schema {SCHEMA}")
        connection.execute(f'create view {SCHEMA}."{contract.table}" as {_rows(dataset)}')
        [result] = run_landing_checks(engine_on(connection), [contract], data_docs=data_docs)
    return DatasetResult(
        _only(result, lambda name: not name.startswith((DRIFT, BASE_RATE))),
        _only(result, lambda name: name.startswith(DRIFT)),
        _only(result, lambda name: name.startswith(BASE_RATE)),
        "{epoch}:{lsn}".format(**dataset.manifest.document["cut"]),
        {name: found.rate for name, found in base_rates(dataset.manifest).items()},
    )


def _promises(name: str, body: Mapping[str, Any]) -> DatasetPromises:  # Any: parsed YAML
    rest = dict(body)
    try:
        moved, rates = dict(rest.pop("drift")), dict(rest.pop("base_rates"))
        return DatasetPromises(
            read_contract(f"{SCHEMA}.{name}", rest),
            float(moved.pop("psi_at_most")),
            int(rates.pop("sets")),
            int(rates.pop("at_least")),
            float(rates.pop("tolerance")),
        )
    except KeyError as error:
        raise ChecksError(f"{DATASETS.name}: {name}: {error.args[0]!r} is missing") from error


def _rows(dataset: Dataset) -> str:
    parts = (
        f"select *, '{split}' as split from read_parquet('{_quoted(dataset.directory / split)}/part-*.parquet')"
        for split in SPLITS
    )
    return " union all ".join(parts)


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("'", "''")


def _drift_rules(dataset: Dataset, parents: Sequence[Dataset], promises: DatasetPromises) -> list[Rule]:
    most = promises.psi_at_most
    if not parents:
        return [Rule(f"{DRIFT}columns", "measure", "not judged yet, there is no earlier set", "warning")]
    found = drift(parents[0], dataset)
    return [
        Rule(
            f"{DRIFT}{name}",
            "measure",
            f"PSI of {name} against {found['parent']}: at most {most:g}",
            "warning",
            arguments={"value": moved["psi"], "min_value": 0.0, "max_value": most},
        )
        for name, moved in found["columns"].items()
    ]


def _base_rate_rules(dataset: Dataset, earlier: Sequence[Dataset], promises: DatasetPromises) -> list[Rule]:
    before = [one.manifest for one in earlier[: promises.sets]]
    rules = []
    for name, found in base_rates(dataset.manifest).items():
        expected = usual(name, dataset.manifest, before, tolerance=promises.tolerance)
        judged = 0 if expected is None else expected.sets
        if expected is None or judged < promises.at_least or found.rate is None:
            why = (
                "no row is mature" if found.rate is None else f"{judged} of {promises.at_least} earlier sets are known"
            )
            rules.append(Rule(f"{BASE_RATE}{name}", "measure", f"{name}: not judged yet, {why}", "warning"))
            continue
        text = f"base rate of {name} as in {judged} earlier sets: {expected.least:.4g} to {expected.greatest:.4g}"
        limits = {"value": found.rate, "min_value": expected.least, "max_value": expected.greatest}
        rules.append(Rule(f"{BASE_RATE}{name}", "measure", text, "warning", arguments=limits))
    return rules


def _only(result: LandingResult, wanted: Callable[[str], bool]) -> LandingResult:
    return replace(result, outcomes=tuple(outcome for outcome in result.outcomes if wanted(outcome.name)))
