"""Base rates are held against those of earlier sets, with room for chance."""

from pathlib import Path

import pytest

import training
from tests.training.examples import CUT, DuckDB
from training import DatasetSpec, build_dataset
from training.base_rates import base_rates, usual
from training.earlier import earlier


def test_base_rate_is_the_mean_over_mature_rows_of_all_splits(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    dataset = training.open(build_dataset(connection, spec, out=out, cut=CUT).directory)
    labels = [value.as_py() for split in ("train", "valid", "test") for value in dataset.arrow(split)["label_apply_5d"]]
    known = [value for value in labels if value is not None]

    found = base_rates(dataset.manifest)["label_apply_5d"]

    assert found.mature == len(known)
    assert found.rate == pytest.approx(sum(known) / len(known))


def test_earlier_sets_are_those_known_before_newest_first(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    moments = [CUT.at.replace(month=3, day=day) for day in (5, 25, 15)]
    for moment in moments:
        build_dataset(connection, spec, out=out, cut=CUT, as_of=moment)

    found = earlier("examples", CUT.at.replace(month=3, day=25), out)

    assert [one.manifest.as_of.day for one in found] == [15, 5]
    assert earlier("others", CUT.at, out) == []


def test_rate_far_from_those_before_is_outside_and_chance_is_allowed_for(
    connection: DuckDB, spec: DatasetSpec, out: Path
) -> None:
    before = [
        training.open(
            build_dataset(connection, spec, out=out, cut=CUT, as_of=CUT.at.replace(month=3, day=day)).directory
        )
        for day in (5, 15, 25)
    ]
    connection.raw.execute("update ml.examples set label_apply_5d = true where example_id % 2 = 0")
    now = training.open(build_dataset(connection, spec, out=out, cut=CUT).directory)
    manifests = [one.manifest for one in before]

    apply, click = (usual(label, now.manifest, manifests, tolerance=0.1) for label in now.labels[1::-1])

    rates = base_rates(now.manifest)
    assert apply is not None
    assert click is not None
    assert apply.sets == 3
    assert (rates["label_apply_5d"].rate or 0) > apply.greatest
    assert click.least < (rates["label_click_24h"].rate or 0) < click.greatest


def test_label_that_earlier_sets_meant_otherwise_is_not_judged_by_them(
    connection: DuckDB, spec: DatasetSpec, out: Path
) -> None:
    from dataclasses import replace
    from datetime import timedelta

    other = replace(spec, labels=tuple(replace(label, window=timedelta(days=4)) for label in spec.labels))
    before = build_dataset(connection, other, out=out, cut=CUT, as_of=CUT.at.replace(month=3, day=5))
    now = training.open(build_dataset(connection, spec, out=out, cut=CUT).directory)

    assert usual("label_apply_5d", now.manifest, [training.open(before.directory).manifest], tolerance=0.1) is None
